/// Which bridge leads to which bus: what makes paths of addresses.
struct PCIPaths {
  private struct Bus: Hashable {
    var domain: UInt32
    var number: UInt8
  }

  private var bridges: [Bus: BDF] = [:]

  /// Takes note of a device; one with a bridge's header says which bus is behind it
  /// (`PCI_HEADER_TYPE`, `PCI_SECONDARY_BUS` of `linux/pci_regs.h`).
  mutating func note(_ address: BDF, configuration bytes: [UInt8]) {
    guard bytes.count >= 64, bytes[0x0e] & 0x7f == 1, bytes[0x19] > address.bus else { return }
    bridges[Bus(domain: address.domain, number: bytes[0x19])] = address
  }

  /// The path of a device behind a bridge; `nil` for one on a root bus, whose path is its address.
  ///
  /// Buses behind a bridge have higher numbers than its own, so this comes to an end.
  func path(of address: BDF) -> PCIPath? {
    guard let bridge = bridges[Bus(domain: address.domain, number: address.bus)] else {
      return nil
    }
    return (path(of: bridge) ?? PCIPath(root: bridge)).appending(address)
  }
}
