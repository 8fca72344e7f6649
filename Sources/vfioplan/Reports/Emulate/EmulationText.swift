import Executor
import Parser
import Planner

/// What a program made of an emulated machine, for people.
struct EmulationText {
  private let record: EmulationRecord
  private let host: HostDescription

  /// Prepares the text.
  init(_ record: EmulationRecord, host: HostDescription) {
    self.record = record
    self.host = host
  }

  /// Writes all sections.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    page.line("emulated run on host \(host.name, .strong)", hanging: 2)
    appendState(to: &page)
    appendCalls(to: &page)
    return page
  }

  private func appendState(to page: inout TextPage) {
    page.heading("State before it was let go")
    guard let state = record.state else {
      return page.line("the program opened nothing of VFIO or iommufd", indent: 2)
    }
    page.table(state.pageTables.map(row) + (state.hasIncoherentMode ? state.vms.map(row) : []))
    if state.pageTables.isEmpty { page.line("no page table", indent: 2) }
    for change in state.driverChanges {
      page.line(
        "\(change.address.description, .strong): driver \(change.before ?? "none") -> "
          + "\(change.now ?? "none")", indent: 2, hanging: 2)
    }
  }

  private func appendCalls(to page: inout TextPage) {
    let total = record.calls.values.reduce(0, +)
    page.blank()
    page.line("\(counted(total, "call")) answered", hanging: 2)
    for failure in record.failures {
      page.line(
        "\(failure.request) failed with \(failure.errno.description, .error), "
          + "\(counted(failure.count, "time"))", indent: 2, hanging: 2)
    }
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
      vm.proofs.isEmpty ? "no proof" : "proof \(names(vm.proofs))",
      vm.knownDevices.isEmpty ? "knows no device" : "knows \(names(vm.knownDevices))",
    ]
  }

  private func names(_ addresses: [BDF]) -> String { nameList(addresses.map(\.description)) }
}
