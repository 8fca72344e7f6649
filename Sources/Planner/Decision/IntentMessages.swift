import Parser

// Findings about intents and targets (VP3xxx).
extension PlannerDiagnostics {
  static let alwaysWithoutMode = DiagnosticCode(
    "VP3015", .warning, "KVM is to allow non-coherent DMA, but has no mode for it",
    """
    KVM has a non-coherent mode on x86 only: elsewhere the call that allows non-coherent DMA is \
    empty, and nothing that a device does changes what KVM does for the guest. So \
    'kvm: {incoherentDMA: always}' changes nothing here, and 'never' always holds. Leave the line \
    out. If the machine is x86, correct 'architecture' in the host description.
    """)

  static let requiredButUnknown = DiagnosticCode(
    "VP3016", .warning, "no-snoop is required of a device that may not be able to do it",
    """
    Nothing tells whether the device can no-snoop, which counts as yes. So the plan promises that \
    nothing blocks its no-snoop requests and that KVM knows, not that there are any. `vfioplan \
    host --test-no-snoop ADDRESS` finds out by a write, as root and while no driver has the \
    device; or say 'noSnoopCapable' in the host description.
    """)

  static let requiredButUncertain = DiagnosticCode(
    "VP3017", .error, "no-snoop is required, but nobody knows whether an IOMMU enforces snoop",
    """
    On iommufd and type1 the kernel enforces snoop wherever the IOMMU can, so 'required' rests on \
    one that can't: the device's own, or on iommufd that of a device whose page table it shares. \
    Nothing tells whether this one can, and if it can, the requests are blocked. Say \
    'enforceSnoop', or the registers that tell, in the host description; use 'allowed'; or leave \
    the choice to a target that has it.
    """)

  static func noTarget(_ name: String, known: [String]) -> Diagnostic {
    let names = list(known + ["auto"], cap: known.count + 1)
    return Diagnostic(
      unknownTarget, "there is no target \(quote(name))", at: nil,
      help: suggestion(for: name, among: known + ["auto"]) ?? "the targets are \(names)")
  }

  static func contradiction(
    required: ResolvedDevice, forbidden: ResolvedDevice, group: Int
  ) -> Diagnostic {
    Diagnostic(
      requiredAndForbidden,
      "no-snoop is required of \(quote(required.name)) and forbidden to "
        + "\(quote(forbidden.name)), but both are in IOMMU group \(group) and share a page table",
      at: required.$noSnoop,
      notes: [.init("forbidden to \(quote(forbidden.name)) here", forbidden.$noSnoop)],
      help: "make one of the two 'allowed', or leave one device out; no target can tell them apart")
  }

  static func never(_ clause: KVMClause, required device: ResolvedDevice) -> Diagnostic {
    Diagnostic(
      requiredButNever,
      "no-snoop is required of \(quote(device.name)), but KVM must never allow it",
      at: device.$noSnoop, notes: [.init("'never' is said here", clause.$incoherentDMA)],
      help:
        "use 'incoherentDMA: auto', or make \(quote(device.name)) 'allowed'; this holds on every "
        + "target")
  }

  static func never(
    _ clause: KVMClause, unblockable device: ResolvedDevice, _ fact: HostDevice,
    mate: ResolvedDevice?, behind unit: UnenforcedUnit
  ) -> Diagnostic {
    var notes = [Diagnostic.Note("\(quote(device.name)) is given here", device.$place)]
    if let mate {
      notes.append(
        .init("\(quote(mate.name)) is in its group and can't be enforced", mate.$place))
    }
    notes += unit.notes
    return Diagnostic(
      neverButUnblockable,
      "KVM must never allow non-coherent DMA, but \(quote(device.name)) \(doesIt(fact)) and IOMMU "
        + "\(quote(unit.unit.name)) \(unit.clause)",
      at: clause.$incoherentDMA, notes: notes,
      help: settling(
        fact, unit.help("use 'incoherentDMA: auto', or leave \(quote(device.name)) out"))
    ).resting(on: open(fact, unit))
  }

