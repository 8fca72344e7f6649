/// The firmware's table of AMD's IOMMUs (I/O Virtualization Technology specification 3.10, 5.2).
enum IVRS {
  private static let headBytes = 48
  /// Blocks of hardware definition that have attributes, at offset 20.
  private static let kinds: [UInt8] = [0x11, 0x40]

  /// Whether a block says that its unit has no host tables (HATDis, bit 0 of the attributes).
  ///
  /// Kernels know it since about 6.17 (`init_iommu_one`, drivers/iommu/amd/init.c). Only root can
  /// read the table; without it nothing is said.
  static func hasNoHostTables(_ bytes: [UInt8]) -> Bool {
    var start = headBytes
    while start + 4 <= bytes.count {
      let length = Int(bytes[start + 2]) | Int(bytes[start + 3]) << 8
      guard length >= 4, start + length <= bytes.count else { return false }
      if kinds.contains(bytes[start]), length >= 24, bytes[start + 20] & 1 != 0 { return true }
      start += length
    }
    return false
  }
}
