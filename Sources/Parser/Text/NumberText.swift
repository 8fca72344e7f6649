/// Reads whole numbers as they stand in a file.
enum NumberText {
  /// What a text turned out to be.
  enum Reading: Equatable {
    case success(UInt64)
    /// A number, but not one of 64 bits.
    case overflow
    case malformed
  }

  /// Reads a decimal number without leading zeros, or a hexadecimal one with `0x`.
  static func number(_ text: UnsafeBufferPointer<UInt8>) -> Reading {
    if text.count > 2, text[0] == UInt8(ascii: "0"), text[1] == UInt8(ascii: "x") {
      return Hex.reading(text[2...])
    }
    return decimal(text, count: text.count)
  }

  /// Reads the first bytes of a text as a decimal number without leading zeros.
  static func decimal(_ text: UnsafeBufferPointer<UInt8>, count: Int) -> Reading {
    guard count > 0, count == 1 || text[0] != UInt8(ascii: "0") else { return .malformed }
    var value: UInt64 = 0
    var overflows = false
    for byte in text[0..<count] {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return .malformed }
      let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, tooLargeSum) = product.addingReportingOverflow(UInt64(digit))
      overflows = overflows || tooLarge || tooLargeSum
      value = sum
    }
    return overflows ? .overflow : .success(value)
  }
}
