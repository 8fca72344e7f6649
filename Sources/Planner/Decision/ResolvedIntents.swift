import Parser

/// The intent of each device after `auto`, and how it was found.
struct ResolvedIntents: Sendable {
  /// What `auto` was looked up in.
  let table: AutoIntentTable
  /// By device; never `auto`.
  private(set) var resolved: [NoSnoopIntent]
  /// By device.
  private(set) var resolutions: [IntentResolution]

  /// Resolves `auto` by the table; reports rows that match but can't be followed.
  ///
  /// Device by device, from what is settled before the search: facts, what the target can express,
  /// and what the user said. A row is a guess, so it gives way to what the user said, and what was
  /// feasible with `allowed` is feasible with `auto`. It never gives way to the objective, and to
  /// another guess only where the two contradict: then the row that stands first in the table goes
  /// first.
  init(
    of vm: ResolvedVM, on topology: HostTopology, _ groups: AssignedGroups,
    target: any Dialect, by table: AutoIntentTable, into sink: inout DiagnosticSink
  ) {
    self.table = table
    let stated = vm.devices.map { $0.noSnoop }
    resolved = stated
    resolutions = [IntentResolution](repeating: .stated, count: stated.count)
    let automatic = stated.indices.filter { stated[$0] == .auto }
    guard !automatic.isEmpty else { return }
    let choice = target.snoopChoice(by: topology.rules)
    let isNever = topology.hasIncoherentMode && vm.kvm.incoherentDMA == .never
    let demands = StatedDemands(stated, groups)
    for index in automatic {
      let fact = topology.host.devices[groups.devices.hostIndex[index]]
      resolutions[index] = resolve(
        index, row: table.row(for: fact), beside: demands, groups, choice, isNever: isNever)
    }
    settleContradictions(automatic, groups)
    for index in automatic {
      resolved[index] = .allowed
      if case .row(let row) = resolutions[index] { resolved[index] = table.rows[row].intent }
      if let fallback = PlannerDiagnostics.fallback(
        resolutions[index], of: index, in: vm,
        (
          topology.host.devices[groups.devices.hostIndex[index]],
          topology.enforcement[groups.devices.iommu[index].offset]
        ), table, target: target.name)
      {
        sink.report(fallback)
      }
    }
  }

  private func resolve(
    _ device: Int, row: Int?, beside stated: StatedDemands, _ groups: AssignedGroups,
    _ choice: SnoopChoice, isNever: Bool
  ) -> IntentResolution {
    guard let row else { return .noRow }
    let group = groups.groupOfDevice[device].offset
    switch table.rows[row].intent {
    case .allowed, .auto: return .row(row)
    case .forbidden where !groups.devices.canNoSnoop[device]: return .row(row)
    case .forbidden:
      if !groups.canEnforce(group) { return .unblockable(row: row) }
      let mate = stated.required[group].position
      return mate.map { .yieldsToRequired(row: row, mate: $0) } ?? .row(row)
    case .required:
      if !groups.devices.canNoSnoop[device] { return .needless(row: row) }
      if !groups.mayLeaveUnenforced(group, choice) { return .notExpressible(row: row) }
      if !groups.isSurelyUnenforced(group, choice) { return .uncertain(row: row) }
      if isNever { return .yieldsToNever(row: row) }
      let mate = stated.forbidden[group].position
      return mate.map { .yieldsToForbidden(row: row, mate: $0) } ?? .row(row)
    }
  }

  /// Lets rows give way to earlier ones that say the opposite of devices in the same group.
  private mutating func settleContradictions(_ automatic: [Int], _ groups: AssignedGroups) {
    var first: [GroupIndex: (device: Int, row: Int)] = [:]
    for device in automatic {
      guard let row = demand(of: device, groups) else { continue }
      let group = groups.groupOfDevice[device]
      if let known = first[group], known.row <= row { continue }
      first[group] = (device, row)
    }
    for device in automatic {
      guard let row = demand(of: device, groups),
        let winner = first[groups.groupOfDevice[device]],
        table.rows[winner.row].intent != table.rows[row].intent
      else { continue }
      resolutions[device] =
        table.rows[row].intent == .required
        ? .yieldsToForbidden(row: row, mate: winner.device)
        : .yieldsToRequired(row: row, mate: winner.device)
    }
  }

  /// The row that settles the format of a device's page table, if one does.
  private func demand(of device: Int, _ groups: AssignedGroups) -> Int? {
    guard case .row(let row) = resolutions[device], table.rows[row].intent != .allowed,
      groups.devices.canNoSnoop[device]
    else { return nil }
    return row
  }
}

/// By group the first device that can no-snoop and that the user requires to, or forbids it.
private struct StatedDemands {
  private(set) var required: [DeviceIndex]
  private(set) var forbidden: [DeviceIndex]

  init(_ stated: [NoSnoopIntent], _ groups: AssignedGroups) {
    required = [DeviceIndex](repeating: .none, count: groups.count)
    forbidden = required
    for device in stated.indices.reversed() where groups.devices.canNoSnoop[device] {
      let group = groups.groupOfDevice[device].offset
      switch stated[device] {
      case .required: required[group] = DeviceIndex(device)
      case .forbidden: forbidden[group] = DeviceIndex(device)
      case .allowed, .auto: break
      }
    }
  }
}
