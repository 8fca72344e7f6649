import Parser
import Planner

/// What a simulated machine holds, for people.
public struct StateText {
  private let state: SimulatorState
  private let name: (BDF) -> String

  /// Takes a state, and what its devices are called.
  public init(_ state: SimulatorState, name: @escaping (BDF) -> String) {
    self.state = state
    self.name = name
  }

  /// A row for each page table, and for each VM where KVM has a non-coherent mode.
  public var rows: [[StyledText]] {
    state.pageTables.map(row) + (state.hasIncoherentMode ? state.vms.map(row) : [])
  }

  /// Writes which devices have another driver than at the start.
  public func appendDriverChanges(to page: inout TextPage) {
    for change in state.driverChanges {
      page.line(
        "\(name(change.address), .strong): driver \(change.before ?? "none") -> "
          + "\(change.now ?? "none")", indent: 2, hanging: 2)
    }
  }

  /// Which devices KVM was told of.
  func known(to vm: SimulatorState.VM) -> String {
    vm.knownDevices.isEmpty ? "knows no device" : "knows \(names(vm.knownDevices))"
  }

  private func row(of table: SimulatorState.PageTable) -> [StyledText] {
    [
      "\(table.name, .strong)",
      table.enforcesSnoop ? "\("enforced", .good)" : "\("not enforced", .warning)",
      "maps \(byteSizeText(table.mappedBytes))",
      "\(table.devices.isEmpty ? "no device" : "for " + names(table.devices))",
    ]
  }

  private func row(of vm: SimulatorState.VM) -> [StyledText] {
    [
      "\("KVM", .strong)",
      vm.allowsIncoherentDMA
        ? "\("carries out WBINVD", .warning)" : "\("ignores WBINVD", .good)",
      vm.proofs.isEmpty ? "no proof" : "proof \(names(vm.proofs))", StyledText(known(to: vm)),
    ]
  }

  private func names(_ addresses: [BDF]) -> String { nameList(addresses.map(name)) }
}
