import Parser

/// Whether a plan takes away a device that others hang on, and whether virtual functions can be
/// opened.
struct RelationChecks {
  /// What keeps a device with its driver.
  enum Tie {
    /// A virtual function of it.
    case virtualFunction(Int)
    /// A device that would no longer be there, and that the VM or the host has.
    case other(Int)
  }

  private let vm: ResolvedVM
  private let topology: HostTopology
  private let groups: AssignedGroups
  private let target: any Dialect
  /// The VM's device at each position of the host, if any hangs on another one.
  private var assigned: [Int: Int] = [:]
  /// What hangs on devices of the VM that have to leave their drivers.
  private var lost: Set<Int> = []

  /// Prepares the checks of a VM on a host.
  init(vm: ResolvedVM, topology: HostTopology, groups: AssignedGroups, target: any Dialect) {
    self.vm = vm
    self.topology = topology
    self.groups = groups
    self.target = target
    guard !relations.isEmpty else { return }
    for (index, position) in groups.devices.hostIndex.enumerated() {
      assigned[position.offset] = index
      if isTaken(index, position.offset) {
        lost.formUnion(relations.descendants(of: position.offset))
      }
    }
  }

  private var relations: DeviceRelations { topology.relations }
  private var host: HostDescription { topology.host }

  /// Reports devices of the VM that would take others away, and tokens.
  func run(into sink: inout DiagnosticSink) {
    var tokens: [Int: Int] = [:]
    for (index, position) in groups.devices.hostIndex.enumerated() {
      let position = position.offset
      if let tie = tie(ofAssigned: index, position) {
        report(tie, holding: position, for: index, into: &sink)
      }
      if !target.isProposalOnly {
        checkToken(of: index, position, &tokens, into: &sink)
      }
    }
  }

  /// Reports a member that nobody assigned and that can't leave its driver, whatever is done about
  /// companions; `false` if nothing holds it there, and it does not go with a device of the VM.
  func isSaid(of member: Int, in first: Int, into sink: inout DiagnosticSink) -> Bool {
    if lost.contains(member) { return true }
    guard !relations.isEmpty, let tie = tie(of: member) else { return false }
    report(tie, holding: member, for: first, into: &sink)
    return true
  }

  /// What keeps a device of the VM with its driver; one that VFIO has already stays, but a virtual
  /// function can't be in one VM with it.
  private func tie(ofAssigned index: Int, _ position: Int) -> Tie? {
    guard !relations.isEmpty else { return nil }
    if isTaken(index, position) { return tie(of: position) }
    let children = relations.virtualFunctions[position] ?? []
    return children.first { assigned[$0] != nil }.map { .virtualFunction($0) }
  }

  /// Whether a device of the VM has to leave its driver, or to get one.
  private func isTaken(_ index: Int, _ position: Int) -> Bool {
    let device = host.devices[position]
    return !device.hasVFIODriver || device.driver != vm.devices[index].driver ?? device.driver
  }

  /// What keeps a device with its driver; the VM's own devices are named before others.
  private func tie(of position: Int) -> Tie? {
    if let children = relations.virtualFunctions[position], let first = children.first {
      let named = children.first { assigned[$0] != nil } ?? children.first(where: isUsed)
      return .virtualFunction(named ?? first)
    }
    let lost = relations.descendants(of: position)
    return (lost.first { assigned[$0] != nil } ?? lost.first(where: isUsed)).map { .other($0) }
  }

  /// Whether a driver of the host, or a user of VFIO, may be at work with a device.
  private func isUsed(_ position: Int) -> Bool {
    guard let driver = host.devices[position].driver else { return false }
    return !GroupViability.harmlessDrivers.contains(driver)
  }

  private func report(
    _ tie: Tie, holding position: Int, for index: Int, into sink: inout DiagnosticSink
  ) {
    let (device, holder) = (vm.devices[index], host.devices[position])
    let isOwn = groups.devices.hostIndex[index] == HostDeviceIndex(position)
    switch tie {
    case .virtualFunction(let child):
      sink.report(
        PlannerDiagnostics.hasVirtualFunctions(
          holder, child: host.devices[child], owner: assigned[child].map { vm.devices[$0] },
          for: device, isOwn: isOwn))
    case .other(let child):
      sink.report(
        PlannerDiagnostics.othersBehind(
          holder, child: host.devices[child], owner: assigned[child].map { vm.devices[$0] },
          for: device, isOwn: isOwn,
          users: relations.descendants(of: position).filter(isUsed).map { host.devices[$0] }))
    }
  }
}

// MARK: - Tokens

extension RelationChecks {
  /// Whether a device is opened with a token where vfio-pci asks for one, and only there
  /// (`vfio_pci_validate_vf_token`, drivers/vfio/pci/vfio_pci_core.c).
  ///
  /// `first` holds the first device with a token of each physical function.
  private func checkToken(
    of index: Int, _ position: Int, _ first: inout [Int: Int], into sink: inout DiagnosticSink
  ) {
    let (device, fact) = (vm.devices[index], host.devices[position])
    guard let physical = relations.physicalFunction[position] else {
      return checkToken(ofFunction: device, fact, position, into: &sink)
    }
    // One that is assigned, too, has its own finding.
    if assigned[physical] != nil { return }
    let owner = host.devices[physical]
    guard owner.hasVFIODriver else {
      if device.vfToken != nil {
        sink.report(PlannerDiagnostics.tokenUnwanted(device, physical: owner))
      }
      return
    }
    if lacksTokens {
      sink.report(
        PlannerDiagnostics.tokenNotTaken(
          device, physical: owner, described: fact, on: host.kernel, target, by: rule))
    } else if device.vfToken == nil {
      sink.report(PlannerDiagnostics.tokenMissing(device, physical: owner))
    } else if let other = first[physical].map({ vm.devices[$0] }) {
      guard other.vfToken != device.vfToken else { return }
      sink.report(PlannerDiagnostics.tokensDiffer(device, first: other, physical: owner))
    } else {
      first[physical] = index
    }
  }

  /// A token of a device that is not a virtual function, as far as the host says.
  private func checkToken(
    ofFunction device: ResolvedDevice, _ fact: HostDevice, _ position: Int,
    into sink: inout DiagnosticSink
  ) {
    guard device.vfToken != nil else { return }
    if lacksTokens {
      sink.report(
        PlannerDiagnostics.tokenNotTaken(
          device, physical: nil, described: fact, on: host.kernel, target, by: rule))
    } else if fact.physicalFunction ?? fact.address == fact.address,
      relations.virtualFunctions[position] == nil
    {
      sink.report(PlannerDiagnostics.tokenUnwanted(device, fact))
    }
  }

  /// What has to hold for a token to be taken: by a group, or by a device's own node.
  private var rule: KernelRule {
    target.registersGroups ? KernelRules.vfTokens : KernelRules.bindReadsTokens
  }

  /// Whether the kernel takes no token where the target opens devices.
  private var lacksTokens: Bool { !topology.rules.holds(rule) }
}
