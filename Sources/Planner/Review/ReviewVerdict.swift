import Parser

extension PlanReview {
  /// Whether a VM is coherent, and if it is not, because of which devices.
  public struct Verdict: Hashable, Sendable {
    /// What KVM does with the guest's WBINVD.
    public enum WBINVD: Hashable, Sendable {
      /// It ignores it.
      case ignored
      /// It may carry it out, as a fact is unknown.
      case perhapsCarriedOut
      /// It carries it out.
      case carriedOut
      /// There is no KVM that has two ways to.
      case neither
    }

    /// Whether all DMA is.
    public let coherence: Row.Coherence
    /// What KVM does.
    public let wbinvd: WBINVD
    /// Whether KVM does it only because the description says so.
    public let isByOrder: Bool
    /// The positions of the devices whose DMA is not coherent, or counts as such.
    public let devices: [Int]
    /// One sentence without its full stop, for example `all DMA is coherent, so KVM ignores the
    /// guest's WBINVD`.
    public let sentence: String
    /// Why the devices are not coherent, a clause for all that have the same reason, each of the
    /// form `igd (0000:00:02.0, graphics card) is behind dmar0, which can't enforce snoop`.
    public let reasons: [String]

    /// Judges a plan.
    init(_ compiled: CompiledPlan, _ rows: [Row]) {
      let plan = compiled.plan
      devices = rows.indices.filter { rows[$0].coherence != .coherent }
      let isSure = devices.contains { rows[$0].coherence == .not }
      coherence = devices.isEmpty ? .coherent : isSure ? .not : .perhapsNot
      isByOrder = plan.coherency.reason == .override
      if !compiled.host.hasIncoherentMode {
        wbinvd = .neither
      } else if !plan.coherency.allowsIncoherentDMA {
        wbinvd = .ignored
      } else {
        wbinvd = plan.isKVMKnown ? .carriedOut : .perhapsCarriedOut
      }
      sentence = Self.subject(devices, rows) + Self.consequence(wbinvd, isByOrder: isByOrder)
      reasons = IncoherenceCause.all(of: plan, devices).map { $0.clause(plan, rows) }
    }

    /// The reasons as the sentence goes on: `because ...`, `and ...`.
    public var clauses: [String] {
      reasons.enumerated().map { ($0 == 0 ? "because " : "and ") + $1 }
    }

    /// What is said of the DMA.
    private static func subject(_ devices: [Int], _ rows: [Row]) -> String {
      if devices.isEmpty { return "all DMA is coherent" }
      let sure = devices.filter { rows[$0].coherence == .not }
      let perhaps = devices.filter { rows[$0].coherence == .perhapsNot }
      if sure.isEmpty { return "DMA of \(names(perhaps, rows)) may be NON-COHERENT" }
      let start = "DMA of \(names(sure, rows)) is NON-COHERENT"
      return perhaps.isEmpty ? start : start + ", perhaps also that of \(names(perhaps, rows))"
    }

    private static func consequence(_ wbinvd: WBINVD, isByOrder: Bool) -> String {
      switch wbinvd {
      case .ignored: ", so KVM ignores the guest's WBINVD"
      case .carriedOut where isByOrder:
        ", but KVM carries out the guest's WBINVD: the description says 'always'"
      case .carriedOut: ", so KVM carries out the guest's WBINVD"
      case .perhapsCarriedOut: ", so KVM may carry out the guest's WBINVD"
      case .neither: ""
      }
    }

    /// Names as a sentence has them: `a, b and 3 more`.
    static func names(_ devices: [Int], _ rows: [Row]) -> String {
      EnumeratedNames.text(devices.map { rows[$0].name })
    }
  }
}

/// Names as a sentence has them.
enum EnumeratedNames {
  /// `a`, `a and b`, `a, b and c`, `a, b and 3 more`.
  static func text(_ names: [String], _ word: String = "and") -> String {
    sentenceList(names.count > 3 ? Array(names.prefix(2)) : names, of: names.count, word)
  }
}