  /// Which of a device's fact and its IOMMU's nobody knows.
  private static func open(
    _ fact: HostDevice?, _ unit: UnenforcedUnit?
  ) -> [Diagnostic.OpenFact] {
    (fact?.noSnoopCapable == .unknown ? [.canNoSnoop] : [])
      + (unit?.fact == .unknown ? [.canEnforceSnoop] : [])
  }

  /// That a device can no-snoop, or may because nobody knows.
  private static func doesIt(_ fact: HostDevice) -> String {
    fact.noSnoopCapable == .yes ? "can do it" : "may do it (unknown, counted as yes)"
  }

  /// A help line, with what finds out about the device if it is not known whether it can.
  private static func settling(_ fact: HostDevice, _ help: String) -> String {
    guard fact.noSnoopCapable == .unknown else { return help }
    return help + "; " + UnknownFacts.noSnoopTest(fact.address) + " finds out whether it can"
  }

  static func incapable(_ device: ResolvedDevice, _ fact: HostDevice) -> Diagnostic {
    Diagnostic(
      requiredButIncapable,
      "no-snoop is required of \(quote(device.name)), but the device can't do it",
      at: device.$noSnoop,
      notes: [.init("the host says 'noSnoopCapable: false' here", fact.span)],
      help: "use 'noSnoop: allowed'; no target can make a device no-snoop")
  }

  static func unblockable(
    _ device: ResolvedDevice, _ fact: HostDevice, behind unit: UnenforcedUnit
  ) -> Diagnostic {
    Diagnostic(
      forbiddenUnblockable,
      "no-snoop is forbidden to \(quote(device.name)), but it \(doesIt(fact)) and IOMMU "
        + "\(quote(unit.unit.name)) \(unit.clause) (box 3)",
      at: device.$noSnoop, notes: unit.notes,
      help: settling(fact, unit.help("use 'noSnoop: allowed', or another device or slot"))
    ).resting(on: open(fact, unit))
  }

  static func maybeIncapable(_ device: ResolvedDevice, _ fact: HostDevice) -> Diagnostic {
    let source = fact.noSnoopSource.map { ": " + $0 } ?? ""
    return Diagnostic(
      requiredButUnknown,
      "no-snoop is required of \(quote(device.name)), but nobody knows whether the device can: "
        + "nothing blocks it and KVM knows, no more is promised",
      at: device.$noSnoop,
      notes: [.init("the host describes the device here\(source)", fact.span)],
      help: UnknownFacts.noSnoopTest(fact.address) + " finds out"
    ).resting(on: [.canNoSnoop])
  }

  static func uncertain(
    _ device: ResolvedDevice, on leader: ResolvedDevice, behind unit: UnenforcedUnit,
    target: any Dialect, settledBy ways: [String]
  ) -> Diagnostic {
    let whose =
      leader.address == device.address
      ? "its IOMMU \(quote(unit.unit.name))"
      : "IOMMU \(quote(unit.unit.name)) of \(quote(leader.name)), whose page table it would be "
        + "on,"
    let doubt = unit.weakest == nil ? "is not known to be unable to enforce snoop" : unit.clause
    return Diagnostic(
      requiredButUncertain,
      "no-snoop is required of \(quote(device.name)), but \(whose) \(doubt): if it can, target "
        + "\(quote(target.name)) blocks it",
      at: device.$noSnoop, notes: unit.notes,
      help: (["use 'noSnoop: allowed'"] + ways).joined(separator: ", or ")
    ).resting(on: [.canEnforceSnoop])
  }

  static func forbidden(
    _ device: ResolvedDevice, mate: ResolvedDevice, behind unit: UnenforcedUnit
  ) -> Diagnostic {
    Diagnostic(
      forbiddenByMate,
      "no-snoop is forbidden to \(quote(device.name)), but it shares its IOMMU group with "
        + "\(quote(mate.name)), whose IOMMU \(quote(unit.unit.name)) \(unit.clause)",
      at: device.$noSnoop,
      notes: [.init("\(quote(mate.name)) is given here", mate.$place)] + unit.notes,
      help: "use 'noSnoop: allowed', or leave \(quote(mate.name)) out; no target can separate them"
    ).resting(on: open(nil, unit))
  }

