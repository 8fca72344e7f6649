import Parser
import Planner

/// Driver binding through sysfs (§5.1).
extension SimulatedHost {
  /// Does one write, and sees to it that it had its effect, as `LinuxKernel` does.
  mutating func apply(_ write: SysfsWrite) throws(Errno) {
    guard let device = device(write.address) else { throw .enoent }
    switch write {
    case .unbind(_, let driver): try unbind(device, from: driver)
    case .driverOverride(_, let name):
      if name.utf8.count >= 4095 { throw .einval }
      devices[device].driverOverride = name.isEmpty ? nil : name
    case .probe(_, let driver):
      try probe(device, by: driver)
      if devices[device].driver != driver { throw .enodev }
    }
  }

  /// Takes one write back.
  ///
  /// Giving a device back to its driver is a write to `drivers_probe` with that driver as the
  /// override, and so does not depend on which override another step has set.
  mutating func revert(_ write: SysfsWrite) throws(Errno) {
    guard let device = device(write.address) else { throw .enoent }
    switch write {
    case .unbind(_, let driver):
      if devices[device].driver != nil { throw .ebusy }
      let override = devices[device].driverOverride
      devices[device].driverOverride = driver
      defer { devices[device].driverOverride = override }
      try probe(device, by: driver)
      bringBack(behind: device)
    case .driverOverride: devices[device].driverOverride = nil
    case .probe(_, let driver):
      if devices[device].driver != nil { try unbind(device, from: driver) }
    }
  }

  /// A device in use by VFIO blocks the writer until its files are closed: EBUSY says so to
  /// `Emulation`, which has the writer wait; a program of ours would wait for itself, and fails.
  private mutating func unbind(_ device: Int, from driver: String) throws(Errno) {
    guard let present = devices[device].driver else { throw .enoent }
    if present != driver { throw .enodev }
    let lost = lost(with: device)
    if ([device] + lost).contains(where: isInUse) { throw .ebusy }
    devices[device].driver = nil
    for child in lost { remove(child) }
  }

  /// Signals who has a device, or one that goes with it, that the host would like to have it back.
  func askForReturn(of device: Int) {
    for device in [device] + lost(with: device) where isInUse(device) {
      devices[device].function?.interrupts.request?.signal()
    }
  }

  /// Lets a driver find a device; a group owned by user space refuses host drivers.
  ///
  /// A device that has a driver keeps it; one that no driver matches stays without, both without
  /// an error (`drivers/base/dd.c:722`).
  private mutating func probe(_ device: Int, by driver: String) throws(Errno) {
    if devices[device].driver != nil { return }
    guard devices[device].driverOverride == driver else { return }
    if VFIODriver.isVFIO(driver) {
      // Its probe refuses what has no group or can't do coherent DMA (§3.1), without an error here.
      if devices[device].group == nil || devices[device].unit == nil { return }
      if !devices[device].isTakenByVFIO { return }
      // Nobody sees this error but the kernel's log; `LinuxKernel` finds the driver missing.
      if hasVirtualFunctions(device) { throw .ebusy }
      devices[device].driver = driver
      return
    }
    devices[device].driver = driver
    if let group = devices[device].group, groups[group].owner != nil,
      !devices[device].hasSafeDriver
    {
      devices[device].driver = nil
      throw .einval
    }
  }
}
