/// A length in bytes in the words of the description files: `2 GiB`, `64 KiB`, `513 bytes`.
func byteSizeText(_ bytes: UInt64) -> String {
  for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)] {
    if bytes >= 1 << shift, bytes & (1 << shift - 1) == 0 { return "\(bytes >> shift) \(unit)" }
  }
  return "\(bytes) bytes"
}
