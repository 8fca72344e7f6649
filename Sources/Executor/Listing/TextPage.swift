import Parser

/// Lines of text for people, never wider than the page.
public struct TextPage {
  /// The widest line, in columns.
  public var width: Int { screen.width }

  /// What was written so far, in UTF-8.
  public private(set) var bytes: [UInt8] = []

  /// How many lines those are.
  public private(set) var lineCount = 0

  private let screen: Screen

  /// Starts an empty page.
  public init(_ screen: Screen) { self.screen = screen }

  /// Hands out what was written and starts anew.
  public mutating func drain(to write: (UnsafeRawBufferPointer) -> Void) {
    bytes.withUnsafeBytes(write)
    bytes.removeAll(keepingCapacity: true)
    lineCount = 0
  }

  /// Writes an empty line.
  public mutating func blank() {
    bytes.append(UInt8(ascii: "\n"))
    lineCount += 1
  }

  /// Writes a heading with an empty line before it.
  public mutating func heading(_ text: String) {
    blank()
    line(StyledText(text, .strong))
  }

  /// Writes a text, after a label if it has one.
  ///
  /// What does not fit goes on below, under the start of the text or `hanging` columns further in.
  public mutating func line(
    _ text: StyledText, indent: Int = 0, hanging: Int = 0, label: StyledText = ""
  ) {
    let start = indent + label.columns
    let lines = text.wrapped(to: width - start, then: width - start - hanging)
    for (index, line) in lines.enumerated() {
      pad(index == 0 ? indent : start + hanging)
      if index == 0 { write(label) }
      write(line)
      blank()
    }
  }

  /// Writes rows whose cells stand in columns; see `Columns`.
  public mutating func table(_ rows: [[StyledText]], indent: Int = 2) {
    let columns = Columns(rows, indent: indent, width: width)
    for row in rows { self.row(row, in: columns) }
  }

  /// Where the columns of some rows stand.
  ///
  /// The last column takes the rest of the line, the others what their widest cell needs, within
  /// bounds; a cell too wide for its column is wrapped within it.
  public struct Columns {
    fileprivate var widths: [Int]
    fileprivate let indent: Int
    private let width: Int

    /// Measures rows for a page; no column but the last gets more than `maximum` columns.
    public init(_ rows: [[StyledText]], indent: Int = 2, maximum: Int = 24, width: Int) {
      let count = rows.reduce(0) { max($0, $1.count) }
      var widths = Array(repeating: 0, count: count)
      for row in rows {
        for (column, cell) in row.enumerated() {
          widths[column] = max(widths[column], min(cell.columns, maximum))
        }
      }
      self.widths = widths
      self.indent = indent
      self.width = width
      if count > 0 { fit() }
    }

    /// Gives the last column what is left, which is a quarter of the page at least.
    private mutating func fit() {
      let last = widths.count - 1
      while before > width * 3 / 4,
        let widest = widths.indices.dropLast().max(by: { widths[$0] < widths[$1] }),
        widths[widest] > 1
      {
        widths[widest] -= 1
      }
      widths[last] = max(1, width - before)
    }

    /// The columns before the last one take this much, gaps included.
    private var before: Int {
      widths.dropLast().reduce(indent) { $0 + ($1 > 0 ? $1 + 2 : 0) }
    }
  }

  /// Writes one of the rows that were measured.
  public mutating func row(_ row: [StyledText], in columns: Columns) {
    let widths = columns.widths
    let cells = row.enumerated().map { $0.element.wrapped(to: max(1, widths[$0.offset])) }
    for line in 0..<(cells.map(\.count).max() ?? 0) {
      var (written, wanted) = (0, columns.indent)
      for (column, lines) in cells.enumerated() {
        if line < lines.count, !lines[line].isEmpty {
          pad(wanted - written)
          write(lines[line])
          written = wanted + lines[line].columns
        }
        wanted += widths[column] > 0 ? widths[column] + 2 : 0
      }
      blank()
    }
  }

  private mutating func pad(_ columns: Int) {
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(0, columns)))
  }

  private mutating func write(_ text: StyledText) {
    for piece in text.pieces {
      bytes.append(contentsOf: screen.mark(piece.text, piece.role).utf8)
    }
  }
}
