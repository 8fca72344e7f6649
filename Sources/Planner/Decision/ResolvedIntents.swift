import Parser

/// The intent of each device after `auto`, and how it was found.
struct ResolvedIntents: Sendable {
  /// By device; never `auto`.
  private(set) var resolved: [NoSnoopIntent]
  /// By device.
  private(set) var resolutions: [IntentResolution]

  /// Resolves `auto` by the table; reports rows that match but can't be followed.
  ///
  /// Only what the device and the target allow counts, not what other lines of the file say, so
  /// that the meaning of `auto` does not hang on a neighbour's intent.
  init(
    of vm: VMDescription, on topology: HostTopology, _ groups: AssignedGroups,
    target: any Dialect, into sink: inout DiagnosticSink
  ) {
    resolved = vm.devices.map(\.noSnoop)
    resolutions = [IntentResolution](repeating: .stated, count: resolved.count)
    let choice = target.snoopChoice
    for index in resolved.indices where resolved[index] == .auto {
      let fact = Int(groups.devices.hostIndex[index])
      let resolution = Self.resolve(
        row: AutoIntentTable.row(for: topology.host.devices[fact]),
        canNoSnoop: groups.devices.canNoSnoop[index],
        isExpressible: groups.mayLeaveUnenforced(Int(groups.groupOfDevice[index]), choice))
      resolutions[index] = resolution
      resolved[index] = .allowed
      if case .row(let row) = resolution { resolved[index] = AutoIntentTable.rows[row].intent }
      if let fallback = PlannerDiagnostics.fallback(
        resolution, of: vm.devices[index], topology.host.devices[fact], target: target.name)
      {
        sink.report(fallback)
      }
    }
  }

  private static func resolve(
    row: Int?, canNoSnoop: Bool, isExpressible: Bool
  ) -> IntentResolution {
    guard let row else { return .noRow }
    if !canNoSnoop { return .needless(row: row) }
    return isExpressible ? .row(row) : .notExpressible(row: row)
  }
}
