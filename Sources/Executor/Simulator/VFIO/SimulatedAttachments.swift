import Planner

/// Attachments of devices to the hardware page tables of iommufd (§2.22).
extension SimulatedHost {
  /// First attach of a device (§2.22.A1 to §2.22.A8).
  mutating func attach(_ device: Int, to hwpt: SimulatedHWPT) throws(Errno) {
    let group = try group(of: device)
    if let present = groups[group].hwpt, present !== hwpt { throw .einval }
    try upgrade(hwpt, for: [device])
    // Reserved ranges come before the driver's word: EADDRINUSE wins (§2.22.A2, §2.22.A8).
    try hwpt.ioas.reserve(devices[device].reserved)
    // The first one attached speaks for its mates; those that follow are not asked (§2.22.A3).
    if groups[group].hwpt == nil {
      do throws(Errno) {
        try checkDirectRegions(of: group)
        if !admits(group, hwpt) { throw .einval }
      } catch {
        hwpt.ioas.unreserve(devices[device].reserved)
        throw error
      }
    }
    groups[group].hwpt = hwpt
    groups[group].attachedDevices += 1
    devices[device].hwpt = hwpt
    hwpt.attachedDevices += 1
  }

  /// Attach while attached: all attached mates move together (§2.22.R1 to §2.22.R4).
  ///
  /// Returns the table they left, or `nil` if they were on the new one already.
  mutating func replace(
    _ device: Int, with hwpt: SimulatedHWPT
  ) throws(Errno) -> SimulatedHWPT? {
    let group = try group(of: device)
    guard let old = groups[group].hwpt, old !== hwpt else { return nil }
    let attached = groups[group].members.filter { devices[$0].hwpt != nil }
    try upgrade(hwpt, for: attached)
    let ranges = attached.flatMap { devices[$0].reserved }
    if old.ioas !== hwpt.ioas { try hwpt.ioas.reserve(ranges) }
    guard admits(group, hwpt) else {
      if old.ioas !== hwpt.ioas { hwpt.ioas.unreserve(ranges) }
      throw .einval
    }
    if old.ioas !== hwpt.ioas { old.ioas.unreserve(ranges) }
    for mate in attached { devices[mate].hwpt = hwpt }
    old.attachedDevices -= attached.count
    hwpt.attachedDevices += attached.count
    groups[group].hwpt = hwpt
    return old
  }

  /// Detaches a device and returns the table it was on.
  mutating func detach(_ device: Int) -> SimulatedHWPT? {
    guard let hwpt = devices[device].hwpt, let group = devices[device].group else { return nil }
    devices[device].hwpt = nil
    hwpt.attachedDevices -= 1
    hwpt.ioas.unreserve(devices[device].reserved)
    groups[group].attachedDevices -= 1
    if groups[group].attachedDevices == 0 { groups[group].hwpt = nil }
    return hwpt
  }

  /// Up to 6.6: makes a table enforce that a device is put on which could be enforced; EINVAL if
  /// that can't be (§7.15).
  private func upgrade(_ hwpt: SimulatedHWPT, for devices: [Int]) throws(Errno) {
    if facts.has(.attachKeepsTables) || hwpt.enforcesSnoop { return }
    let isAble = devices.contains { device in
      self.devices[device].unit.map { units[$0].canEnforceSnoop } ?? false
    }
    guard isAble else { return }
    let attached = groups.filter { $0.hwpt === hwpt }.flatMap(\.members)
      .compactMap { self.devices[$0].unit }.map { units[$0] }
    guard CoherencyModel.canMakeEnforcing(hwpt, attached: attached) else { throw .einval }
    hwpt.enforcesSnoop = true
  }

  /// Whether a table takes every device of a group.
  private func admits(_ group: Int, _ hwpt: SimulatedHWPT) -> Bool {
    groups[group].members.allSatisfy { member in
      devices[member].unit.map { hwpt.admits(units[$0]) } ?? true
    }
  }
}
