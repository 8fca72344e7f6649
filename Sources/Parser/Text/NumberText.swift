/// Reads whole numbers and numbers of bytes as they stand in a file.
enum NumberText {
  /// What a text turned out to be.
  enum Reading: Equatable {
    case success(UInt64)
    /// A number, but not one of 64 bits.
    case overflow
    case malformed
  }

  /// The units of bytes, and by how many bits each shifts.
  static let units: [(name: String, shift: Int)] = [
    ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40),
  ]

  /// Reads a decimal number without leading zeros, or a hexadecimal one with `0x`.
  static func number(_ text: UnsafeBufferPointer<UInt8>) -> Reading {
    if text.count > 2, text[0] == UInt8(ascii: "0"), text[1] == UInt8(ascii: "x") {
      return hexadecimal(text, from: 2)
    }
    return decimal(text, count: text.count)
  }

  /// Reads a number as above, or a decimal one with a unit right after it.
  static func bytes(_ text: UnsafeBufferPointer<UInt8>) -> Reading {
    guard text.count > 3, text[text.count - 1] == UInt8(ascii: "B"),
      text[text.count - 2] == UInt8(ascii: "i")
    else { return number(text) }
    let shift: UInt64
    switch text[text.count - 3] {
    case UInt8(ascii: "K"): shift = 10
    case UInt8(ascii: "M"): shift = 20
    case UInt8(ascii: "G"): shift = 30
    case UInt8(ascii: "T"): shift = 40
    default: return .malformed
    }
    guard case .success(let value) = decimal(text, count: text.count - 3) else {
      return decimal(text, count: text.count - 3)
    }
    return value > UInt64.max >> shift ? .overflow : .success(value << shift)
  }

  private static func decimal(_ text: UnsafeBufferPointer<UInt8>, count: Int) -> Reading {
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

  private static func hexadecimal(
    _ text: UnsafeBufferPointer<UInt8>, from first: Int
  ) -> Reading {
    var value: UInt64 = 0
    var overflows = false
    for byte in text[first...] {
      guard let digit = hexDigit(byte) else { return .malformed }
      overflows = overflows || value >> 60 != 0
      value = value << 4 | UInt64(digit)
    }
    return overflows ? .overflow : .success(value)
  }

  @inline(__always)
  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension NumberText {
  /// A number of bytes as people write it: the largest unit that leaves a whole number.
  static func shown(bytes: UInt64) -> String {
    for unit in units.reversed() where bytes != 0 && bytes & (1 << UInt64(unit.shift) - 1) == 0 {
      return String(bytes >> UInt64(unit.shift)) + unit.name
    }
    return String(bytes)
  }

  /// What `4K`, `4KB`, `4 kib`, `1.5GiB` or `+4KiB` should have been; `nil` if it can't be told.
  static func meantBytes(_ text: String) -> String? {
    let letters = text.lowercased().filter { $0 != " " && $0 != "_" && $0 != "+" }
    let digits = letters.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    let suffix = letters.dropFirst(digits.count)
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard let whole = parts.first.flatMap({ UInt64($0) }), parts.count <= 2 else { return nil }
    let unit = units.first {
      [
        $0.name.lowercased(), $0.name.lowercased().filter { $0 != "i" },
        String($0.name.lowercased().prefix(1)),
      ].contains(String(suffix))
    }
    guard let unit else { return suffix.isEmpty || suffix == "b" ? String(whole) : nil }
    guard parts.count == 2 else { return String(whole) + unit.name }
    return fraction(whole, String(parts[1]), unit.shift)
  }

  /// A number with decimals in a unit, as a whole number of a smaller one.
  private static func fraction(_ whole: UInt64, _ decimals: String, _ shift: Int) -> String? {
    guard decimals.count <= 3, let part = UInt64(decimals), whole < 1 << 20 else { return nil }
    let scale = decimals.reduce(UInt64(1)) { scale, _ in scale * 10 }
    let product = (whole * scale + part) << UInt64(shift)
    return product % scale == 0 ? shown(bytes: product / scale) : nil
  }
}