  static func inexpressible(
    _ device: ResolvedDevice, behind unit: HostIOMMU, target: any Dialect, rules: KernelRules,
    able: [any Dialect], lender: ResolvedDevice?
  ) -> Diagnostic {
    let (choice, newest) = (target.snoopChoice(by: rules), target.snoopChoice(by: .newest))
    let why =
      choice == .fixed
      ? "enforces snoop wherever the IOMMU can"
      : "enforces snoop unless a device that can't be enforced shares its page table"
    var help = "use 'noSnoop: allowed'"
    let (simulated, real) = (able.filter(\.isProposalOnly), able.filter { !$0.isProposalOnly })
    if !real.isEmpty { help = "target \(list(real.map(\.name))) can express it; or " + help }
    if newest == .joinsUnenforceable {
      help += choice == newest ? "" : "; " + keeping(rules)
      help +=
        lender.map { ", where it shares the page table of \(quote($0.name))" }
        ?? (choice == newest ? "; or add" : ", and")
        + " a device that can't be enforced \(choice == newest ? "to" : "in") address space "
        + quote(device.addressSpace)
    }
    if !simulated.isEmpty {
      help += "; target \(list(simulated.map(\.name))) can express it, on the simulator only"
    }
    return Diagnostic(
      notExpressible,
      "no-snoop is required of \(quote(device.name)), but target \(quote(target.name)) \(why)",
      at: device.$noSnoop,
      notes: [.init("its IOMMU \(quote(unit.name)) can enforce snoop", unit.span)], help: help)
  }

  /// What lets a device join a page table that does not enforce, where the kernel may not.
  private static func keeping(_ rules: KernelRules) -> String {
    let rule = KernelRules.attachKeepsTables
    let kernel = "or use a kernel from Linux \(rule.since) on"
    guard rules.answer(rule) == .unknown else { return kernel }
    return "or state 'rules: { \(rule.name): true }' of the kernel if you know it, " + kernel
  }

  /// `doubtful` is a device that would be the proof if its IOMMU were known not to enforce.
  static func missingProof(
    _ clause: KVMClause, target: String, doubtful: (ResolvedDevice, HostIOMMU, [String])?
  ) -> Diagnostic {
    let message =
      "KVM is always to allow non-coherent DMA, but no device proves the right to it on target "
      + quote(target)
    guard let (device, unit, ways) = doubtful else {
      return Diagnostic(
        alwaysWithoutProof, message, at: clause.$incoherentDMA, help: "use 'incoherentDMA: auto'")
    }
    return Diagnostic(
      alwaysWithoutProof,
      message + ": whether IOMMU \(quote(unit.name)) of \(quote(device.name)) can enforce snoop is "
        + "not known",
      at: clause.$incoherentDMA, notes: [.init("\(quote(unit.name)) is described here", unit.span)],
      help: (["use 'incoherentDMA: auto'"] + ways).joined(separator: "; or ")
    ).resting(on: [.canEnforceSnoop])
  }

  static func needless(_ clause: KVMClause) -> Diagnostic {
    Diagnostic(
      needlessAlways,
      "KVM is to carry out WBINVD although no device's no-snoop DMA is effective: that slows the "
        + "host needlessly",
      at: clause.$incoherentDMA, help: "use 'incoherentDMA: auto'")
  }

  static func noMode(_ clause: KVMClause, on host: HostDescription) -> Diagnostic {
    let place = host.architecture.map { $0 == .other ? "" : ", not on \($0.rawValue)" } ?? ""
    return Diagnostic(
      alwaysWithoutMode,
      "KVM has a non-coherent mode on x86 only\(place): 'always' changes nothing",
      at: clause.$incoherentDMA,
      notes: [.init("the host's kernel is described here", host.kernel.span)],
      help: "use 'incoherentDMA: auto'")
  }

