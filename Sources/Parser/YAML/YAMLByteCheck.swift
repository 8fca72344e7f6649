/// Looks through the bytes of a file before libyaml does: encoding, control characters, size.
enum YAMLByteCheck {
  /// The most findings to report of one file; a binary file has millions.
  private static let maximumFindings = 8

  /// What a file of text consists of.
  struct Contents {
    /// Whether all bytes are ASCII.
    var isASCII = true
    /// Where characters stand that end lines in YAML and not in editors, ascending.
    var separators: [Int] = []
  }

  /// Reports what is not text.
  static func check(
    _ file: SourceFile, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> Contents {
    guard file.bytes.count <= SourceFile.maximumBytes else {
      throw sink.stop(ParserDiagnostics.fileTooLarge(file.bytes.count, file.id))
    }
    if let encoding = otherEncoding(file.bytes) {
      throw sink.stop(ParserDiagnostics.otherEncoding(encoding.name, encoding.length, file.id))
    }
    let contents = file.bytes.withUnsafeBufferPointer { scan($0, file.id, &sink) }
    try sink.throwIfErrors()
    return contents
  }

  /// The name and length of a byte-order mark that is not UTF-8's.
  ///
  /// Files without a mark give themselves away by the zero byte next to their first character.
  private static func otherEncoding(_ bytes: [UInt8]) -> (name: String, length: Int)? {
    if bytes.starts(with: [0xFF, 0xFE, 0, 0]) { return ("UTF-32", 4) }
    if bytes.starts(with: [0, 0, 0xFE, 0xFF]) { return ("UTF-32", 4) }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      return ("UTF-16", 2)
    }
    guard bytes.count >= 4 else { return nil }
    let zeros = bytes[0..<4].map { $0 == 0 }
    return zeros == [false, true, false, true] || zeros == [true, false, true, false]
      ? ("UTF-16", 0) : nil
  }

  private static func scan(
    _ bytes: UnsafeBufferPointer<UInt8>, _ source: SourceID, _ sink: inout DiagnosticSink
  ) -> Contents {
    var contents = Contents()
    var index = 0
    let limit = sink.diagnostics.count + maximumFindings
    while index < bytes.count, sink.diagnostics.count < limit {
      index = skipPlain(bytes, from: index)
      guard index < bytes.count else { break }
      let length = sequenceLength(bytes, at: index)
      if bytes[index] >= 0x80 { contents.isASCII = false }
      let end = length > 0 ? index + length : endOfMalformed(bytes, after: index)
      let span = SourceSpan(source: source, start: UInt32(index), end: UInt32(end))
      if length == 0 {
        sink.report(ParserDiagnostics.invalidUTF8(bytes[index], at: span))
      } else if !isAllowed(bytes, at: index, length) {
        sink.report(ParserDiagnostics.controlCharacter(bytes[index], length, at: span))
      } else if length > 1, YAMLSeparator(bytes, at: index) != nil {
        contents.separators.append(index)
      }
      index = end
    }
    return contents
  }

  /// The offset after a malformed sequence and the stray bytes that follow it.
  private static func endOfMalformed(_ bytes: UnsafeBufferPointer<UInt8>, after index: Int) -> Int {
    bytes[(index + 1)...].firstIndex { $0 & 0xC0 != 0x80 } ?? bytes.count
  }

  /// The first byte at or after an offset that is not printable ASCII, tab or line end.
  private static func skipPlain(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var index = start
    let raw = UnsafeRawBufferPointer(bytes)
    while index &+ 8 <= bytes.count {
      let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      if !isPlain(word) {
        for offset in index..<index &+ 8 where !isPlain(bytes[offset]) { return offset }
      }
      index &+= 8
    }
    while index < bytes.count, isPlain(bytes[index]) { index &+= 1 }
    return index
  }

  /// Whether eight bytes are all printable ASCII; a line end counts as not.
  @inline(__always)
  private static func isPlain(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let high = ones &* 0x80
    let below32 = (word &- ones &* 32) & ~word
    let deletes = word ^ (ones &* 127)
    let isDelete = (deletes &- ones) & ~deletes
    return (word | below32 | isDelete) & high == 0
  }

  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 32 && byte < 127 || byte == 10 || byte == 13 || byte == 9
  }

  /// The length of the well-formed UTF-8 sequence at an offset; 0 if it is malformed.
  ///
  /// Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
  private static func sequenceLength(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
    let lead = bytes[index]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0...0x7F: return 1
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF:
      length = 3
      if lead == 0xE0 { second = 0xA0...0xBF }
      if lead == 0xED { second = 0x80...0x9F }
    case 0xF0...0xF4:
      length = 4
      if lead == 0xF0 { second = 0x90...0xBF }
      if lead == 0xF4 { second = 0x80...0x8F }
    default: return 0
    }
    guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return 0 }
    for byte in bytes[(index + 2)..<(index + length)] where byte & 0xC0 != 0x80 { return 0 }
    return length
  }

  /// Whether YAML 1.1 allows a well-formed character (section 5.1 of its specification).
  private static func isAllowed(
    _ bytes: UnsafeBufferPointer<UInt8>, at index: Int, _ length: Int
  ) -> Bool {
    switch (length, bytes[index]) {
    case (1, let byte): return isPlain(byte)
    case (2, 0xC2): return bytes[index + 1] >= 0xA0 || bytes[index + 1] == 0x85
    case (3, 0xEF): return !(bytes[index + 1] == 0xBF && bytes[index + 2] >= 0xBE)
    default: return true
    }
  }
}
