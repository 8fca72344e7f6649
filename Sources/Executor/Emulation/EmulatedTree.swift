import CLinux
import Glibc
import Parser
import Planner

/// The files of the emulated machine: sysfs and device nodes, as far as programs that use VFIO look
/// at them.
///
/// They lie in file systems in memory that only the program's namespace has, and go with it.
struct EmulatedTree {
  private let root: String
  private let description: HostDescription
  private let folders: [BDF: String]
  /// What a driver's attributes do, by inode.
  private(set) var attributes: [Inode: EmulatedAttribute] = [:]
  /// The numbers in `/dev/vfio/devices`.
  private(set) var numbers: [BDF: Int] = [:]
  private var drivers: Set<String> = []
  private var shown: [BDF: String] = [:]
  private var nodes: Set<Int> = []

  /// Prepares the files of a host below a folder.
  init(_ description: HostDescription, below root: String) {
    self.root = root
    self.description = description
    var folders: [BDF: String] = [:]
    for device in description.devices {
      folders[device.address] = "/sys/devices/" + Self.place(of: device, among: description)
    }
    self.folders = folders
  }

  /// Makes everything that is there at the start.
  mutating func build(_ host: SimulatedHost) {
    for folder in [
      "/sys/bus/pci/devices", "/sys/bus/pci/drivers", "/sys/kernel/iommu_groups",
      "/sys/class/iommu", "/sys/class/vfio-dev", "/sys/class/vfio", "/dev/vfio",
    ] { make(folder: folder) }
    attribute("/sys/bus/pci/drivers_probe", .probe)
    text("/sys/bus/pci/rescan", "")
    for unit in description.iommus { build(unit) }
    for device in description.devices { build(device) }
    if host.nodes.hasIOMMUFD {
      placeholder("/dev/iommu")
      make(folder: "/sys/class/misc")
    }
    if host.nodes.container != .none { placeholder("/dev/vfio/vfio") }
    if host.nodes.hasCdevs { make(folder: "/dev/vfio/devices") }
    make(driver: "vfio-pci")
    update(host)
  }

  /// Shows the drivers that devices have now.
  mutating func update(_ host: SimulatedHost) {
    for device in host.devices { update(device, host) }
    updateGroups(host)
  }

  /// The first line of `driver_override`.
  func override(of address: BDF) -> String? {
    guard let folder = folders[address] else { return nil }
    let bytes = FileText.bytes(of: root + folder + "/driver_override")
    return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
  }

  /// Whether `driver_override` holds anything.
  func isOverrideWritten(of address: BDF) -> Bool {
    var status = stat()
    guard let folder = folders[address] else { return false }
    return stat(root + folder + "/driver_override", &status) == 0 && status.st_size > 0
  }

  /// Has `driver_override` say a name, or none.
  func show(override name: String?, of address: BDF) {
    guard let folder = folders[address] else { return }
    text(folder + "/driver_override", (name ?? "(null)") + "\n")
  }

  /// Has `driver_override` hold nothing, so that what is written to it stands alone.
  func clearOverride(of address: BDF) {
    guard let folder = folders[address] else { return }
    text(folder + "/driver_override", "")
  }

  /// What `stat` says of a node.
  func node(_ path: DevicePath) -> EmulatedNode {
    switch path {
    case .iommu: EmulatedNode(major: 10, minor: 127)
    case .vfioContainer: EmulatedNode(major: 10, minor: 196)
    case .kvm: EmulatedNode(major: 10, minor: 232)
    case .ioasid: EmulatedNode(major: 10, minor: 126)
    case .vfioGroup(let number): EmulatedNode(major: 510, minor: UInt32(truncatingIfNeeded: number))
    case .vfioDevice(let address): EmulatedNode(
      major: 511, minor: UInt32(truncatingIfNeeded: numbers[address] ?? 0))
    }
  }

  /// Where a device's folder is below `/sys/devices`.
  private static func place(of device: HostDevice, among host: HostDescription) -> String {
    let address = device.address
    guard let path = device.path else {
      return Self.bus(address) + "/" + address.description
    }
    // The path tells devices and functions only; buses are those of the devices that are described.
    var folder = ""
    var text = ""
    for part in path.description.split(separator: "/") {
      text += text.isEmpty ? part : "/" + part
      let known = host.devices.first { ($0.path?.description ?? $0.address.description) == text }
      if folder.isEmpty { folder = Self.bus(known?.address ?? BDF(String(part)) ?? address) }
      folder += "/" + (known?.address.description ?? String(part))
    }
    return folder
  }

  private static func bus(_ address: BDF) -> String {
    "pci" + address.description.split(separator: ":").prefix(2).joined(separator: ":")
  }
}

