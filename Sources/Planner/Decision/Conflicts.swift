import Parser

/// Finds out why a description can't be planned: the smallest sets of lines that contradict.
///
/// Groups hang together only through facts (whether a group that cannot be enforced is near) and
/// through the line about KVM, so every minimal conflict is that line alone, lines of one group, or
/// both. A conflict names a line only if the contradiction ends when that line goes: an intent when
/// it becomes `allowed`, a device when it is not assigned, the KVM line when it becomes `auto`.
/// There is no conflict exactly if there is a plan.
struct Conflicts {
  let vm: ResolvedVM
  let topology: HostTopology
  let groups: AssignedGroups
  let intents: ResolvedIntents
  let target: any Dialect
  /// The dialects to recommend instead.
  let others: [any Dialect]

  private var devices: AssignedDevices { groups.devices }
  private var rules: KernelRules { topology.rules }
  /// What the user said about KVM, where it has a mode that this is about.
  private var kvm: KVMClause.IncoherentDMA {
    topology.hasIncoherentMode ? vm.kvm.incoherentDMA : .auto
  }
  private var isNever: Bool { kvm == .never }

  /// Reports every conflict.
  func run(into sink: inout DiagnosticSink) {
    let choice = target.snoopChoice(by: rules)
    let isDemanding = demandingGroups()
    for group in 0..<groups.count where isDemanding[group] || isNever {
      let members = groups.members[group]
      reportIncapable(members, into: &sink)
      reportUncertain(group, members, choice, into: &sink)
      if groups.canEnforce(group) {
        let mayLeave = groups.mayLeaveUnenforced(group, choice)
        reportEnforceable(group, members, mayLeave, into: &sink)
      } else {
        reportUnenforceable(group, members, into: &sink)
      }
    }
    if kvm == .always, Self.alwaysProof(groups, choice) == nil {
      let doubtful = devices.canEnforce.indices.first {
        !devices.canEnforce[$0] && !devices.cannotEnforce[$0]
      }
      sink.report(
        PlannerDiagnostics.missingProof(
          vm.kvm, target: target.name,
          doubtful: choice == .free
            ? nil : doubtful.map { (vm.devices[$0], unit($0), remedies($0)) }))
    }
  }

  /// Which groups have an intent that can be in a conflict; the others need no look.
  private func demandingGroups() -> [Bool] {
    var isDemanding = [Bool](repeating: false, count: groups.count)
    for device in 0..<devices.count
    where intents.resolved[device] == .required || intents.resolved[device] == .forbidden {
      isDemanding[groups.groupOfDevice[device].offset] = true
    }
    return isDemanding
  }

  /// The first device that proves the right to non-coherent DMA when none is effective.
  ///
  /// An IOMMU that nobody knows enough of proves nothing: KVM may find that it enforces.
  static func alwaysProof(_ groups: AssignedGroups, _ choice: SnoopChoice) -> Int? {
    let devices = groups.devices
    return choice == .free
      ? devices.canNoSnoop.firstIndex(of: true) : devices.cannotEnforce.firstIndex(of: true)
  }

  private func reportIncapable(_ members: ArraySlice<DeviceIndex>, into sink: inout DiagnosticSink)
  {
    for device in members.lazy.map(\.offset)
    where intents.resolved[device] == .required && !devices.canNoSnoop[device] {
      sink.report(PlannerDiagnostics.incapable(vm.devices[device], hostFact(device)))
    }
  }

  /// What 'required' can't rest on, and what it does not promise, because facts are unknown.
  private func reportUncertain(
    _ group: Int, _ members: ArraySlice<DeviceIndex>, _ choice: SnoopChoice,
    into sink: inout DiagnosticSink
  ) {
    let required = demands(.required, members)
    for device in required where hostFact(device).noSnoopCapable == .unknown {
      guard vm.devices[device].noSnoop == .required else { continue }
      sink.report(PlannerDiagnostics.maybeIncapable(vm.devices[device], hostFact(device)))
    }
    guard !required.isEmpty, let doubtful = doubtful(group, choice) else { return }
    for device in required {
      sink.report(
        PlannerDiagnostics.uncertain(
          vm.devices[device], on: vm.devices[doubtful], behind: unenforced(doubtful),
          target: target,
          settledBy: remedies(doubtful)))
    }
  }

  /// The device whose IOMMU, of which nobody knows whether it enforces, decides whether the page
  /// table of a group does; `nil` if that is known.
  private func doubtful(_ group: Int, _ choice: SnoopChoice) -> Int? {
    if groups.isSurelyUnenforced(group, choice) { return nil }
    if let own = groups.unenforceable[group].position { return own }
    guard choice == .joinsUnenforceable, groups.canEnforce(group) else { return nil }
    return groups.lenderOfCell[groups.cellOfGroup[group].offset].position
  }

