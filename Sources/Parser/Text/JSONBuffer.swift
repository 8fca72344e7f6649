// The bytes below the structure: a string made of parts, and the characters that need an escape.

extension JSONWriter {
  /// Adds text to a string that was begun, escaped.
  public mutating func appendText(_ text: String) {
    var text = text
    text.withUTF8 { appendEscaped($0) }
  }

  /// Adds a PCI address to a string that was begun.
  public mutating func appendText(_ address: BDF) {
    let digits = max(4, (UInt32.bitWidth - address.domain.leadingZeroBitCount + 3) / 4)
    appendNibbles(UInt64(address.domain), digits: digits)
    append(UInt8(ascii: ":"))
    appendNibbles(UInt64(address.bus), digits: 2)
    append(UInt8(ascii: ":"))
    appendNibbles(UInt64(address.device), digits: 2)
    append(UInt8(ascii: "."))
    appendNibbles(UInt64(address.function), digits: 1)
  }

  /// Adds the decimal digits of a number to a string that was begun.
  public mutating func appendDigits(_ value: UInt64) {
    var digits = 1
    var bound: UInt64 = 10
    while digits < 20, value >= bound {
      digits += 1
      bound = digits < 20 ? bound * 10 : bound
    }
    reserve(digits)
    var rest = value
    var index = count + digits
    repeat {
      index -= 1
      start[index] = 48 + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    count += digits
  }

  /// Adds `0x` and the hexadecimal digits of a number, at least `digits`, to a string.
  public mutating func appendHex(_ value: UInt64, digits: Int = 1) {
    append(UInt8(ascii: "0"))
    append(UInt8(ascii: "x"))
    let needed = (UInt64.bitWidth - value.leadingZeroBitCount + 3) / 4
    appendNibbles(value, digits: max(needed, digits))
  }

  /// Adds text that needs no escape, or is JSON itself.
  public mutating func appendRaw(_ text: StaticString) {
    append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Adds bytes that need no escape, or are JSON themselves.
  public mutating func appendRaw(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { append($0) }
  }

  private mutating func appendNibbles(_ value: UInt64, digits: Int) {
    reserve(digits)
    var rest = value
    var index = count + digits
    for _ in 0..<digits {
      index -= 1
      let nibble = UInt8(truncatingIfNeeded: rest) & 15
      start[index] = Hex.digit(nibble)
      rest >>= 4
    }
    count += digits
  }
}

extension JSONWriter {
  /// Writes a byte there is room for.
  @inline(__always)
  mutating func put(_ byte: UInt8) {
    start[count] = byte
    count &+= 1
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) {
    reserve(1)
    put(byte)
  }

  @inline(__always)
  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let base = bytes.baseAddress else { return }
    reserve(bytes.count)
    (start + count).update(from: base, count: bytes.count)
    count &+= bytes.count
  }

  /// Copies as it looks, so that clean text is passed over once.
  mutating func appendEscaped(_ bytes: UnsafeBufferPointer<UInt8>) {
    reserve(bytes.count)
    let end = start + count
    for index in 0..<bytes.count {
      let byte = bytes[index]
      guard Self.isPlain(byte) else {
        let text = String(decoding: bytes, as: UTF8.self)
        for scalar in text.unicodeScalars { append(scalar) }
        return
      }
      end[index] = byte
    }
    count &+= bytes.count
  }

  /// Printable ASCII that stands for itself.
  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "\"": appendRaw("\\\"")
    case "\\": appendRaw("\\\\")
    case "\n": appendRaw("\\n")
    case "\r": appendRaw("\\r")
    case "\t": appendRaw("\\t")
    default:
      guard Self.needsEscape(scalar) else {
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { append(byte) }
        return
      }
      appendRaw("\\u")
      appendNibbles(UInt64(scalar.value), digits: 4)
    }
  }

  /// What JSON forbids, YAML 1.1 calls not printable or takes for a line break, and what changes
  /// the direction of text.
  private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
    default: scalar.changesDirection
    }
  }

  /// Makes room for more bytes.
  @inline(__always)
  mutating func reserve(_ more: Int) {
    if count &+ more > capacity { grow(count + more) }
  }

  @inline(never)
  private mutating func grow(_ needed: Int) {
    let larger = max(needed, capacity * 2)
    let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    moved.moveInitialize(from: start, count: count)
    start.deallocate()
    start = moved
    capacity = larger
  }
}
