extension HostDevice {
  /// The driver that makes a PCI domain of its own for what is behind its device (Intel VMD).
  static let domainDriver = "vmd"

  /// Whether its domain is one that a driver makes: numbers of 16 bits are the firmware's
  /// (`vmd_find_free_domain`, drivers/pci/controller/vmd.c).
  var isInMadeDomain: Bool { address.domain > 0xffff }
}

extension HostDescription {
  /// Whether some device hangs on another one.
  public var hasRelations: Bool {
    devices.contains { $0.physicalFunction != nil || $0.behind != nil || $0.isInMadeDomain }
  }

  /// The device without whose driver each device would not be there, by position; `nil` for most.
  ///
  /// As the description says with `behind`; else of a domain that a driver makes the one device in
  /// the IOMMU group that VMD's driver has: requests from behind it carry its id, so that all are
  /// in one group (`pci_real_dma_dev`, drivers/pci/search.c).
  public var parents: [BDF?] {
    var makers: [Int: [BDF]] = [:]
    for device in devices where device.driver == HostDevice.domainDriver {
      if let group = device.group { makers[group, default: []].append(device.address) }
    }
    return devices.map { device in
      if device.behind != nil || !device.isInMadeDomain { return device.behind }
      let found = device.group.flatMap { makers[$0] } ?? []
      return found.count == 1 ? found[0] : nil
    }
  }
}
