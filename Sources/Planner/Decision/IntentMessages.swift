import Parser

// Findings about intents and targets (VP3xxx).
extension PlannerDiagnostics {
  static func noTarget(_ name: String, known: [String]) -> Diagnostic {
    let names = list(known + ["auto"], cap: known.count + 1)
    return Diagnostic(
      unknownTarget, "there is no target \(quote(name))", at: nil,
      help: suggestion(for: name, among: known + ["auto"]) ?? "the targets are \(names)")
  }

  static func contradiction(
    required: AssignedDevice, forbidden: AssignedDevice, group: Int
  ) -> Diagnostic {
    Diagnostic(
      requiredAndForbidden,
      "no-snoop is \(phrase(required)) of \(quote(required.name)) and forbidden to "
        + "\(quote(forbidden.name)), but both are in IOMMU group \(group) and share a page table",
      at: required.noSnoopSpan,
      notes: [.init("forbidden to \(quote(forbidden.name)) here", forbidden.noSnoopSpan)],
      help: "make one of the two 'allowed', or leave one device out; no target can tell them apart")
  }

  static func never(_ clause: KVMClause, required device: AssignedDevice) -> Diagnostic {
    Diagnostic(
      requiredButNever,
      "no-snoop is \(phrase(device)) of \(quote(device.name)), but KVM must never allow it",
      at: device.noSnoopSpan, notes: [.init("'never' is said here", clause.span)],
      help:
        "use 'incoherentDMA: auto', or make \(quote(device.name)) 'allowed'; this holds on every "
        + "target")
  }

  static func never(
    _ clause: KVMClause, unblockable device: AssignedDevice, mate: AssignedDevice?,
    behind unit: HostIOMMU
  ) -> Diagnostic {
    var notes = [Diagnostic.Note("\(quote(device.name)) is given here", device.addressSpan)]
    if let mate {
      notes.append(
        .init("\(quote(mate.name)) is in its group and can't be enforced", mate.addressSpan))
    }
    notes.append(.init("IOMMU \(quote(unit.name)) is described here", unit.span))
    return Diagnostic(
      neverButUnblockable,
      "KVM must never allow non-coherent DMA, but \(quote(device.name)) can do it and IOMMU "
        + "\(quote(unit.name)) can't enforce snoop",
      at: clause.span, notes: notes,
      help: "use 'incoherentDMA: auto', or leave \(quote(device.name)) out; no target can block it")
  }

  static func incapable(_ device: AssignedDevice, _ fact: HostDevice) -> Diagnostic {
    Diagnostic(
      requiredButIncapable,
      "no-snoop is \(phrase(device)) of \(quote(device.name)), but the device can't do it",
      at: device.noSnoopSpan,
      notes: [.init("the host says 'noSnoopCapable: false' here", fact.span)],
      help: "use 'noSnoop: allowed'; no target can make a device no-snoop")
  }

  static func unblockable(_ device: AssignedDevice, behind unit: HostIOMMU) -> Diagnostic {
    Diagnostic(
      forbiddenUnblockable,
      "no-snoop is forbidden to \(quote(device.name)), but it can do it and IOMMU "
        + "\(quote(unit.name)) can't enforce snoop (box 3)",
      at: device.noSnoopSpan, notes: [.init("\(quote(unit.name)) is described here", unit.span)],
      help: "use 'noSnoop: allowed', or another device or slot; no target can block it")
  }

  static func forbidden(
    _ device: AssignedDevice, mate: AssignedDevice, behind unit: HostIOMMU
  ) -> Diagnostic {
    Diagnostic(
      forbiddenByMate,
      "no-snoop is forbidden to \(quote(device.name)), but it shares its IOMMU group with "
        + "\(quote(mate.name)), whose IOMMU \(quote(unit.name)) can't enforce snoop",
      at: device.noSnoopSpan,
      notes: [
        .init("\(quote(mate.name)) is given here", mate.addressSpan),
        .init("\(quote(unit.name)) is described here", unit.span),
      ],
      help: "use 'noSnoop: allowed', or leave \(quote(mate.name)) out; no target can separate them")
  }

  static func inexpressible(
    _ device: AssignedDevice, behind unit: HostIOMMU, target: String, choice: SnoopChoice,
    able: [String]
  ) -> Diagnostic {
    let why =
      choice == .fixed
      ? "enforces snoop wherever the IOMMU can"
      : "enforces snoop unless a device that can't be enforced shares its page table"
    var help = "use 'noSnoop: allowed'"
    if !able.isEmpty { help = "target \(list(able)) can express it; or " + help }
    if choice == .joinsUnenforceable {
      help +=
        "; or add a device that can't be enforced to address space \(quote(device.addressSpace))"
    }
    return Diagnostic(
      notExpressible,
      "no-snoop is \(phrase(device)) of \(quote(device.name)), but target \(quote(target)) \(why)",
      at: device.noSnoopSpan,
      notes: [.init("its IOMMU \(quote(unit.name)) can enforce snoop", unit.span)], help: help)
  }

  static func missingProof(_ clause: KVMClause, target: String) -> Diagnostic {
    Diagnostic(
      alwaysWithoutProof,
      "KVM is always to allow non-coherent DMA, but no device proves the right to it on target "
        + "\(quote(target))",
      at: clause.span, help: "use 'incoherentDMA: auto'")
  }

  static func needless(_ clause: KVMClause) -> Diagnostic {
    Diagnostic(
      needlessAlways,
      "KVM traps WBINVD although no device's no-snoop DMA is effective: the VM is needlessly slow",
      at: clause.span, help: "use 'incoherentDMA: auto'")
  }

  /// The warning for a row of the table that can't be followed; `nil` if there is no such row.
  static func fallback(
    _ resolution: IntentResolution, of device: AssignedDevice, _ fact: HostDevice, target: String
  ) -> Diagnostic? {
    let row: Int
    let why: String
    switch resolution {
    case .stated, .noRow, .row: return nil
    case .needless(let index): (row, why) = (index, "the device can't do it")
    case .notExpressible(let index):
      (row, why) = (index, "target \(quote(target)) can't express it")
    }
    return Diagnostic(
      autoFallback,
      "\(quote(device.name)) is \(AutoIntentTable.rows[row].title) and would be required to "
        + "no-snoop, but \(why); 'auto' becomes 'allowed'",
      at: device.noSnoopSpan, notes: [.init("the host describes the device here", fact.span)],
      help: "write 'noSnoop: allowed' if that is what you want")
  }

  static func largeFront(_ vm: VMDescription, rows: Int?) -> Diagnostic {
    let size = rows.map { "\($0) plans of \(vm.devices.count) devices" } ?? "too many plans"
    return Diagnostic(
      frontTooLarge, "the Pareto front has \(size), more than can be listed", at: vm.nameSpan,
      help: "compile with '--objective' for the plans you are interested in")
  }

  private static func phrase(_ device: AssignedDevice) -> String {
    device.noSnoop == .auto ? "required ('auto')" : "required"
  }
}
