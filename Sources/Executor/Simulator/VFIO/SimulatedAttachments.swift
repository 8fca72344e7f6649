import Planner

/// Attachments of devices to the hardware page tables of iommufd (§2.22).
extension SimulatedHost {
  /// First attach of a device (§2.22.A1 to §2.22.A8).
  mutating func attach(_ device: Int, to hwpt: SimulatedHWPT) throws(Errno) {
    let group = try group(of: device)
    if let present = groups[group].hwpt, present !== hwpt { throw .einval }
    // Reserved ranges come before the driver's word: EADDRINUSE wins (§2.22.A2, §2.22.A8).
    try hwpt.ioas.reserve(devices[device].reserved)
    // The first one attached speaks for its mates; those that follow are not asked (§2.22.A3).
    if groups[group].hwpt == nil, !admits(group, hwpt) {
      hwpt.ioas.unreserve(devices[device].reserved)
      throw .einval
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

  /// Whether a table takes every device of a group.
  private func admits(_ group: Int, _ hwpt: SimulatedHWPT) -> Bool {
    groups[group].members.allSatisfy { member in
      devices[member].unit.map { hwpt.admits(units[$0]) } ?? true
    }
  }
}