/// Why some devices of a plan are not coherent.
private struct IncoherenceCause: Hashable {
  /// What decided it.
  enum Kind: Hashable {
    /// What an IOMMU unit can't do, or is not known to: that of the device, or of a mate.
    case unit(String, isKnown: Bool, heldBack: String?, mate: Int?)
    /// What the unit of a member that nobody assigned can't do.
    case stranger(isKnown: Bool)
    /// It is to no-snoop, or a mate is.
    case required(row: Int?, mate: Int?)
    /// The objective.
    case objective(Metric)
    /// Anything else.
    case other
  }

  let kind: Kind
  let isNoSnoopKnown: Bool
  var devices: [Int] = []

  /// The causes, in order of their first devices.
  static func all(of plan: IOASIDPlan, _ devices: [Int]) -> [IncoherenceCause] {
    var (causes, places): ([IncoherenceCause], [IncoherenceCause: Int]) = ([], [:])
    for device in devices {
      let cause = IncoherenceCause(
        kind: kind(of: device, plan), isNoSnoopKnown: plan.devices[device].noSnoopFact == .yes)
      if places[cause] == nil {
        places[cause] = causes.count
        causes.append(cause)
      }
      if let place = places[cause] { causes[place].devices.append(device) }
    }
    return causes
  }

  private static func kind(of index: Int, _ plan: IOASIDPlan) -> Kind {
    let device = plan.devices[index]
    switch device.reason {
    case .cannotEnforce(let other), .notKnownToEnforce(let other):
      let unit = plan.devices[other]
      return .unit(
        unit.iommu, isKnown: unit.enforcementFact != .unknown, heldBack: unit.heldBack,
        mate: other == index ? nil : other)
    case .heldBack(let isKnown): return .stranger(isKnown: isKnown)
    case .required(let other):
      let row = plan.devices[other].resolution.row
      return .required(row: row, mate: other == index ? nil : other)
    case .objective(let metric): return .objective(metric)
    case .forbidden, .targetEnforces, .tie, .kvmNever, .paretoRow: return .other
    }
  }

  /// The cause with its devices, as a clause.
  func clause(_ plan: IOASIDPlan, _ rows: [PlanReview.Row]) -> String {
    let isOne = devices.count == 1
    var subject = PlanReview.Verdict.names(devices, rows)
    if isOne, let row = devices.first.map({ rows[$0] }) {
      subject += " (\(row.address), \(row.product ?? row.kind))"
    }
    let doubt =
      isNoSnoopKnown
      ? ""
      : ", and nobody knows whether \(isOne ? "it no-snoops" : "they no-snoop") (counted as yes)"
    return "\(subject) \(isOne ? "is" : "are") \(text(plan))\(doubt)"
  }

  private func text(_ plan: IOASIDPlan) -> String {
    switch kind {
    case .unit(let name, let isKnown, let heldBack, let mate):
      let start = mate.map { Self.mate($0, plan) + ", which is " } ?? ""
      return start + "behind \(name), " + Self.fault(isKnown, heldBack)
    case .stranger(let isKnown):
      return "in one IOMMU group with a device that nobody assigned, behind an IOMMU "
        + (isKnown ? "that can't enforce snoop" : "that is not known to enforce snoop")
    case .required(let row, let mate):
      let start = mate.map { Self.mate($0, plan) + ", which is " } ?? ""
      guard let row else { return start + "required to no-snoop" }
      return start + "to no-snoop: 'auto' means 'required' \(plan.intentTable.rows[row].origin)"
    case .objective(let metric):
      return "on a page table that does not enforce snoop, because enforcing would raise "
        + metric.rawValue
    case .other: return "on a page table that does not enforce snoop"
    }
  }

  private static func mate(_ mate: Int, _ plan: IOASIDPlan) -> String {
    "in one IOMMU group with \(plan.devices[mate].name)"
  }

  /// What is said of a unit that does not enforce.
  private static func fault(_ isKnown: Bool, _ heldBack: String?) -> String {
    if let heldBack { return "which " + heldBack }
    return isKnown
      ? "which can't enforce snoop"
      : "of which nobody knows whether it enforces snoop (counted as no)"
  }
}

extension AutoIntentRow {
  /// Whom a row is about, or where it stands, as the end of a sentence.
  fileprivate var origin: String { span == nil ? "for \(title ?? "it")" : "by \(source)" }
}
