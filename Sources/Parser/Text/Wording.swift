/// A length in bytes in the words of the description files: `2 GiB`, `64 KiB`, `513 bytes`.
public func byteSizeText(_ bytes: UInt64) -> String {
  for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)] {
    if bytes >= 1 << shift, bytes & (1 << shift - 1) == 0 { return "\(bytes >> shift) \(unit)" }
  }
  return "\(bytes) bytes"
}

/// A number in hexadecimal with `0x`, and zeros in front up to a number of digits.
public func hexText(_ value: UInt64, digits: Int = 1) -> String {
  let text = String(value, radix: 16)
  return "0x" + String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

/// The first names of a list, and how many more there are.
public func nameList(_ names: [String], limit: Int = 24) -> String {
  if names.count <= limit { return names.joined(separator: ", ") }
  return names.prefix(limit).joined(separator: ", ") + " and \(names.count - limit) more"
}

/// A count with its noun, in the plural unless it is one.
public func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
