/// Hexadecimal digits: the one place where they are made and read.
public enum Hex {
  /// The digit of a number below 16, in small letters, as a byte.
  @inline(__always)
  static func digit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? nibble + UInt8(ascii: "0") : nibble - 10 + UInt8(ascii: "a")
  }

  /// The number that a digit stands for, in either case; `nil` for a byte that is none.
  @inline(__always) @inlinable
  public static func value(of byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Reads digits of any number, in either case.
  @inline(__always)
  static func reading(_ digits: some Collection<UInt8>) -> NumberText.Reading {
    if digits.isEmpty { return .malformed }
    var value: UInt64 = 0
    var overflows = false
    for byte in digits {
      guard let digit = Hex.value(of: byte) else { return .malformed }
      overflows = overflows || value >> 60 != 0
      value = value << 4 | UInt64(digit)
    }
    return overflows ? .overflow : .success(value)
  }

  /// The number of some digits, in either case; `nil` for none, for anything else among them, and
  /// for more than 64 bits.
  public static func number(_ digits: some Collection<UInt8>) -> UInt64? {
    guard case .success(let value) = reading(digits) else { return nil }
    return value
  }

  /// The number of a text of digits, as above.
  public static func number(_ digits: some StringProtocol) -> UInt64? { number(digits.utf8) }

  /// The number of digits with `0x` before them; `nil` for anything else.
  public static func prefixed(_ text: some StringProtocol) -> UInt64? {
    text.hasPrefix("0x") ? number(text.dropFirst(2)) : nil
  }

  /// A number as the kernel and this program print it: with `0x` hexadecimal, else decimal.
  public static func orDecimal(_ text: some StringProtocol) -> UInt64? {
    text.hasPrefix("0x") ? prefixed(text) : text.isDecimal ? UInt64(text) : nil
  }

  /// The bytes of pairs of digits, in either case; `nil` for anything else.
  public static func bytes(_ digits: some Collection<UInt8>) -> [UInt8]? {
    let values = digits.compactMap(value)
    guard values.count == digits.count, values.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
  }
}

/// The hexadecimal digits of a number, with zeros in front up to a number of them.
public func hexDigits(_ value: UInt64, _ digits: Int = 1) -> String {
  let text = String(value, radix: 16)
  let missing = digits - text.utf8.count
  return missing > 0 ? String(repeating: "0", count: missing) + text : text
}

/// The digits of bytes, two each.
public func hexDigits(_ bytes: some Sequence<UInt8>) -> String {
  bytes.reduce(into: "") { $0.appendHex(UInt64($1), digits: 2) }
}

/// A number in hexadecimal with `0x`, and zeros in front up to a number of digits.
public func hexText(_ value: UInt64, digits: Int = 1) -> String {
  "0x" + hexDigits(value, digits)
}

extension String {
  /// Appends a number in hexadecimal, padded with zeros to `digits`; higher digits are dropped.
  public mutating func appendHex(_ value: UInt64, digits: Int) {
    for shift in stride(from: (digits - 1) * 4, through: 0, by: -4) {
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15
      append(Character(UnicodeScalar(Hex.digit(nibble))))
    }
  }
}

extension Unicode.Scalar {
  /// Its number in braces, as Swift and the text of programs write it: `\u{1b}`.
  public var escape: String { "\\u{" + hexDigits(UInt64(value)) + "}" }
}
