/// Numbers of bytes as descriptions have them: `16GiB`, `513`.
public enum ByteSize {
  /// The units, each 1024 of the one before it; the first is 1024 bytes.
  private static let units = ["KiB", "MiB", "GiB", "TiB"]

  /// Reads a number as any other, or a decimal one with a unit right after it.
  static func reading(_ text: UnsafeBufferPointer<UInt8>) -> NumberText.Reading {
    guard text.count > 3, text[text.count - 1] == UInt8(ascii: "B"),
      text[text.count - 2] == UInt8(ascii: "i")
    else { return NumberText.number(text) }
    let letter = text[text.count - 3]
    guard let unit = units.firstIndex(where: { $0.utf8.first == letter }) else {
      return .malformed
    }
    let read = NumberText.decimal(text, count: text.count - 3)
    guard case .success(let value) = read else { return read }
    let shift = shift(of: unit)
    return value > UInt64.max >> shift ? .overflow : .success(value << shift)
  }

  /// The largest unit that leaves a whole number: `16GiB`; `513` if none does.
  public static func written(_ bytes: UInt64) -> String {
    whole(bytes).map { "\($0.number)\($0.unit)" } ?? String(bytes)
  }

  /// What `4K`, `4KB`, `4 kib`, `1.5GiB` or `+4KiB` should have been; `nil` if it can't be told.
  static func meant(_ text: String) -> String? {
    let letters = text.lowercased().filter { $0 != " " && $0 != "_" && $0 != "+" }
    let digits = letters.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    let suffix = letters.dropFirst(digits.count)
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard let whole = parts.first.flatMap({ UInt64($0) }), parts.count <= 2 else { return nil }
    let unit = units.firstIndex {
      let name = $0.lowercased()
      return [name, name.filter { $0 != "i" }, String(name.prefix(1))].contains(String(suffix))
    }
    guard let unit else { return suffix.isEmpty || suffix == "b" ? String(whole) : nil }
    guard parts.count == 2 else { return String(whole) + units[unit] }
    return fraction(whole, String(parts[1]), shift(of: unit))
  }

  /// A number with decimals in a unit, as a whole number of a smaller one.
  private static func fraction(_ whole: UInt64, _ decimals: String, _ shift: UInt64) -> String? {
    guard decimals.count <= 3, let part = UInt64(decimals), whole < 1 << 20 else { return nil }
    let scale = decimals.reduce(UInt64(1)) { scale, _ in scale * 10 }
    let product = (whole * scale + part) << shift
    return product % scale == 0 ? written(product / scale) : nil
  }

  /// The largest unit that leaves a whole number, with that number; `nil` if none does.
  fileprivate static func whole(_ bytes: UInt64) -> (number: UInt64, unit: String)? {
    let steps = min(bytes.trailingZeroBitCount / 10, units.count)
    guard bytes > 0, steps > 0 else { return nil }
    return (bytes >> shift(of: steps - 1), units[steps - 1])
  }

  /// By how many bits a unit shifts.
  private static func shift(of unit: Int) -> UInt64 { 10 * UInt64(unit + 1) }
}

/// A number of bytes as sentences have it: `2 GiB`, `64 KiB`, `513 bytes`.
public func byteSizeText(_ bytes: UInt64) -> String {
  ByteSize.whole(bytes).map { "\($0.number) \($0.unit)" } ?? "\(bytes) bytes"
}
