/// A source line with its caret range, laid out to fit a width.
///
/// Tabs become spaces up to the next multiple of 4, bytes that are not UTF-8 and characters a
/// terminal would act on become escapes, and carets stand under what is shown. A line too long for
/// the width is cut around the start of the range; only the bytes near it are looked at.
struct SourceExcerpt {
  /// The visible text of the line.
  private(set) var text = ""
  /// Spaces and carets under it.
  private(set) var carets = ""

  private static let tabWidth = 4
  private static let ellipsis = "..."

  /// Lays out a line; the range counts bytes in it and is cut to it; an empty one is a point.
  init(line: ArraySlice<UInt8>, range: Range<Int>, width: Int) {
    let first = min(range.lowerBound, line.count)
    let last = min(max(range.upperBound, first), line.count)
    // A point is marked at the character that it stands before.
    let end = max(last, first + 1)
    if line.count <= width, line.allSatisfy({ (0x20..<0x7f).contains($0) }) {
      // Most lines are shown as they are: to look at each character takes a hundred times as long.
      text = String(decoding: line, as: UTF8.self)
      carets = String(repeating: " ", count: first)
      carets += String(repeating: "^", count: min(end, line.count) - first)
      finishCarets()
      return
    }
    let (cells, isCutBefore) = Self.cells(of: line, around: first, width: width)
    let window = Self.window(cells, startingAt: first, isCutBefore: isCutBefore, width: width)
    let isCutAfter =
      window.upperBound < cells.count || (cells.last.map { $0.end < line.count } ?? false)
    if isCutBefore || window.lowerBound > 0 { append(Self.ellipsis, marked: false) }
    for cell in cells[window] {
      append(cell.text, columns: cell.columns, marked: cell.end > first && cell.start < end)
    }
    if isCutAfter { text += Self.ellipsis }
    finishCarets()
  }

  private mutating func append(_ piece: String, columns: Int? = nil, marked: Bool) {
    text += piece
    carets += String(repeating: marked ? "^" : " ", count: columns ?? piece.utf8.count)
  }

  /// A point at the end of a line, or a range that shows nothing, still gets a caret: at its end.
  private mutating func finishCarets() {
    if !carets.contains("^") { carets += "^" }
    while carets.last == " " { carets.removeLast() }
    while text.last == " " { text.removeLast() }
  }
}

extension SourceExcerpt {
  /// One character of the line: what is shown for it, and its bytes.
  private struct Cell {
    var text: String
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
    if line[first] == UInt8(ascii: "\t") {
      let columns = tabWidth - column % tabWidth
      let spaces = String(repeating: " ", count: columns)
      return Cell(text: spaces, columns: columns, start: start, end: start + 1)
    }
    let length = max(1, UTF8Width.ofSequence(startingWith: line[first]))
    let bytes = line[first..<min(first + length, line.endIndex)]
    guard let text = String(validating: bytes, as: UTF8.self),
      let scalar = text.unicodeScalars.first
    else {
      let escape = "\\x" + hexDigits(UInt64(line[first]), 2)
      return Cell(text: escape, columns: escape.utf8.count, start: start, end: start + 1)
    }
    let shown = scalar.visible
    let columns = shown.utf8.count == bytes.count ? scalar.columns : shown.columns
    return Cell(text: shown, columns: columns, start: start, end: start + length)
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