  /// The warning for a row of the table that can't be followed; `nil` if there is no such row.
  static func fallback(
    _ resolution: IntentResolution, of index: Int, in vm: ResolvedVM,
    _ facts: @autoclosure () -> (device: HostDevice, unit: Fact), _ table: AutoIntentTable,
    target: String
  ) -> Diagnostic? {
    guard let row = resolution.row.map({ table.rows[$0] }),
      let (why, precedent) = obstacle(resolution, in: vm, target: target)
    else { return nil }
    let device = vm.devices[index]
    let (fact, unit) = facts()
    var notes = [Diagnostic.Note("the host describes the device here", fact.span)]
    if let span = row.span { notes.append(.init("the row of the policy is here", span)) }
    if let precedent { notes.append(precedent) }
    let wanted =
      row.span == nil
      ? "\(quote(device.name)) is \(row.title ?? "") and would be required to no-snoop"
      : "\(quote(device.name)) would be '\(row.intent.rawValue)' by the policy"
    return Diagnostic(
      autoFallback, "\(wanted), but \(why); 'auto' becomes 'allowed'", at: device.$noSnoop,
      notes: notes,
      help: "write 'noSnoop: allowed' if that is what you want"
        + settling(resolution, fact, unit)
    ).resting(on: unknown(resolution, fact, unit))
  }

  /// Which unknown facts keep a row from being followed.
  private static func unknown(
    _ resolution: IntentResolution, _ fact: HostDevice, _ unit: Fact
  ) -> [Diagnostic.OpenFact] {
    switch resolution {
    case .uncertain: return [.canEnforceSnoop]
    case .unblockable:
      return (fact.noSnoopCapable == .unknown ? [.canNoSnoop] : [])
        + (unit == .unknown ? [.canEnforceSnoop] : [])
    case .notExpressible, .yieldsToNever, .yieldsToForbidden, .yieldsToRequired:
      return fact.noSnoopCapable == .unknown ? [.canNoSnoop] : []
    case .stated, .noRow, .row, .needless: return []
    }
  }

  /// What settles those facts, as the end of a help line.
  private static func settling(
    _ resolution: IntentResolution, _ fact: HostDevice, _ unit: Fact
  ) -> String {
    unknown(resolution, fact, unit).map { open in
      switch open {
      case .canNoSnoop: "; \(UnknownFacts.noSnoopTest(fact.address)) finds out whether it can"
      case .canEnforceSnoop: "; or say 'enforceSnoop' of its IOMMU if you know it"
      }
    }.joined()
  }

  /// What keeps a row from being followed, and where that stands; `nil` if it is followed.
  private static func obstacle(
    _ resolution: IntentResolution, in vm: ResolvedVM, target: String
  ) -> (why: String, precedent: Diagnostic.Note?)? {
    switch resolution {
    case .stated, .noRow, .row: return nil
    case .needless: return ("the device can't do it", nil)
    case .notExpressible: return ("target \(quote(target)) can't express it", nil)
    case .uncertain: return ("nobody knows whether its IOMMU enforces snoop", nil)
    case .unblockable: return ("its IOMMU group can't be enforced", nil)
    case .yieldsToNever:
      return (
        "KVM must never allow it",
        .init("'auto' gives way to the 'never' here", vm.kvm.$incoherentDMA)
      )
    case .yieldsToForbidden(_, let position):
      let mate = vm.devices[position]
      return (
        "it is forbidden to \(quote(mate.name)) in the same IOMMU group",
        precedence(of: mate, .forbidden)
      )
    case .yieldsToRequired(_, let position):
      let mate = vm.devices[position]
      return (
        "it is required of \(quote(mate.name)) in the same IOMMU group",
        precedence(of: mate, .required)
      )
    }
  }

  /// Where a group mate has what a row gives way to.
  private static func precedence(
    of mate: ResolvedDevice, _ intent: NoSnoopIntent
  ) -> Diagnostic.Note {
    mate.noSnoop == .auto
      ? .init("an earlier row decides for \(quote(mate.name)) here", mate.$noSnoop)
      : .init("'auto' gives way to the '\(intent.rawValue)' here", mate.$noSnoop)
  }

  static func largeFront(_ vm: VMDescription, rows: Int?) -> Diagnostic {
    let size = rows.map { "\($0) plans of \(vm.devices.count) devices" } ?? "too many plans"
    return Diagnostic(
      frontTooLarge, "the Pareto front has \(size), more than can be listed", at: vm.$name,
      help: "compile with '--objective' for the plans you are interested in")
  }
}
