import Executor
import Parser
import Planner

/// The devices of a review, one a line.
///
/// On a narrow screen the formats of page tables stand below, then the groups give way, and what a
/// device is loses words at its end. A name that is too long stands on a line of its own.
struct ReviewTable {
  /// The widest column of names.
  static let widestName = 20
  /// The least that is left for what a device is, with the page tables' formats beside them.
  static let leastWhat = 12

  private let rows: [PlanReview.Row]
  private let nameWidth: Int
  private let addressWidth: Int
  private let groupWidth: Int
  private let coherenceWidth: Int
  private let whatWidth: Int
  /// Whether there is room for the groups.
  private let showsGroups: Bool
  /// Whether formats stand beside the page tables, not below.
  private let showsFormats: Bool

  /// Measures rows for a width.
  init(_ rows: [PlanReview.Row], width: Int) {
    self.rows = rows
    func widest(_ header: String, _ text: (PlanReview.Row) -> String) -> Int {
      rows.reduce(header.count) { max($0, text($1).visible.columns) }
    }
    nameWidth = min(Self.widestName, widest("device", \.name))
    addressWidth = widest("address") { $0.address.description }
    groupWidth = widest("group") { String($0.group) }
    coherenceWidth = widest("DMA") { $0.coherence.text }
    let before = 2 + nameWidth + 2 + addressWidth + 2 + 2 + coherenceWidth + 2
    let (wanted, groups) = (widest("what", \.what), groupWidth + 2)
    let least = min(wanted, Self.leastWhat)
    let room = { (isBeside: Bool, columns: Int) in
      width - before - columns - widest("page table") { Self.table(of: $0, isBeside: isBeside) }
    }
    showsFormats = room(true, groups) >= least
    showsGroups = showsFormats || room(false, groups) >= least
    whatWidth = max(0, min(wanted, room(showsFormats, showsGroups ? groups : 0)))
  }

  private static func table(of row: PlanReview.Row, isBeside: Bool) -> String {
    row.pageTable + (isBeside && row.isFirstOfTable ? " " + row.format.text : "")
  }

  /// Writes the header, the rows and, if there is no room beside them, the page tables' formats.
  func append(to page: inout TextPage) {
    guard !rows.isEmpty else { return }
    page.line(
      line("  ", "device", "address", "what", "group", "DMA", "page table").in(.strong))
    for row in rows { append(row, to: &page) }
    guard !showsFormats else { return }
    let formats = rows.filter(\.isFirstOfTable).map { "\($0.pageTable) \($0.format.text)" }
    page.line("page tables: \(nameList(formats))", indent: 2, hanging: 2)
  }

  private func append(_ row: PlanReview.Row, to page: inout TextPage) {
    let isGood = row.coherence == .coherent
    let mark: StyledText = isGood ? "  " : "\("!", .warning) "
    var name = row.name
    if name.visible.columns > nameWidth {
      page.line(mark + "\(name, .strong)", hanging: 2)
      name = ""
    }
    page.line(
      line(
        name.isEmpty ? "  " : mark, "\(name, .strong)", StyledText(row.address.description),
        StyledText(fitting(row.what)), StyledText(right(String(row.group), groupWidth)),
        "\(row.coherence.text, isGood ? .good : .warning)",
        "\(Self.table(of: row, isBeside: showsFormats))"))
  }

  private func line(
    _ mark: StyledText, _ name: StyledText, _ address: StyledText, _ what: StyledText,
    _ group: StyledText, _ coherence: StyledText, _ table: StyledText
  ) -> StyledText {
    var text = mark + padded(name, nameWidth) + padded(address, addressWidth)
    if whatWidth > 3 { text += padded(what, whatWidth) }
    if showsGroups { text += padded(group, groupWidth) }
    return text + padded(coherence, coherenceWidth) + table
  }

  private func padded(_ text: StyledText, _ width: Int) -> StyledText {
    text + StyledText(String(repeating: " ", count: max(0, width - text.columns) + 2))
  }

  private func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// As many words of a text as there is room for.
  private func fitting(_ text: String) -> String {
    var text = text.visible
    while text.columns > whatWidth {
      guard let space = text.lastIndex(of: " ") else { return "" }
      text = String(text[..<space])
    }
    return text == "its" ? "" : text
  }
}
