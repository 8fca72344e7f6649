import Parser

/// A member of an IOMMU group that is not given to the VM, but has to leave its driver.
public struct Companion: Hashable, Sendable {
  /// Its PCI address.
  public var address: BDF
  /// Its IOMMU group.
  public var group: Int
  /// The driver that has it now.
  public var driver: String
  /// Position of the first device of the VM in that group.
  public var device: Int

  /// Names a companion.
  public init(address: BDF, group: Int, driver: String, device: Int) {
    self.address = address
    self.group = group
    self.driver = driver
    self.device = device
  }

  /// Whether vfio-pci could keep a member: bridges are none of its devices.
  static func canBeKept(_ device: HostDevice) -> Bool { device.classCode >> 8 != 0x0604 }

  /// The companions of a VM's devices, by group, in file order of the host.
  static func all(
    of groups: AssignedGroups, for vm: ResolvedVM, on topology: HostTopology
  ) -> [Companion] {
    guard vm.companions == .bind else { return [] }
    let assigned = Set(groups.devices.hostIndex)
    return (0..<groups.count).flatMap { group -> [Companion] in
      guard let first = groups.members[group].first?.offset else { return [] }
      let hostGroup = topology.groupOfDevice[groups.devices.hostIndex[first].offset].offset
      return topology.members[hostGroup].filter { !assigned.contains($0) }.compactMap { member in
        let device = topology.host.devices[member]
        guard let driver = device.driver, !GroupViability.keepsViable(device),
          canBeKept(device)
        else { return nil }
        return Companion(
          address: device.address, group: device.group ?? 0, driver: driver, device: first)
      }
    }
  }
}
