import CLinux
import Glibc
import Parser
import Planner

/// The files of the emulated machine: sysfs and device nodes, as far as programs that use VFIO look
/// at them.
///
/// They lie in file systems in memory that only the program's namespace has, and go with it.
struct EmulatedTree {
  /// The root folder that the program has, open as a place only.
  let root: Int32
  let description: HostDescription
  let release: String
  let configurations: [BDF: [UInt8]]
  let folders: [BDF: String]
  /// What a driver's attributes do, by inode.
  var attributes: [Inode: EmulatedAttribute] = [:]
  /// The numbers in `/dev/vfio/devices`.
  private(set) var numbers: [BDF: Int] = [:]
  var drivers: Set<String> = []
  private var shown: [BDF: String] = [:]
  private var nodes: Set<Int> = []

  /// Prepares the files of a host below a folder; of some devices configuration space was read.
  init(
    _ description: HostDescription, release: String, _ configurations: [BDF: [UInt8]],
    below root: Int32
  ) {
    self.root = root
    self.release = release
    self.configurations = configurations
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
    empty("/sys/bus/pci/rescan")
    for unit in description.iommus { build(unit) }
    for device in description.devices { build(device) }
    if host.nodes.hasIOMMUFD { make(folder: "/sys/class/misc") }
    // That of KVM is the machine's own.
    for path in DevicePath.single where path != .kvm && host.nodes.has(path) {
      placeholder(path.node)
    }
    if host.nodes.hasCdevs { make(folder: "/dev/vfio/devices") }
    make(driver: "vfio-pci")
    buildModules()
    buildProc()
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
    // A program may make its file as long as it likes; the kernel takes a page at most.
    let path = "/proc/self/fd/\(root)\(folder)/driver_override"
    let bytes = FileText.bytes(of: path, upTo: 4096)
    return String(decoding: bytes.prefix(4096).prefix { $0 != 10 }, as: UTF8.self)
  }

  /// Whether `driver_override` holds anything.
  func isOverrideWritten(of address: BDF) -> Bool {
    var status = stat()
    guard let folder = folders[address] else { return false }
    return below(folder + "/driver_override") { fstatat(root, $0, &status, 0) } == 0
      && status.st_size > 0
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
    case .vfioGroup(let number): EmulatedNode(major: 510, minor: UInt32(truncatingIfNeeded: number))
    case .vfioDevice(let address):
      EmulatedNode(
        major: 511, minor: UInt32(truncatingIfNeeded: numbers[address] ?? 0))
    default: EmulatedNode(major: 10, minor: path.minor ?? 0)
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
    // Without the colon, the device's number and its function's, as in :1f.7.
    "pci" + address.description.dropLast(5)
  }
}

extension EmulatedTree {
  private mutating func update(_ device: SimulatedDevice, _ host: SimulatedHost) {
    guard let folder = folders[device.address] else { return }
    let driver = device.driver.map(part) ?? ""
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
    let id = hexDigits(UInt64(device.address.packed))
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
    for folder in [place + "/vfio\(number)", place] {
      below(folder) { unlinkat(root, $0, AT_REMOVEDIR) }
    }
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

  /// Does something with a path from our root on as one from the program's root on.
  @discardableResult
  private func below(_ path: String, _ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
    path.withCString { body($0 + 1) }
  }

  /// Makes a folder and those above it.
  func make(folder: String) {
    guard below(folder, { mkdirat(root, $0, 0o755) }) < 0, errno == ENOENT else { return }
    make(folder: folder.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 })
    below(folder) { mkdirat(root, $0, 0o755) }
  }

  /// Makes a file with a text.
  func text(_ path: String, _ content: String) { write(path, Array(content.utf8)) }

  /// Makes a file with bytes.
  func write(_ path: String, _ content: [UInt8]) {
    let file = below(path) { openat(root, $0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
    guard file >= 0 else { return }
    _ = Glibc.write(file, content, content.count)
    close(file)
  }

  /// Makes a link.
  func link(_ path: String, _ target: some StringProtocol) {
    let target = String(target)
    below(path) { symlinkat(target, root, $0) }
  }

  /// Removes a file or a link.
  func remove(_ path: String) { below(path) { unlinkat(root, $0, 0) } }

  /// A file in the place of a node: who opens it gets another one.
  func placeholder(_ path: String) {
    empty(path)
    below(path) { fchmodat(root, $0, 0o666, 0) }
  }

  /// Makes a file without content.
  func empty(_ path: String) { below(path) { mknodat(root, $0, S_IFREG | 0o644, 0) } }

  /// Makes an attribute that is written.
  mutating func attribute(_ path: String, _ kind: EmulatedAttribute) {
    empty(path)
    var status = stat()
    let found = below(path) { fstatat(root, $0, &status, AT_SYMLINK_NOFOLLOW) }
    if found == 0 { attributes[Inode(status)] = kind }
  }

  /// A name as a part of a path: one that would lead elsewhere is not one.
  func part(_ name: String) -> String {
    name.isEmpty || name == "." || name == ".." || name.utf8.contains(UInt8(ascii: "/"))
      ? "unnamed" : name
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
