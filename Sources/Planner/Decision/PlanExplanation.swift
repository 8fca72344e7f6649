import Parser

/// Says in words why a plan is as it is, from the reasons recorded in it.
public struct PlanExplanation: Sendable {
  /// How many devices are named before "and 12 more".
  static let nameLimit = 3

  private let plan: IOASIDPlan

  /// Explains a plan.
  public init(_ plan: IOASIDPlan) { self.plan = plan }

  /// One sentence: with whom a device shares its page table, and what decided that.
  public func why(of device: Int) -> String {
    var text = PlainExplanation()
    write(device, to: &text)
    return String(decoding: text.bytes, as: UTF8.self)
  }

  /// Appends the UTF-8 of `why(of:)`.
  public func appendWhy(of device: Int, to buffer: inout [UInt8]) {
    var text = PlainExplanation()
    swap(&text.bytes, &buffer)
    write(device, to: &text)
    swap(&text.bytes, &buffer)
  }

  /// Adds `why(of:)` to a JSON string that was begun, escaped.
  public func appendWhy(of device: Int, to writer: inout JSONWriter) {
    write(device, to: &writer)
  }

  /// One sentence: what KVM does about WBINVD, if it is there, and why.
  public var kvm: String {
    let proof = plan.coherency.proof.map { "'\(plan.devices[$0].name)'" } ?? "none"
    switch plan.coherency.reason {
    case .noEffectiveDevice:
      return "no device's no-snoop DMA is effective, so KVM ignores WBINVD"
    case .effectiveDevices:
      let isSure = plan.devices.contains(where: \.isSurelyEffective)
      let names = PlanConsequences.list(
        plan, where: { isSure ? $0.isSurelyEffective : $0.isEffective })
      let verb = isSure ? "is" : "counts as"
      let deed = plan.isKVMKnown ? "carries out WBINVD" : "may carry out WBINVD (a fact is unknown)"
      return "the no-snoop DMA of \(names) \(verb) effective, so KVM \(deed); the proof is " + proof
    case .override:
      return "the description says 'always', so KVM carries out WBINVD although no device needs "
        + "it; the proof is \(proof)"
    case .noIncoherentMode:
      return "KVM has a non-coherent mode on x86 only: no device changes what it does"
    case .noKVM:
      return "the host has no KVM: nobody is told of the devices"
    }
  }
}

extension PlanExplanation {
  private func write(_ index: Int, to text: inout (some ExplanationText & ~Copyable)) {
    let device = plan.devices[index]
    writeMates(of: index, device.pageTable, to: &text)
    writeReason(index, device, to: &text)
    guard let row = device.resolution.row else { return }
    writeAuto(device.resolution, plan.intentTable.rows[row], to: &text)
  }

  private func writeMates(
    of index: Int, _ table: Int, to text: inout (some ExplanationText & ~Copyable)
  ) {
    let count = plan.pageTables[table].devices.count - 1
    text.add(count == 0 ? "alone on " : "shares ")
    text.add(name: plan.pageTables[table].name)
    if count > 0 { text.add(" with ") }
    // When few are left over, naming them is as short as counting them.
    let named = count <= Self.nameLimit ? count : Self.nameLimit - 1
    var written = 0
    var position = 0
    while written < named {
      let mate = plan.pageTables[table].devices[position]
      position += 1
      if mate == index { continue }
      if written > 0 { text.add(written == count - 1 ? " and " : ", ") }
      text.add(name: plan.devices[mate].name)
      written += 1
    }
    if named < count {
      text.add(" and ")
      text.add(number: count - named)
      text.add(" more")
    }
    text.add(": ")
  }

  private func writeReason(
    _ index: Int, _ device: PlannedDevice, to text: inout (some ExplanationText & ~Copyable)
  ) {
    switch device.reason {
    case .cannotEnforce(let other), .notKnownToEnforce(let other):
      writeUnenforceable(index, other, to: &text)
    case .heldBack(let isKnown):
      text.add("the IOMMU of a member of its IOMMU group that nobody assigned ")
      text.add(isKnown ? "can't enforce snoop" : "is not known to enforce snoop")
    case .required(let other):
      writeIntent(index, other, "no-snoop is required of ", to: &text)
    case .forbidden(let other):
      writeIntent(index, other, "no-snoop is forbidden to ", to: &text)
    case .kvmNever:
      writeUnit(device, " enforces snoop and KVM must never allow non-coherent DMA", to: &text)
    case .targetEnforces:
      text.add("target ")
      text.add(name: plan.target)
      text.add(" enforces snoop wherever the IOMMU can, and ")
      text.add(name: device.iommu)
      text.add(" can")
    case .objective(let metric):
      writeObjective(metric, device, to: &text)
    case .tie:
      writeUnit(
        device, " enforces snoop; either format costs the same and enforcing is safer", to: &text)
    case .paretoRow:
      text.add("either format is possible and this row of the Pareto front takes this one")
    }
  }

