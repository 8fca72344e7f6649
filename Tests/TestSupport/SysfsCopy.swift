import Executor
import Foundation
import Parser

/// A copy of a few files of sysfs, removed with it.
public final class SysfsCopy {
  /// The directory above `sys`.
  public let path: String

  /// Makes an empty one.
  public init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "sysfs-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// Unpacks an archive that `vfioplan host --capture` has written.
  public convenience init(archive: String) throws {
    try self.init()
    let tar = try Process.run(
      URL(fileURLWithPath: "/usr/bin/env"), arguments: ["tar", "-xf", archive, "-C", path])
    tar.waitUntilExit()
    guard tar.terminationStatus == 0 else { throw CocoaError(.fileReadCorruptFile) }
  }

  /// What `vfioplan host --root` reads.
  public var tree: SysfsTree {
    do throws(TreeError) { return try SysfsTree(root: path) } catch {
      preconditionFailure("\(path): \(error.reason)")
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and the directories above it.
  public func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

  /// As above, with bytes.
  public func write(_ name: String, _ data: Data) throws {
    let file = URL(fileURLWithPath: path).appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file)
  }

  /// A kernel of a release that remaps interrupts, and nodes of class `misc`.
  public func kernel(_ release: String, nodes: [String] = []) throws {
    try write("proc/sys/kernel/osrelease", release + "\n")
    try write("proc/interrupts", " 24:  0  0  IR-PCI-MSI-0000:00:1c.0  0-edge  PCIe PME\n")
    for node in nodes { try write("sys/class/misc/\(node)/dev", "10:1\n") }
  }

  /// A VT-d unit with its registers.
  public func unit(_ name: String, cap: String, ecap: String) throws {
    try write("sys/class/iommu/\(name)/intel-iommu/cap", cap + "\n")
    try write("sys/class/iommu/\(name)/intel-iommu/ecap", ecap + "\n")
  }

  /// A device with a configuration space.
  ///
  /// `control` is its PCI Express Device Control, without which it has no such capability. It may
  /// be the bridge to a conventional bus.
  public func device(
    _ address: String, _ vendor: Int, _ device: Int, _ classCode: Int, unit: String?, group: Int?,
    driver: String? = nil, control: UInt16? = 0x2810, subsystem: (Int, Int)? = nil,
    conventionalBus bus: UInt8? = nil
  ) throws {
    let directory = "sys/bus/pci/devices/\(address)/"
    try write(directory + "vendor", "0x" + String(vendor, radix: 16) + "\n")
    try write(directory + "device", "0x" + String(device, radix: 16) + "\n")
    try write(directory + "class", "0x" + String(classCode, radix: 16) + "\n")
    if let subsystem {
      for (name, value) in [("vendor", subsystem.0), ("device", subsystem.1)] {
        try write(directory + "subsystem_" + name, "0x" + String(value, radix: 16) + "\n")
      }
    }
    var configuration = [UInt8](repeating: 0, count: 256)
    (configuration[6], configuration[0x34]) = (0x10, 0x40)
    (configuration[0x40], configuration[0x41]) = (0x05, 0x60)  // MSI, then what is asked for
    if let control {
      configuration[0x60] = 0x10
      (configuration[0x68], configuration[0x69]) = (UInt8(control & 0xff), UInt8(control >> 8))
    } else {
      configuration[0x60] = 0x01  // power management, the last one
    }
    for (place, id) in [(0, vendor), (2, device)] {
      (configuration[place], configuration[place + 1]) = (UInt8(id & 0xff), UInt8(id >> 8))
    }
    if let bus {
      (configuration[0x0e], configuration[0x19], configuration[0x62]) = (1, bus, 0x71)
    }
    try write(directory + "config", Data(configuration))
    for (name, target) in [
      ("driver", driver.map { "../../../drivers/\($0)" }),
      ("iommu", unit.map { "../../../../class/iommu/\($0)" }),
      ("iommu_group", group.map { "../../../kernel/iommu_groups/\($0)" }),
    ] {
      if let target { try link(directory + name, to: target) }
    }
  }

  /// A symbolic link.
  public func link(_ name: String, to target: String) throws {
    let file = URL(fileURLWithPath: path).appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: target)
  }
}