extension EmulatedTree {
  private mutating func build(_ unit: HostIOMMU) {
    let folder = "/sys/devices/virtual/iommu/\(unit.name)"
    make(folder: folder + "/devices")
    link("/sys/class/iommu/\(unit.name)", "../../devices/virtual/iommu/\(unit.name)")
    switch unit.type {
    case HostIOMMU.intel:
      make(folder: folder + "/intel-iommu")
      text(folder + "/intel-iommu/cap", hex(unit.cap ?? 0xd2_008c_4066_0462) + "\n")
      let snoop: UInt64 = unit.enforceSnoop == .no ? 0 : HostIOMMU.snoopControlMask
      text(folder + "/intel-iommu/ecap", hex(unit.ecap ?? 0xf050_5b | snoop) + "\n")
      text(folder + "/intel-iommu/version", "1:0\n")
    case HostIOMMU.amd:
      make(folder: folder + "/amd-iommu")
      text(folder + "/amd-iommu/features", hex(unit.features ?? 0x25_bf73_2fa2_295a) + "\n")
      text(folder + "/amd-iommu/cap", "1\n")
    default: break
    }
  }

  private mutating func build(_ device: HostDevice) {
    guard let folder = folders[device.address] else { return }
    let address = device.address.description
    make(folder: folder)
    link("/sys/bus/pci/devices/\(address)", "../../../" + folder.dropFirst(5))
    let up = String(repeating: "../", count: folder.split(separator: "/").count - 1)
    link(folder + "/subsystem", up + "bus/pci")
    text(folder + "/vendor", "0x" + hex(UInt64(device.vendor), 4) + "\n")
    text(folder + "/device", "0x" + hex(UInt64(device.device), 4) + "\n")
    text(folder + "/class", "0x" + hex(UInt64(device.classCode), 6) + "\n")
    let subsystem = device.subsystem ?? PCISubsystem(vendor: 0, device: 0)
    text(folder + "/subsystem_vendor", "0x" + hex(UInt64(subsystem.vendor), 4) + "\n")
    text(folder + "/subsystem_device", "0x" + hex(UInt64(subsystem.device), 4) + "\n")
    for (name, value) in [
      ("revision", "0x00"), ("numa_node", "-1"), ("irq", "0"), ("enable", "0"), ("local_cpus", "1"),
      ("current_link_speed", "8.0 GT/s PCIe"), ("current_link_width", "4"),
    ] { text(folder + "/" + name, value + "\n") }
    let made = MadeConfiguration(
      of: device, isOnRootBus: device.address.bus == 0,
      isVirtual: device.physicalFunction.map { $0 != device.address } ?? false)
    text(folder + "/resource", resources(made.windows))
    write(folder + "/config", made.bytes)
    show(override: nil, of: device.address)
    if let physical = device.physicalFunction, physical != device.address,
      let other = folders[physical]
    {
      link(folder + "/physfn", up + other.dropFirst(5))
    }
    if let unit = device.iommu { build(device.address, on: unit, folder, up) }
    if let group = device.group { build(device, in: group, folder, up) }
    if let driver = device.driver { make(driver: driver) }
  }

  private func build(_ address: BDF, on unit: String, _ folder: String, _ up: String) {
    link(folder + "/iommu", up + "devices/virtual/iommu/\(unit)")
    link(
      "/sys/devices/virtual/iommu/\(unit)/devices/\(address)",
      "../../../../../" + folder.dropFirst(5))
  }

  private mutating func build(
    _ device: HostDevice, in group: Int, _ folder: String, _ up: String
  ) {
    let place = "/sys/kernel/iommu_groups/\(group)"
    make(folder: place + "/devices")
    text(place + "/type", "DMA\n")
    link(folder + "/iommu_group", up + "kernel/iommu_groups/\(group)")
    link(place + "/devices/\(device.address)", "../../../../" + folder.dropFirst(5))
    let regions = description.devices.filter { $0.group == group }.flatMap(\.reserved)
    var lines: [String] = []
    for region in regions.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
      let line =
        "0x\(hex(region.start, 16)) 0x\(hex(region.end, 16)) \(region.kind.rawValue)\n"
      if !lines.contains(line) { lines.append(line) }
    }
    text(place + "/reserved_regions", lines.joined())
  }

  /// The lines of `resource`.
  private func resources(_ windows: [PCIWindow]) -> String {
    var lines = [String](repeating: "0x\(hex(0, 16)) 0x\(hex(0, 16)) 0x\(hex(0, 16))\n", count: 13)
    for window in windows where window.bar.size > 0 && window.bar.index < 7 {
      let bar = window.bar
      let last = window.address + bar.size - 1
      let flags: UInt64 = 0x40200 | (bar.isPrefetchable ? 0x2000 : 0) | (bar.is64Bit ? 0x100000 : 0)
      lines[bar.index] =
        "0x\(hex(window.address, 16)) 0x\(hex(last, 16)) 0x\(hex(flags, 16))\n"
    }
    return lines.joined()
  }

  private mutating func make(driver name: String) {
    guard drivers.insert(name).inserted else { return }
    let folder = "/sys/bus/pci/drivers/\(name)"
    make(folder: folder)
    attribute(folder + "/unbind", .unbind(name))
    attribute(folder + "/bind", .bind(name))
    attribute(folder + "/remove_id", .other)
    attribute(folder + "/new_id", .other)
  }
}

