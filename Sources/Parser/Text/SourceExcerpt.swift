/// A source line with its caret range, laid out to fit a width.
///
/// Tabs become spaces up to the next multiple of 4, bytes that are not UTF-8 and characters a
/// terminal would act on become escapes, and carets stand under what is shown. A line too long for
/// the width is cut around the start of the range; only the bytes near it are looked at.
struct SourceExcerpt {
  /// The visible text of the line.
  var text: String { String(decoding: bytes, as: UTF8.self) }
  /// Spaces and carets under it.
  var carets: String { String(decoding: marks, as: UTF8.self) }

  private var bytes: [UInt8] = []
  private var marks: [UInt8] = []

  private static let tabWidth = 4
  private static let ellipsis = "..."
  private static let space = UInt8(ascii: " ")
  private static let caret = UInt8(ascii: "^")

  /// Lays out a line; the range counts bytes in it and is cut to it; an empty one is a point.
  init(line: ArraySlice<UInt8>, range: Range<Int>, width: Int) {
    let first = min(range.lowerBound, line.count)
    let last = min(max(range.upperBound, first), line.count)
    if line.count <= width, line.allSatisfy(Self.isPlain) {
      bytes = Array(line)
      marks = [UInt8](repeating: Self.space, count: line.count)
      for place in first..<min(max(last, first + 1), line.count) { marks[place] = Self.caret }
      finish()
      return
    }
    let (cells, isCutBefore) = Self.cells(of: line, around: first, width: width)
    let window = Self.window(cells, startingAt: first, isCutBefore: isCutBefore, width: width)
    let isCutAfter =
      window.upperBound < cells.count || (cells.last.map { $0.end < line.count } ?? false)
    if isCutBefore || window.lowerBound > 0 {
      bytes += Self.ellipsis.utf8
      marks += Self.ellipsis.utf8.lazy.map { _ in Self.space }
    }
    // A point is marked at the character that it stands before.
    let end = max(last, first + 1)
    for cell in cells[window] {
      append(cell, of: line, marked: cell.end > first && cell.start < end)
    }
    if isCutAfter { bytes += Self.ellipsis.utf8 }
    finish()
  }

  /// Whether a byte is a character that is shown as it is: most are, and to look at one as text
  /// takes a hundred times as long.
  private static func isPlain(_ byte: UInt8) -> Bool { (0x20..<0x7f).contains(byte) }

  private mutating func append(_ cell: Cell, of line: ArraySlice<UInt8>, marked: Bool) {
    if let text = cell.escape {
      bytes += text.utf8
    } else {
      bytes += line[line.startIndex + cell.start..<line.startIndex + cell.end]
    }
    for _ in 0..<cell.columns { marks.append(marked ? Self.caret : Self.space) }
  }

  /// A point at the end of a line, or a range that shows nothing, still gets a caret: at its end.
  private mutating func finish() {
    if !marks.contains(Self.caret) { marks.append(Self.caret) }
    while marks.last == Self.space { marks.removeLast() }
    while bytes.last == Self.space { bytes.removeLast() }
  }
}

extension SourceExcerpt {
  /// One character of the line: its bytes, and what is shown in their place if they are not.
  private struct Cell {
    var escape: String?
    var columns: Int
    var start: Int
    var end: Int
  }

  /// The cells around an offset, a few widths of them, and whether some before were left out.
  private static func cells(
    of line: ArraySlice<UInt8>, around offset: Int, width: Int
  ) -> (cells: [Cell], isCutBefore: Bool) {
    var from = max(0, offset - width * 4)
    while from > 0, line[line.startIndex + from] & 0xC0 == 0x80 { from -= 1 }
    let to = min(line.count, offset + width * 4)
    var cells: [Cell] = []
    cells.reserveCapacity(to - from)
    var column = 0
    var position = from
    while position < to {
      let cell = cell(of: line, at: position, column: column)
      cells.append(cell)
      column += cell.columns
      position = cell.end
    }
    return (cells, from > 0)
  }

  private static func cell(of line: ArraySlice<UInt8>, at start: Int, column: Int) -> Cell {
    let first = line.startIndex + start
    if isPlain(line[first]) { return Cell(columns: 1, start: start, end: start + 1) }
    if line[first] == UInt8(ascii: "\t") {
      let columns = tabWidth - column % tabWidth
      let spaces = String(repeating: " ", count: columns)
      return Cell(escape: spaces, columns: columns, start: start, end: start + 1)
    }
    let length = max(1, UTF8Width.ofSequence(startingWith: line[first]))
    let bytes = line[first..<min(first + length, line.endIndex)]
    guard let text = String(validating: bytes, as: UTF8.self),
      let scalar = text.unicodeScalars.first
    else {
      let escape = "\\x" + hexDigits(UInt64(line[first]), 2)
      return Cell(escape: escape, columns: escape.utf8.count, start: start, end: start + 1)
    }
    let shown = scalar.visible
    let columns = shown.utf8.count == bytes.count ? scalar.columns : shown.columns
    return Cell(escape: shown, columns: columns, start: start, end: start + length)
  }

  /// The cells that are shown: all if they fit, else a stretch that begins well before the range.
  private static func window(
    _ cells: [Cell], startingAt offset: Int, isCutBefore: Bool, width: Int
  ) -> Range<Int> {
    let total = cells.reduce(0) { $0 + $1.columns }
    let room = max(8, width - 2 * ellipsis.utf8.count)
    if total <= width && !isCutBefore { return cells.indices }
    let target = cells.firstIndex { $0.end > offset } ?? cells.count
    var lower = target
    var used = 0
    while lower > 0, used + cells[lower - 1].columns <= room / 2 {
      lower -= 1
      used += cells[lower].columns
    }
    if lower == 0 && !isCutBefore { used -= ellipsis.utf8.count }
    var upper = target
    while upper < cells.count, used + cells[upper].columns <= room {
      used += cells[upper].columns
      upper += 1
    }
    return lower..<upper
  }
}

/// The lengths of UTF-8 sequences.
enum UTF8Width {
  /// The bytes of the sequence a byte begins, 1 to 4; 0 if none begins with it.
  static func ofSequence(startingWith byte: UInt8) -> Int {
    switch byte {
    case 0..<0x80: 1
    case 0xC2..<0xE0: 2
    case 0xE0..<0xF0: 3
    case 0xF0..<0xF5: 4
    default: 0
    }
  }
}
