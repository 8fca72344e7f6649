/// The lines of a file without the white space around them, each with its place.
struct TextLines: Sequence, IteratorProtocol {
  private let file: SourceFile
  private var index = 0

  /// Starts at the beginning of a file.
  init(_ file: SourceFile) {
    self.file = file
    if file.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
  }

  /// The next line.
  mutating func next() -> SourceWord? {
    let bytes = file.bytes
    guard index < bytes.count else { return nil }
    let end = bytes[index...].firstIndex(of: 10) ?? bytes.count
    var range = index..<end
    index = end + 1
    while let first = range.first, Self.isSpace(bytes[first]) { range.removeFirst() }
    while let last = range.last, Self.isSpace(bytes[last]) { range.removeLast() }
    return SourceWord(
      text: String(decoding: bytes[range], as: UTF8.self),
      span: SourceSpan(
        source: file.id, start: UInt32(range.lowerBound), end: UInt32(range.upperBound)))
  }

  private static func isSpace(_ byte: UInt8) -> Bool { [9, 13, 32].contains(byte) }
}

extension SourceWord {
  /// What stands in a line after a mark, without the white space around it.
  func rest(after mark: String.Index) -> SourceWord {
    let rest = text[text.index(after: mark)...].trimmed
    let length = min(UInt32(rest.utf8.count), span.end - span.start)
    return SourceWord(
      text: rest, span: SourceSpan(source: span.source, start: span.end - length, end: span.end))
  }
}
