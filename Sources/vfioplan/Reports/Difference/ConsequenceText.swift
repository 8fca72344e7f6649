import Executor
import Parser
import Planner

/// The consequences of a change, the worst first: what a reviewer has to know.
struct ConsequenceText {
  private let difference: PlanDifference
  private let before: CompiledPlan
  private let after: CompiledPlan
  private let label: String
  private let words: DeviceConsequence
  /// Where the causes stand.
  let places: ChangePlaces

  /// Prepares the text; the later plan is called by a label.
  init(
    _ difference: PlanDifference, _ before: CompiledPlan, _ after: CompiledPlan, label: String,
    files: [SourceFile]
  ) {
    (self.difference, self.before, self.after) = (difference, before, after)
    self.label = label
    words = DeviceConsequence(before, after)
    places = ChangePlaces(
      of: difference.consequences.flatMap(difference.causes), in: files)
  }

  /// What the change comes to, in one sentence.
  var verdict: String {
    ConsequenceVerdict(difference.consequences, isX86: isWBINVDDecided).text(of: label)
  }

  /// Writes the verdict, a row for each thing that changes, what it costs and what is said of the
  /// programs.
  func append(to page: inout TextPage, program: StyledText) {
    page.line("\(verdict, .strong)", hanging: 2)
    page.table(rows.flatMap(\.cells), indent: 0)
    let last = costs.map { StyledText($0) } + (program.isEmpty ? [] : [program])
    var line: StyledText = ""
    for (index, part) in last.enumerated() { line += (index > 0 ? "; " : "") + part }
    if !last.isEmpty { page.line(line, indent: 2) }
  }

  /// A row for each thing that changes, the worst first.
  var rows: [ConsequenceRow] {
    ConsequenceRow.folded(consequenceRows)
      + ConsequenceRow.folded(OtherChanges.rows(of: difference, before, after))
  }

  /// What it costs otherwise.
  var costs: [String] { difference.consequences.filter { $0.kind == .cost }.map(Self.text) }

  /// Whether anything becomes worse.
  var isWorse: Bool { difference.consequences.contains { $0.kind.isWorse } }

  /// Whether KVM has two ways to treat WBINVD, before and after.
  private var isWBINVDDecided: Bool {
    before.host.hasIncoherentMode && after.host.hasIncoherentMode
  }

  private var consequenceRows: [ConsequenceRow] {
    var rows: [ConsequenceRow] = []
    var written: Set<BDF> = []
    let byDevice = Dictionary(grouping: difference.consequences, by: \.address)
    for consequence in difference.consequences {
      guard let name = consequence.device, let address = consequence.address else {
        if let row = row(of: consequence) { rows.append(row) }
        continue
      }
      guard written.insert(address).inserted else { continue }
      rows.append(row(of: name, byDevice[address] ?? []))
    }
    return rows + unchangedWBINVD
  }

  /// What becomes of one device.
  private func row(of name: String, _ consequences: [Consequence]) -> ConsequenceRow {
    let causes = consequences.flatMap(difference.causes).uniqued
    let isIntentShown = causes.contains { $0.key == "noSnoop" }
    let kinds = Set(consequences.map(\.kind))
    let clauses = consequences.filter { consequence in
      switch consequence.kind {
      case .promiseWithdrawn, .promiseGiven, .promise: kinds.count == 1 || !isIntentShown
      // A page table that others are on, or that is coherent now, says it.
      case .notEnforced: !kinds.contains(.nonCoherent) || !kinds.contains(.joins)
      case .enforced: !kinds.contains(.coherent)
      default: true
      }
    }
    return ConsequenceRow(
      mark: Self.mark(of: clauses.first?.kind ?? consequences[0].kind), subject: name,
      text: words.text(of: clauses),
      causes: causes.compactMap(places.text))
  }

  private static func mark(of kind: Consequence.Kind) -> ConsequenceRow.Mark {
    switch kind {
    case .comes: .comes
    case .goes, .nonCoherentGoes: .goes
    default: kind.isWorse ? .worse : .other
    }
  }

  /// A row about no device of the VM; costs have none.
  private func row(of consequence: Consequence) -> ConsequenceRow? {
    guard consequence.kind != .cost else { return nil }
    let subject =
      switch consequence.kind {
      case .wbinvdCarriedOut, .wbinvdIgnored: "WBINVD"
      case .hostLoses, .hostKeeps: consequence.address.map { "\($0)" } ?? "host"
      case .memory: "memory"
      default: "target"
      }
    return ConsequenceRow(
      mark: Self.mark(of: consequence.kind), subject: subject, text: Self.text(of: consequence),
      causes: difference.causes(of: consequence).compactMap(places.text))
  }

  private var unchangedWBINVD: [ConsequenceRow] {
    guard isWBINVDDecided, !difference.isDecisionEqual,
      before.plan.metrics.wbinvd == after.plan.metrics.wbinvd
    else { return [] }
    let proof = after.plan.coherency.proof.map { " (\(after.plan.devices[$0].name))" } ?? ""
    let verb = after.plan.isKVMKnown ? "carried out" : "may be carried out"
    let text = after.plan.coherency.allowsIncoherentDMA ? verb : "ignored"
    return [
      ConsequenceRow(mark: .same, subject: "WBINVD", text: "\(text), as before\(proof)")
    ]
  }
}

extension ConsequenceText {
  /// A consequence that is about no device of the VM.
  static func text(of consequence: Consequence) -> String {
    let (old, new) = (consequence.before ?? "none", consequence.after ?? "none")
    switch consequence.kind {
    case .wbinvdCarriedOut:
      let verb = consequence.what == nil ? "becomes carried out" : "may be carried out now"
      let proof = consequence.others.first.map { " (because of \($0))" } ?? ""
      return verb + proof + ": each one slows the host and its other guests"
    case .wbinvdIgnored: return "becomes ignored: no device is non-coherent any more"
    case .hostLoses: return "the host loses it, the VM does not get it\(driver(consequence))"
    case .hostKeeps: return "stays with the host\(driver(consequence))"
    case .memory: return old == new ? "\(new), laid out otherwise" : "\(old) -> \(new)"
    case .cost: return cost(consequence.what ?? "", old, new)
    default: return "\(old) -> \(new)"
    }
  }

  private static func driver(_ consequence: Consequence) -> String {
    consequence.what.map { " (driver \($0))" } ?? ""
  }

  private static func cost(_ what: String, _ old: String, _ new: String) -> String {
    if what == "lockedBytes" {
      let sizes = [old, new].map { UInt64($0).map(byteSizeText) ?? $0 }
      return "locks \(sizes[0]) -> \(sizes[1])"
    }
    let words = [
      "incoherentDevices": "non-coherent devices", "pageTables": "page tables",
      "blockedNoSnoop": "devices with no-snoop blocked",
    ]
    return "\(words[what] ?? what) \(old) -> \(new)"
  }
}