extension EmulatedTree {
  private mutating func update(_ device: SimulatedDevice, _ host: SimulatedHost) {
    guard let folder = folders[device.address] else { return }
    let driver = device.driver ?? ""
    let wanted = driver + (device.isOnVFIO && host.nodes.hasCdevs ? "+" : "")
    if shown[device.address] == wanted { return }
    if let old = shown.updateValue(wanted, forKey: device.address) {
      remove(folder + "/driver")
      let name = old.hasSuffix("+") ? String(old.dropLast()) : old
      if !name.isEmpty { remove("/sys/bus/pci/drivers/\(name)/\(device.address)") }
      if old.hasSuffix("+") { hide(device.address, folder) }
    }
    let up = String(repeating: "../", count: folder.split(separator: "/").count - 1)
    if !driver.isEmpty {
      make(driver: driver)
      link(folder + "/driver", up + "bus/pci/drivers/\(driver)")
      link("/sys/bus/pci/drivers/\(driver)/\(device.address)", "../../../../" + folder.dropFirst(5))
    }
    if wanted.hasSuffix("+") { show(device.address, folder) }
    let id = "\(hex(UInt64(device.address.packed)))"
    text(
      folder + "/uevent",
      (driver.isEmpty ? "" : "DRIVER=\(driver)\n") + "PCI_SLOT_NAME=\(device.address)\nID=\(id)\n")
  }

  /// Shows the character device of a device that VFIO has got.
  private mutating func show(_ address: BDF, _ folder: String) {
    var number = 0
    while numbers.values.contains(number) { number += 1 }
    numbers[address] = number
    let place = folder + "/vfio-dev/vfio\(number)"
    make(folder: place)
    text(place + "/dev", "511:\(number)\n")
    link("/sys/class/vfio-dev/vfio\(number)", "../../" + place.dropFirst(5))
    placeholder("/dev/vfio/devices/vfio\(number)")
  }

  private mutating func hide(_ address: BDF, _ folder: String) {
    guard let number = numbers.removeValue(forKey: address) else { return }
    remove("/dev/vfio/devices/vfio\(number)")
    remove("/sys/class/vfio-dev/vfio\(number)")
    let place = folder + "/vfio-dev"
    remove(place + "/vfio\(number)/dev")
    rmdir(root + place + "/vfio\(number)")
    rmdir(root + place)
  }

  private mutating func updateGroups(_ host: SimulatedHost) {
    guard host.nodes.hasGroups else { return }
    for (index, group) in host.groups.enumerated() {
      let isThere = group.members.contains { host.devices[$0].isOnVFIO }
      if isThere, nodes.insert(index).inserted { placeholder("/dev/vfio/\(group.number)") }
      if !isThere, nodes.remove(index) != nil { remove("/dev/vfio/\(group.number)") }
    }
  }

  // Files below the root.

  private func make(folder: String) {
    var path = root
    for part in folder.split(separator: "/") {
      path += "/" + part
      mkdir(path, 0o755)
    }
  }

  private func text(_ path: String, _ content: String) { write(path, Array(content.utf8)) }

  private func write(_ path: String, _ content: [UInt8]) {
    let file = open(root + path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { return }
    _ = Glibc.write(file, content, content.count)
    close(file)
  }

  private func link(_ path: String, _ target: some StringProtocol) {
    symlink(String(target), root + path)
  }

  private func remove(_ path: String) { unlink(root + path) }

  /// A file in the place of a node: who opens it gets another one.
  private func placeholder(_ path: String) {
    text(path, "")
    chmod(root + path, 0o666)
  }

  private mutating func attribute(_ path: String, _ kind: EmulatedAttribute) {
    text(path, "")
    var status = stat()
    if lstat(root + path, &status) == 0 { attributes[Inode(status)] = kind }
  }

  private func hex(_ number: UInt64, _ digits: Int = 0) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}

/// What writing to an attribute of a driver or of the bus does.
enum EmulatedAttribute: Hashable {
  /// `drivers/NAME/unbind`.
  case unbind(String)
  /// `drivers/NAME/bind`.
  case bind(String)
  /// `drivers_probe`.
  case probe
  /// Nothing that is emulated.
  case other
}
