import Parser
import Planner

/// Which driver has which PCI device, read and changed through sysfs
/// (`Documentation/ABI/testing/sysfs-bus-pci`).
///
/// A write can succeed without the effect it is made for, so each change is looked at afterwards.
enum DriverLinks {
  private static let bus = "/sys/bus/pci"

  /// The directory of a device.
  static func device(_ address: BDF) -> String { "\(bus)/devices/\(address)" }

  /// The driver that has a device; `nil` if none.
  static func driver(of address: BDF) -> String? {
    SystemCalls.linkTarget(device(address) + "/driver")
  }

  /// The name of a device's cdev in `/dev/vfio/devices`, from Linux 6.6; `nil` if it has none now.
  static func cdev(of address: BDF) -> String? {
    SystemCalls.names(in: device(address) + "/vfio-dev").first { name in
      name.hasPrefix("vfio") && UInt32(name.dropFirst(4)) != nil
    }
  }

  /// Takes a device from a driver; `ENODEV` if another driver, or none, has it.
  static func unbind(_ address: BDF, from driver: String) throws(Errno) {
    guard self.driver(of: address) == driver else { throw .enodev }
    try SystemCalls.write("\(address)", to: device(address) + "/driver/unbind")
    guard self.driver(of: address) == nil else { throw .ebusy }
  }

  /// Gives a device to a driver; nothing to do if the driver has it already.
  static func bind(_ address: BDF, to driver: String) throws(Errno) {
    if self.driver(of: address) == driver { return }
    guard SysfsWrite.isSafe(driver: driver) else { throw .einval }
    try SystemCalls.write("\(address)", to: "\(bus)/drivers/\(driver)/bind")
    guard self.driver(of: address) == driver else { throw .enodev }
  }

  /// What `driver_override` says; empty if it is not set, which the kernel prints as `(null)`.
  static func override(of address: BDF) throws(Errno) -> String {
    let text = try SystemCalls.read(device(address) + "/driver_override")
    return text == "(null)" ? "" : text
  }

  /// Sets `driver_override`, or clears it with an empty name.
  static func setOverride(of address: BDF, to driver: String) throws(Errno) {
    guard driver.isEmpty || SysfsWrite.isSafe(driver: driver) else { throw .einval }
    try SystemCalls.write(driver + "\n", to: device(address) + "/driver_override")
    guard try override(of: address) == driver else { throw .eio }
  }

  /// Lets drivers find a device; `ENODEV` if the expected one did not take it, which the kernel
  /// does not report as an error.
  static func probe(_ address: BDF, expecting driver: String) throws(Errno) {
    try SystemCalls.write("\(address)", to: bus + "/drivers_probe")
    guard self.driver(of: address) == driver else { throw .enodev }
  }
}
