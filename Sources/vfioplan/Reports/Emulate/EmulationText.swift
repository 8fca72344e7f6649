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
    appendTransfers(to: &page)
    appendCalls(to: &page)
    return page
  }

  private func appendState(to page: inout TextPage) {
    page.heading("State before it was let go")
    guard let state = record.state else {
      return page.line("the program opened nothing of VFIO or iommufd", indent: 2)
    }
    let text = StateText(state, name: \.description)
    page.table(text.rows)
    if state.pageTables.isEmpty { page.line("no page table", indent: 2) }
    text.appendDriverChanges(to: &page)
  }

  private func appendTransfers(to page: inout TextPage) {
    if record.transfers.isEmpty { return }
    page.heading("DMA")
    for transfer in record.transfers {
      let words = Self.words(of: transfer)
      let outcome: StyledText =
        transfer.fault == nil
        ? transfer.isSnooped ? "\("snooped", .good)" : "\("not snooped", .warning)"
        : "\("fault", .error)"
      page.line(
        "\(transfer.request.device.description, .strong) \(words.deed): \(outcome), "
          + "\(words.outcome)", indent: 2, hanging: 2)
    }
  }

  /// What a device does, and what became of it.
  static func words(of transfer: EmulatedTransfer) -> (deed: String, outcome: String) {
    let request = transfer.request
    let verb = request.isWrite ? "writes" : "reads"
    let deed = "\(verb) \(counted(request.count, "byte")) at \(hexText(request.address))"
    if let fault = transfer.fault {
      let place = transfer.faultAddress.map { " at " + hexText($0) } ?? ""
      return (deed, fault.rawValue + place)
    }
    let shown = transfer.bytes.prefix(32)
    let rest = transfer.bytes.count > shown.count ? "..." : ""
    let places = transfer.pieces.map { hexText($0.address) }
    return (
      deed, hexDigits(shown) + rest + " at \(nameList(places, limit: 4)) of the program"
    )
  }

  private func appendCalls(to page: inout TextPage) {
    let total = record.calls.reduce(0) { $0 + $1.count }
    page.blank()
    page.line("\(counted(total, "call")) answered", hanging: 2)
    for failure in record.failures {
      page.line(
        "\(failure.request) failed with \(failure.errno.description, .error), "
          + "\(counted(failure.count, "time"))", indent: 2, hanging: 2)
    }
  }
}
