import Parser
import Planner

/// Which driver has which PCI device, read and changed through sysfs
/// (`Documentation/ABI/testing/sysfs-bus-pci`).
///
/// A write can succeed without the effect it is made for, so each change is looked at afterwards.
/// It can also wait for ever, for a driver that waits until a device is closed: `ETIMEDOUT` then.
enum DriverLinks {
  /// How many seconds a write may take, if nobody says otherwise.
  static let patience = 10

  private static let bus = "/sys/bus/pci"

  /// The directory of a device.
  static func device(_ address: BDF) -> String { "\(bus)/devices/\(address)" }

  /// The driver that has a device; `nil` if none, also because there is no such device.
  static func driver(of address: BDF) throws(Errno) -> String? {
    try SystemCalls.linkTarget(device(address) + "/driver")
  }

  /// The name of a device's cdev in `/dev/vfio/devices`, from Linux 6.6; `nil` if it has none now.
  static func cdev(of address: BDF) -> String? {
    SystemCalls.names(in: device(address) + "/vfio-dev").first { name in
      name.hasPrefix("vfio") && name.dropFirst(4).isDecimal
    }
  }

  /// Takes a device from a driver; `ENODEV` if another driver, or none, has it.
  ///
  /// A file stays open, and locked, for as long as the write may still have its effect.
  static func unbind(
    _ address: BDF, from driver: String, within seconds: Int = patience,
    keeping file: Int32? = nil
  ) throws(Errno) {
    guard try self.driver(of: address) == driver else { throw .enodev }
    try SystemCalls.write(
      Array("\(address)".utf8), to: device(address) + "/driver/unbind", within: seconds,
      keeping: file)
    guard try self.driver(of: address) == nil else { throw .ebusy }
  }

  /// Gives a device to a driver, whatever its override says, which stays; nothing to do if the
  /// driver has it already.
  static func bind(
    _ address: BDF, to driver: String, within seconds: Int = patience
  ) throws(Errno) {
    if try self.driver(of: address) == driver { return }
    guard SysfsWrite.isDriverName(driver) else { throw .einval }
    let override = try override(of: address)
    // The kernel binds to no other driver than the override's (pci_match_device).
    let isInTheWay = !override.isEmpty && override != Array(driver.utf8)
    if isInTheWay {
      try setOverride(of: address, to: Array(driver.utf8), within: seconds)
    }
    let outcome = Result { () throws(Errno) in
      try SystemCalls.write(
        Array("\(address)".utf8), to: "\(bus)/drivers/\(driver)/bind", within: seconds)
    }
    if isInTheWay { try setOverride(of: address, to: override, within: seconds) }
    try outcome.get()
    guard try self.driver(of: address) == driver else { throw .enodev }
  }

  /// What `driver_override` says; empty if it is not set, which the kernel prints as `(null)`.
  static func override(of address: BDF) throws(Errno) -> [UInt8] {
    let text = try SystemCalls.readBytes(device(address) + "/driver_override")
    return text == Array("(null)".utf8) ? [] : text
  }

  /// Sets `driver_override`, or clears it with an empty text.
  ///
  /// Any text can be set but one with a zero or a line end, where the kernel would stop reading. A
  /// line end of our own would count as part of the longest one (`driver_set_override`).
  static func setOverride(
    of address: BDF, to text: [UInt8], within seconds: Int = patience
  ) throws(Errno) {
    if text.contains(where: { $0 == 0 || $0 == 10 }) { throw .einval }
    try SystemCalls.write(
      text.isEmpty ? [10] : text, to: device(address) + "/driver_override", within: seconds)
    guard try override(of: address) == text else { throw .eio }
  }

  /// Lets drivers find a device; `ENODEV` if the expected one did not take it, which the kernel
  /// does not report as an error, or `EBUSY` if that is for its virtual functions (§5.5).
  static func probe(
    _ address: BDF, expecting driver: String, within seconds: Int = patience
  ) throws(Errno) {
    try SystemCalls.write(
      Array("\(address)".utf8), to: bus + "/drivers_probe", within: seconds)
    if try self.driver(of: address) == driver { return }
    throw hasVirtualFunctions(address) ? .ebusy : .enodev
  }

  private static func hasVirtualFunctions(_ address: BDF) -> Bool {
    let count = (try? SystemCalls.readBytes(device(address) + "/sriov_numvfs")) ?? []
    return !count.isEmpty && count != Array("0".utf8)
  }
}