  private func writeUnenforceable(
    _ index: Int, _ other: Int, to text: inout (some ExplanationText & ~Copyable)
  ) {
    let isKnown = plan.devices[other].enforcementFact != .unknown
    if other == index {
      text.add("its IOMMU ")
    } else {
      writeMate(other, to: &text)
      text.add(", whose IOMMU ")
    }
    text.add(name: plan.devices[other].iommu)
    if let cause = plan.devices[other].heldBack {
      text.add(" ")
      text.add(name: cause)
    } else {
      text.add(isKnown ? " cannot enforce snoop" : " is not known to enforce snoop")
    }
    switch plan.devices[index].noSnoopFact {
    case .no: text.add("; it cannot no-snoop, so its DMA is coherent all the same")
    case .yes where isKnown: text.add(", so its no-snoop DMA works")
    case .yes: text.add(", so its no-snoop DMA counts as working")
    case .unknown: text.add("; whether it can no-snoop is unknown, counted as yes")
    }
  }

  private func writeIntent(
    _ index: Int, _ other: Int, _ intent: StaticString,
    to text: inout (some ExplanationText & ~Copyable)
  ) {
    if other != index {
      writeMate(other, to: &text)
      text.add(", and ")
    }
    text.add(intent)
    if other == index { text.add("it") } else { text.add(name: plan.devices[other].name) }
  }

  private func writeMate(_ other: Int, to text: inout (some ExplanationText & ~Copyable)) {
    text.add("it is in one IOMMU group with ")
    text.add(name: plan.devices[other].name)
  }

  private func writeUnit(
    _ device: PlannedDevice, _ clause: StaticString,
    to text: inout (some ExplanationText & ~Copyable)
  ) {
    text.add("its IOMMU ")
    text.add(name: device.iommu)
    text.add(clause)
  }

  /// Says which metric would get worse if the device's group alone changed sides.
  private func writeObjective(
    _ metric: Metric, _ device: PlannedDevice, to text: inout (some ExplanationText & ~Copyable)
  ) {
    let isEnforced = plan.pageTables[device.pageTable].snoopPolicy == .enforced
    writeUnit(
      device,
      isEnforced
        ? " enforces snoop and not enforcing would raise "
        : " could enforce snoop but enforcing would raise ", to: &text)
    text.add(Self.name(of: metric))
    if let preset = plan.objective.presetName {
      text.add(", which objective ")
      text.add(name: preset)
    } else {
      text.add(", which the given order")
    }
    text.add(Self.rank(plan.objective.order.firstIndex(of: metric) ?? 0))
  }

  private func writeAuto(
    _ resolution: IntentResolution, _ row: AutoIntentRow,
    to text: inout (some ExplanationText & ~Copyable)
  ) {
    if row.span == nil {
      writeBuiltIn(resolution, to: &text)
      text.add(name: row.title ?? "")
    } else {
      writePolicy(resolution, row, to: &text)
    }
    text.add(")")
  }

  /// What a built-in row came to, up to what kind of device it is about.
  private func writeBuiltIn(
    _ resolution: IntentResolution, to text: inout (some ExplanationText & ~Copyable)
  ) {
    switch resolution {
    case .notExpressible:
      text.add(" ('auto' is 'allowed': the target cannot express 'required' for ")
    case .uncertain:
      text.add(" ('auto' is 'allowed': its IOMMU may enforce snoop, unlike that of most ")
    case .needless: text.add(" ('auto' is 'allowed': it cannot no-snoop, unlike other ")
    case .yieldsToNever:
      text.add(" ('auto' is 'allowed': KVM must never allow the no-snoop DMA of ")
    case .yieldsToForbidden(_, let mate):
      text.add(" ('auto' is 'allowed': no-snoop is forbidden to ")
      text.add(name: plan.devices[mate].name)
      text.add(" in its IOMMU group, which goes before the default for ")
    default: text.add(" ('auto' is 'required' for ")
    }
  }

  /// What a row of a policy came to, with its place, and its reason where it is followed.
  private func writePolicy(
    _ resolution: IntentResolution, _ row: AutoIntentRow,
    to text: inout (some ExplanationText & ~Copyable)
  ) {
    let isFollowed = if case .row = resolution { true } else { false }
    text.add(isFollowed ? " ('auto' is '" : " ('auto' is 'allowed', not '")
    text.add(name: row.intent.rawValue)
    text.add("' by ")
    text.add(name: row.source)
    switch resolution {
    case .notExpressible: text.add(": the target cannot express it")
    case .uncertain: text.add(": its IOMMU may enforce snoop")
    case .needless: text.add(": it cannot no-snoop")
    case .unblockable: text.add(": its IOMMU group cannot be enforced")
    case .yieldsToNever: text.add(": KVM must never allow it")
    case .yieldsToForbidden(_, let mate): writeMate(mate, ": no-snoop is forbidden to ", to: &text)
    case .yieldsToRequired(_, let mate): writeMate(mate, ": no-snoop is required of ", to: &text)
    case .stated, .noRow, .row:
      guard let reason = row.title else { return }
      text.add(": ")
      text.add(name: reason)
    }
  }

  private func writeMate(
    _ mate: Int, _ clause: StaticString, to text: inout (some ExplanationText & ~Copyable)
  ) {
    text.add(clause)
    text.add(name: plan.devices[mate].name)
    text.add(" in its IOMMU group")
  }

  private static func name(of metric: Metric) -> StaticString {
    switch metric {
    case .wbinvd: "wbinvd"
    case .incoherentDevices: "incoherentDevices"
    case .pageTables: "pageTables"
    case .blockedNoSnoop: "blockedNoSnoop"
    }
  }

  private static func rank(_ position: Int) -> StaticString {
    switch position {
    case 0: " puts first"
    case 1: " puts second"
    case 2: " puts third"
    default: " puts last"
    }
  }
}
