/// A machine that a VMM makes, by where it puts memory; the raw value is the word in files.
public enum GuestMachine: String, CaseIterable, Hashable, Sendable {
  /// QEMU's PC with PCI Express. The default.
  case q35
  /// QEMU's old PC, machine `pc`.
  case i440fx
  /// QEMU's machine of its own on Arm.
  case virt
  /// cloud-hypervisor's on x86.
  case cloudHypervisor = "cloud-hypervisor"

  /// Where all that does not fit below is on a PC.
  private static let high: UInt64 = 4 << 30

  /// Where a size of memory is, in guest-physical addresses; all of it at the first address if that
  /// runs past the last one.
  ///
  /// QEMU: `pc_q35_init`, hw/i386/pc_q35.c, and `pc_init1`, hw/i386/pc_piix.c, 7.2 to 10.2; `virt`
  /// from `VIRT_MEM` in hw/arm/virt.c. cloud-hypervisor: `arch_memory_regions` in
  /// arch/src/x86_64/mod.rs.
  ///
  /// `limit` is QEMU's max-ram-below-4g, where it was given.
  public func layout(
    of bytes: UInt64, below limit: UInt64? = nil
  ) -> [(gpa: UInt64, size: UInt64)] {
    switch self {
    case .virt: [(1 << 30, bytes)]
    case .q35:
      Self.split(
        bytes, unlessBelow: min(0xb000_0000, limit ?? .max), at: min(2 << 30, limit ?? .max))
    case .i440fx:
      Self.split(
        bytes, unlessBelow: limit ?? 0xe000_0000, at: min(3 << 30, limit ?? .max))
    case .cloudHypervisor: Self.split(bytes, unlessBelow: (3 << 30) + 1, at: 3 << 30)
    }
  }

  private static func split(
    _ bytes: UInt64, unlessBelow limit: UInt64, at low: UInt64
  ) -> [(gpa: UInt64, size: UInt64)] {
    let isWhole = bytes < limit || bytes <= low || low == 0
    return isWhole ? [(UInt64(0), bytes)] : [(UInt64(0), low), (high, bytes - low)]
  }
}
