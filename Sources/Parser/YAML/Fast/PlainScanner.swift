/// Goes over lines that mean the same wherever they stand in a list.
///
/// Those are words, double quotes without escapes, and brackets on one line. It stops at everything
/// else.
struct PlainScanner {
  /// The longest key; libyaml takes longer ones, of up to a thousand characters.
  private static let longestKey = 128

  private let bytes: UnsafeBufferPointer<UInt8>
  private let end: Int
  /// The offset of the next byte.
  private(set) var position: Int

  /// Begins with some bytes of a file, the last of which is a line break.
  init(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  /// Whether everything was passed.
  var isAtEnd: Bool { position >= end }

  /// The next byte; a line break at the end.
  @inline(__always)
  var next: UInt8 { position < end ? bytes[position] : UInt8(ascii: "\n") }

  /// Passes a byte, if it is the next one.
  @inline(__always)
  mutating func pass(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position &+= 1
    return true
  }

  /// Passes spaces, at least one.
  @inline(__always)
  mutating func passSpaces() -> Bool {
    let start = position
    while next == UInt8(ascii: " ") { position &+= 1 }
    return position > start
  }

  /// Passes some spaces, if so many are next.
  @inline(__always)
  mutating func pass(spaces count: Int) -> Bool {
    guard position &+ count < end else { return false }
    for index in position..<position &+ count where bytes[index] != UInt8(ascii: " ") {
      return false
    }
    position &+= count
    return true
  }

  /// Passes a key and the colon after it.
  @inline(__always)
  mutating func passKey() -> Range<Int>? {
    let start = position
    passWord()
    let key = start..<position
    guard !key.isEmpty, key.count <= Self.longestKey, pass(UInt8(ascii: ":")), passSpaces() else {
      return nil
    }
    return key
  }

  /// Passes a value that is a word, or on a line of its own words with a space between them.
  @inline(__always)
  mutating func passPlain(inBrackets: Bool) -> Range<Int>? {
    let start = position
    passWord()
    guard position > start else { return nil }
    while !inBrackets, next == UInt8(ascii: " ") || next == UInt8(ascii: ":") {
      let word = position
      position &+= 1
      passWord()
      guard position > word &+ 1 else { return nil }
    }
    return start..<position
  }

  /// Passes what stands in double quotes, and them.
  @inline(__always)
  mutating func passQuoted() -> Range<Int>? {
    let start = position
    position &+= 1
    while next != UInt8(ascii: "\""), next != UInt8(ascii: "\\"), next >= 32 { position &+= 1 }
    return position > start &+ 1 && pass(UInt8(ascii: "\"")) ? start..<position : nil
  }

  /// A letter or digit first, then also what means nothing in a word.
  @inline(__always)
  private mutating func passWord() {
    guard next.isAlphanumeric else { return }
    repeat { position &+= 1 } while Self.isInWord(next)
  }

  @inline(__always)
  private static func isInWord(_ byte: UInt8) -> Bool {
    byte.isAlphanumeric || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "/")
  }
}
