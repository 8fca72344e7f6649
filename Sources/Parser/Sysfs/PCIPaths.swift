/// Which bridge leads to which bus: what makes paths of addresses, and what kind of bus it is.
struct PCIPaths {
  private struct Bus: Hashable {
    var domain: UInt32
    var number: UInt8
  }

  private var bridges: [Bus: (address: BDF, kind: ConfigurationSpace.Bridge)] = [:]

  /// Takes note of a device and the ids that sysfs has of it; one with a bridge's header says which
  /// bus is behind it (`PCI_HEADER_TYPE`, `PCI_SECONDARY_BUS` of `linux/pci_regs.h`).
  mutating func note(
    _ address: BDF, _ space: ConfigurationSpace, vendor: UInt16, device: UInt16
  ) {
    guard let kind = space.bridge(vendor: vendor, device: device),
      space.secondaryBus > address.bus
    else { return }
    bridges[Bus(domain: address.domain, number: space.secondaryBus)] = (address, kind)
  }

  private func bridge(above address: BDF) -> (address: BDF, kind: ConfigurationSpace.Bridge)? {
    bridges[Bus(domain: address.domain, number: address.bus)]
  }

  /// The path of a device behind a bridge; `nil` for one on a root bus, whose path is its address.
  ///
  /// Buses behind a bridge have higher numbers than its own, so this comes to an end.
  func path(of address: BDF) -> PCIPath? {
    guard let bridge = bridge(above: address)?.address else { return nil }
    return (path(of: bridge) ?? PCIPath(root: bridge)).appending(address)
  }

  /// Whether a device's requests go over a conventional bus, and through a bridge to PCI Express.
  func isOnConventionalBus(_ address: BDF) -> Bool {
    switch bridge(above: address) {
    case (_, .toConventional)?: true
    case (let bridge, .conventional)?: isOnConventionalBus(bridge)
    case (_, .unknown)?, nil: false
    }
  }
}