  /// Conflicts of a group whose page table can't enforce.
  private func reportUnenforceable(
    _ group: Int, _ members: ArraySlice<DeviceIndex>, into sink: inout DiagnosticSink
  ) {
    guard let mate = groups.unenforceable[group].position else {
      return reportHeldBack(group, members, into: &sink)
    }
    for device in demands(.forbidden, members) {
      if devices.canEnforce[device] {
        sink.report(
          PlannerDiagnostics.forbidden(
            vm.devices[device], mate: vm.devices[mate], behind: unenforced(mate)))
      } else {
        sink.report(
          PlannerDiagnostics.unblockable(
            vm.devices[device], hostFact(device), behind: unenforced(device)))
      }
    }
    guard isNever, groups.capable[group] > 0 else { return }
    let capable = members.lazy.map(\.offset).filter { devices.canNoSnoop[$0] }
    guard let device = capable.first(where: { !devices.canEnforce[$0] }) ?? capable.first
    else { return }
    sink.report(
      PlannerDiagnostics.never(
        vm.kvm, unblockable: vm.devices[device], hostFact(device),
        mate: devices.canEnforce[device] ? vm.devices[mate] : nil, behind: unenforced(mate)))
  }

  /// Conflicts of a group that a member nobody assigned keeps from being enforced.
  ///
  /// A kernel refuses it whatever is demanded, which `HostChecks` says.
  private func reportHeldBack(
    _ group: Int, _ members: ArraySlice<DeviceIndex>, into sink: inout DiagnosticSink
  ) {
    guard target.isProposalOnly, groups.capable[group] > 0 else { return }
    let capable = members.lazy.map(\.offset).first { devices.canNoSnoop[$0] }
    guard let device = demands(.forbidden, members).first ?? (isNever ? capable : nil) else {
      return
    }
    guard let mate = groups.heldBackBy[group].position else { return }
    sink.report(
      PlannerDiagnostics.mateUnenforceable(
        topology.host.devices[mate], behind: topology.unenforced(of: mate),
        of: vm.devices[device]))
  }

  /// Conflicts of a group whose page table can enforce.
  private func reportEnforceable(
    _ group: Int, _ members: ArraySlice<DeviceIndex>, _ mayLeave: Bool,
    into sink: inout DiagnosticSink
  ) {
    let required = demands(.required, members)
    guard !required.isEmpty else { return }
    guard mayLeave else {
      if doubtful(group, target.snoopChoice(by: rules)) != nil { return }
      let able = others.filter {
        groups.mayLeaveUnenforced(group, $0.snoopChoice(by: rules))
          && ($0.isProposalOnly || $0.missingInterface(on: topology.host.kernel) == nil)
      }
      for device in required {
        sink.report(
          PlannerDiagnostics.inexpressible(
            vm.devices[device], behind: unit(device), target: target, rules: rules, able: able,
            lender: lender(of: group)))
      }
      return
    }
    let forbidden = demands(.forbidden, members)
    for (wanted, unwanted) in zip(required, forbidden) {
      sink.report(
        PlannerDiagnostics.contradiction(
          required: vm.devices[wanted], forbidden: vm.devices[unwanted],
          group: hostFact(wanted).group ?? 0))
    }
    guard isNever else { return }
    for device in required {
      sink.report(PlannerDiagnostics.never(vm.kvm, required: vm.devices[device]))
    }
  }

  /// The members with an intent that matters because they can no-snoop.
  private func demands(_ intent: NoSnoopIntent, _ members: ArraySlice<DeviceIndex>) -> [Int] {
    var found: [Int] = []
    for member in members {
      let device = member.offset
      if intents.resolved[device] == intent, groups.devices.canNoSnoop[device] {
        found.append(device)
      }
    }
    return found
  }

  private func hostFact(_ device: Int) -> HostDevice {
    topology.host.devices[devices.hostIndex[device]]
  }

  private func unit(_ device: Int) -> HostIOMMU { topology.host.iommus[devices.iommu[device]] }

  /// The device whose page table a group could share on a kernel that lets it; `nil` without any.
  private func lender(of group: Int) -> ResolvedDevice? {
    guard groups.mayLeaveUnenforced(group, .joinsUnenforceable) else { return nil }
    let lender = groups.lenderOfCell[groups.cellOfGroup[group].offset].position
    return lender.map { vm.devices[$0] }
  }

  /// What settles that the unit of a device does not enforce.
  private func remedies(_ device: Int) -> [String] {
    EnforcementRemedies(host: topology.host, dialect: target, index: devices.iommu[device].offset)
      .statements(.no)
  }

  private func unenforced(_ device: Int) -> UnenforcedUnit {
    topology.unenforced(devices.iommu[device].offset)
  }
}
