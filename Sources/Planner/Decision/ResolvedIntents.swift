import Parser

/// The intent of each device after `auto`, and how it was found.
struct ResolvedIntents: Sendable {
  /// By device; never `auto`.
  private(set) var resolved: [NoSnoopIntent]
  /// By device.
  private(set) var resolutions: [IntentResolution]

  /// Resolves `auto` by the table; reports rows that match but can't be followed.
  ///
  /// Device by device, from what is settled before the search: facts, what the target can express,
  /// and what the user said. A row is a guess, so it gives way to what the user said, and what was
  /// feasible with `allowed` is feasible with `auto`. It never gives way to the objective, nor to
  /// another guess.
  init(
    of vm: VMDescription, on topology: HostTopology, _ groups: AssignedGroups,
    target: any Dialect, into sink: inout DiagnosticSink
  ) {
    resolved = vm.devices.map(\.noSnoop)
    resolutions = [IntentResolution](repeating: .stated, count: resolved.count)
    let choice = target.snoopChoice(by: topology.rules)
    let isNever = topology.host.hasIncoherentMode && vm.kvm.incoherentDMA == .never
    for index in resolved.indices where vm.devices[index].noSnoop == .auto {
      let fact = topology.host.devices[Int(groups.devices.hostIndex[index])]
      let resolution = Self.resolve(
        index, row: AutoIntentTable.row(for: fact), of: vm, groups, choice, isNever: isNever)
      resolutions[index] = resolution
      resolved[index] = .allowed
      if case .row(let row) = resolution { resolved[index] = AutoIntentTable.rows[row].intent }
      if let fallback = PlannerDiagnostics.fallback(
        resolution, of: index, in: vm, fact, target: target.name)
      {
        sink.report(fallback)
      }
    }
  }

  private static func resolve(
    _ device: Int, row: Int?, of vm: VMDescription, _ groups: AssignedGroups,
    _ choice: SnoopChoice, isNever: Bool
  ) -> IntentResolution {
    guard let row else { return .noRow }
    let group = Int(groups.groupOfDevice[device])
    if !groups.devices.canNoSnoop[device] { return .needless(row: row) }
    if !groups.mayLeaveUnenforced(group, choice) { return .notExpressible(row: row) }
    if isNever { return .yieldsToNever(row: row) }
    let mate = groups.members[group].lazy.map(Int.init).first {
      vm.devices[$0].noSnoop == .forbidden && groups.devices.canNoSnoop[$0]
    }
    return mate.map { .yieldsToForbidden(row: row, mate: $0) } ?? .row(row)
  }
}
