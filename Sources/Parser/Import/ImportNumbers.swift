/// Numbers and sizes as other programs write them.
enum ImportNumbers {
  /// A whole number as C reads it: with `0x` hexadecimal, with a leading 0 octal, else decimal.
  static func number(_ text: String) -> UInt64? {
    let lower = text.lowercased()
    if lower.hasPrefix("0x") { return Hex.prefixed(lower) }
    if lower.count > 1, lower.hasPrefix("0") { return UInt64(lower.dropFirst(), radix: 8) }
    return lower.hasPrefix("+") ? nil : UInt64(lower)
  }

  /// A size as QEMU reads it: `8G`, `1.5g`, `512M`; without a unit in some unit.
  ///
  /// Units are B, K, M, G, T, P and E, of 1024 (`qemu_strtosz`, util/cutils.c).
  static func size(_ text: String, unit: UInt64) -> UInt64? {
    let units: [Character: UInt64] = [
      "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50, "e": 1 << 60,
    ]
    if text.lowercased().hasPrefix("0x") { return number(text) }
    guard let last = text.last else { return nil }
    let named = units[Character(last.lowercased())]
    return scaled(named == nil ? text[...] : text.dropLast(), named ?? unit)
  }

  /// A decimal number, with decimals if they come out even, in a unit.
  private static func scaled(_ digits: Substring, _ unit: UInt64) -> UInt64? {
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let whole = decimal(parts[0]) else { return nil }
    let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    guard parts.count == 2, parts[1] != "" else { return product }
    guard parts[1].utf8.count <= 6, let part = decimal(parts[1]) else { return nil }
    let scale = parts[1].reduce(UInt64(1)) { scale, _ in scale * 10 }
    let (tail, tailOverflow) = part.multipliedReportingOverflow(by: unit)
    return tailOverflow ? nil : product + tail / scale
  }

  private static func decimal(_ text: Substring) -> UInt64? {
    text.isDecimal ? UInt64(text) : nil
  }

  /// A size as libvirt reads it, in a unit such as `KiB`, `G` or `MB`; one letter is binary.
  static func libvirtSize(_ text: String, unit: String?) -> UInt64? {
    let factors: [String: UInt64] = [
      "b": 1, "byte": 1, "bytes": 1, "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20,
      "g": 1 << 30, "gib": 1 << 30, "t": 1 << 40, "tib": 1 << 40, "p": 1 << 50, "pib": 1 << 50,
      "e": 1 << 60, "eib": 1 << 60, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000,
      "tb": 1_000_000_000_000, "pb": 1_000_000_000_000_000, "eb": 1_000_000_000_000_000_000,
    ]
    guard let factor = factors[(unit ?? "KiB").lowercased()], let value = decimal(text[...]) else {
      return nil
    }
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
  }
}
