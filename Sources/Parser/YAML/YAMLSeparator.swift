/// A character that ends a line in YAML 1.1 (section 5.4 of its specification), and in no editor.
///
/// What seems to be the rest of a comment would be read as keys.
struct YAMLSeparator {
  /// How the character is called.
  let name: String
  /// How many bytes it has.
  let length: Int

  /// The separator at an offset, if one is there.
  init?(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) {
    switch bytes[index] {
    case 0xC2 where bytes.has(0x85, at: index + 1): (name, length) = ("next line, U+0085", 2)
    case 0xE2 where bytes.has(0x80, at: index + 1) && bytes.has(0xA8, at: index + 2):
      (name, length) = ("line separator, U+2028", 3)
    case 0xE2 where bytes.has(0x80, at: index + 1) && bytes.has(0xA9, at: index + 2):
      (name, length) = ("paragraph separator, U+2029", 3)
    default: return nil
    }
  }

  /// Reports the separators at some offsets, ascending, that are in no quoted text.
  static func check(
    _ separators: [Int], outside records: ContiguousArray<YAMLTree.Record>, of file: SourceFile,
    into sink: inout DiagnosticSink
  ) {
    if separators.isEmpty { return }
    file.bytes.withUnsafeBufferPointer { bytes in
      var quotes = records.lazy.filter { $0.form == .scalar && $0.style == .quoted }
        .map { Self.quotes(of: $0, in: bytes) }.makeIterator()
      var quote = quotes.next()
      for index in separators {
        while let range = quote, range.upperBound <= index { quote = quotes.next() }
        guard quote?.contains(index) != true, let separator = YAMLSeparator(bytes, at: index)
        else { continue }
        let span = SourceSpan(
          source: file.id, start: UInt32(index), end: UInt32(index + separator.length))
        sink.report(ParserDiagnostics.separator(separator.name, at: span))
      }
    }
  }

  /// The bytes between the quotes of a scalar: its anchor and its tag end at white space.
  private static func quotes(
    of record: YAMLTree.Record, in bytes: UnsafeBufferPointer<UInt8>
  ) -> Range<Int> {
    var start = Int(record.start)
    let end = Int(record.end)
    var isInProperty = false
    while start < end {
      switch bytes[start] {
      case UInt8(ascii: "\""), UInt8(ascii: "'"): if !isInProperty { return start..<end }
      case UInt8(ascii: "&"), UInt8(ascii: "!"): isInProperty = true
      case 0...32: isInProperty = false
      default: if YAMLSeparator(bytes, at: start) != nil { isInProperty = false }
      }
      start += 1
    }
    return end..<end
  }
}

/// Counts the lines that begin with `%` before a document: libyaml compares each `%TAG` with all
/// others.
enum YAMLDirectives {
  /// More than any file has a use for.
  static let maximumCount = 16

  /// Stops at too many of them from the start of a line on.
  static func check(
    _ file: SourceFile, from start: UInt32, _ sink: inout DiagnosticSink
  ) throws(DiagnosticsError) {
    let line = file.bytes.withUnsafeBufferPointer { excess(in: $0, from: Int(start)) }
    guard let line = line.map({ UInt32($0) }) else { return }
    let place = SourceSpan(source: file.id, start: line, end: line + 1)
    throw sink.stop(ParserDiagnostics.tooManyDirectives(maximumCount, at: place))
  }

  /// Where the first line too many begins; `nil` if there is none.
  private static func excess(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    var index = start
    var count = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "%"):
        count += 1
        if count > maximumCount { return index }
      case UInt8(ascii: "#"), UInt8(ascii: "."), 9, 10, 13, 32, 0xC2, 0xE2: break
      default: return nil
      }
      index = endOfLine(in: bytes, from: index)
    }
    return nil
  }

  private static func endOfLine(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var index = start
    while index < bytes.count {
      if bytes[index] == 10 || bytes[index] == 13 { return index + 1 }
      if let separator = YAMLSeparator(bytes, at: index) { return index + separator.length }
      index += 1
    }
    return index
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate func has(_ byte: UInt8, at index: Int) -> Bool {
    index < count && self[index] == byte
  }
}
