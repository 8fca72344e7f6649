extension UInt8 {
  /// Whether the byte is a decimal digit.
  @inlinable public var isDecimalDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }

  /// Whether the byte is a letter of ASCII, in either case.
  @inlinable public var isLetter: Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self | 0x20 }

  /// Whether the byte is a letter of ASCII or a decimal digit.
  @inlinable public var isAlphanumeric: Bool { isLetter || isDecimalDigit }
}

extension StringProtocol {
  /// Whether the text is decimal digits of ASCII, at least one, and nothing else: no sign.
  @inlinable public var isDecimal: Bool { !isEmpty && utf8.allSatisfy(\.isDecimalDigit) }
}
