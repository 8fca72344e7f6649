import Glibc
import Parser
import Planner

/// What the tree has of units, devices, modules and drivers.
extension EmulatedTree {
  /// The parameters of modules that are looked at.
  func buildModules() {
    let allows = description.kernel.allowUnsafeInterrupts ? "Y\n" : "N\n"
    for module in ["iommufd", "vfio_iommu_type1"] {
      let folder = "/sys/module/\(module)/parameters"
      make(folder: folder)
      text(folder + "/allow_unsafe_interrupts", allows)
    }
    let limit = description.kernel.mappingLimit ?? 65535
    text("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "\(limit)\n")
  }

  /// Files that the first process shows in the place of those of `/proc`.
  func buildProc() {
    let folder = "/dev/.emulated"
    make(folder: folder)
    text(folder + "/osrelease", release + "\n")
    text(folder + "/hostname", description.name + "\n")
    let isIsolated = description.iommus.contains(where: \.isolatedMSI)
    text(folder + "/interrupts", " 24: 0 \(isIsolated ? "IR-PCI-MSI" : "PCI-MSI") 0-edge\n")
    let processor = description.kernel.processor
    if let architecture = processor.architecture, architecture != .other {
      text(folder + "/arch", architecture.rawValue + "\n")
    }
    if let lines = lines(of: processor) { text(folder + "/cpuinfo", lines) }
  }

  /// What `/proc/cpuinfo` says of the host's CPUs; `nil` if the real one does.
  private func lines(of processor: HostProcessor) -> String? {
    switch processor.architecture {
    case .arm: return "processor\t: 0\nCPU implementer\t: 0x41\n"
    case .riscv: return "processor\t: 0\nhart\t\t: 0\n"
    default: break
    }
    guard let vendor = processor.vendor else { return nil }
    let names: [HostProcessor.Vendor: String] = [.intel: "GenuineIntel", .amd: "AuthenticAMD"]
    let lines = String(decoding: FileText.bytes(of: "/proc/cpuinfo"), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let shown = lines.map { line -> String in
      if line.hasPrefix("vendor_id") { return "vendor_id\t: \(names[vendor] ?? "Other")" }
      if line.hasPrefix("address sizes"), let bits = processor.addressBits {
        return "address sizes\t: \(bits) bits physical, 48 bits virtual"
      }
      guard line.hasPrefix("flags") else { return String(line) }
      var words = line.split(separator: " ").filter { $0 != "ss" }
      if processor.selfSnoop == .yes { words.append("ss") }
      return words.joined(separator: " ")
    }
    return shown.joined(separator: "\n")
  }

  /// Makes the files of a unit.
  mutating func build(_ unit: HostIOMMU) {
    let name = part(unit.name)
    let folder = "/sys/devices/virtual/iommu/\(name)"
    make(folder: folder + "/devices")
    link("/sys/class/iommu/\(name)", "../../devices/virtual/iommu/\(name)")
    switch unit.type {
    case HostIOMMU.intel:
      make(folder: folder + "/intel-iommu")
      text(folder + "/intel-iommu/cap", hexDigits(unit.cap ?? capabilities(of: unit)) + "\n")
      let snoop: UInt64 = unit.enforceSnoop == .no ? 0 : HostIOMMU.snoopControlMask
      text(folder + "/intel-iommu/ecap", hexDigits(unit.ecap ?? 0xf050_5b | snoop) + "\n")
      text(folder + "/intel-iommu/version", "1:0\n")
    case HostIOMMU.amd:
      make(folder: folder + "/amd-iommu")
      text(folder + "/amd-iommu/features", hexDigits(unit.features ?? features(of: unit)) + "\n")
      text(folder + "/amd-iommu/cap", "1\n")
    default: break
    }
  }

  /// Intel's register of a unit that states its width and pages: tables (bits 9 to 11), addresses
  /// (16 to 21), large pages (34 and 35; VT-d, 11.4.2).
  private func capabilities(of unit: HostIOMMU) -> UInt64 {
    let bits = unit.addressBits
    var cap: UInt64 = 0xd2_0080_4040_0062 | UInt64(bits - 1) << 16
    cap |= bits > 48 ? 1 << 11 : bits > 39 ? 1 << 10 : 1 << 9
    if unit.pageSizes.contains(2 << 20) { cap |= 1 << 34 }
    if unit.pageSizes.contains(1 << 30) { cap |= 1 << 35 }
    return cap
  }

  /// AMD's features of a unit that states its width: levels of tables (HATS, bits 10 and 11).
  private func features(of unit: HostIOMMU) -> UInt64 {
    let levels: UInt64 = unit.addressBits > 57 ? 2 : unit.addressBits > 48 ? 1 : 0
    return 0x25_bf73_2fa2_215a | levels << 10
  }

  /// Makes the files of a device, but for its driver.
  mutating func build(_ device: HostDevice) {
    guard let folder = folders[device.address] else { return }
    let address = device.address.description
    make(folder: folder)
    link("/sys/bus/pci/devices/\(address)", "../../../" + folder.dropFirst(5))
    let up = String(repeating: "../", count: folder.split(separator: "/").count - 1)
    link(folder + "/subsystem", up + "bus/pci")
    text(folder + "/vendor", hexText(UInt64(device.vendor), digits: 4) + "\n")
    text(folder + "/device", hexText(UInt64(device.device), digits: 4) + "\n")
    text(folder + "/class", hexText(UInt64(device.classCode), digits: 6) + "\n")
    let subsystem = device.subsystem ?? PCISubsystem(vendor: 0, device: 0)
    text(folder + "/subsystem_vendor", hexText(UInt64(subsystem.vendor), digits: 4) + "\n")
    text(folder + "/subsystem_device", hexText(UInt64(subsystem.device), digits: 4) + "\n")
    for (name, value) in [
      ("revision", "0x00"), ("numa_node", "-1"), ("irq", "0"), ("enable", "0"), ("local_cpus", "1"),
      ("current_link_speed", "8.0 GT/s PCIe"), ("current_link_width", "4"),
    ] { text(folder + "/" + name, value + "\n") }
    let made = MadeConfiguration(
      of: device, isOnRootBus: device.address.bus == 0,
      isVirtual: device.physicalFunction.map { $0 != device.address } ?? false)
    text(folder + "/resource", resources(made.windows))
    empty(folder + "/reset")
    text(folder + "/reset_method", "flr\n")
    write(folder + "/config", configurations[device.address] ?? made.bytes)
    show(override: nil, of: device.address)
    if let physical = device.physicalFunction, physical != device.address,
      let other = folders[physical]
    {
      link(folder + "/physfn", up + other.dropFirst(5))
    }
    if let unit = device.iommu { build(device.address, on: part(unit), folder, up) }
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
      let line = "\(Self.words(region.start, region.end)) \(region.kind.rawValue)\n"
      if !lines.contains(line) { lines.append(line) }
    }
    text(place + "/reserved_regions", lines.reduce(into: "") { $0 += $1 })
  }

  /// The lines of `resource`.
  private func resources(_ windows: [PCIWindow]) -> String {
    var lines = [String](repeating: Self.words(0, 0, 0) + "\n", count: 13)
    for window in windows where window.bar.size > 0 && window.bar.index < 7 {
      let bar = window.bar
      let last = window.address + bar.size - 1
      let flags: UInt64 = 0x40200 | (bar.isPrefetchable ? 0x2000 : 0) | (bar.is64Bit ? 0x100000 : 0)
      lines[bar.index] = Self.words(window.address, last, flags) + "\n"
    }
    return lines.reduce(into: "") { $0 += $1 }
  }

  /// Numbers of 64 bits as sysfs prints them beside each other.
  private static func words(_ numbers: UInt64...) -> String {
    numbers.map { hexText($0, digits: 16) }.joined(separator: " ")
  }

  /// Makes the folder of a driver, once.
  mutating func make(driver name: String) {
    guard drivers.insert(name).inserted else { return }
    let folder = "/sys/bus/pci/drivers/\(part(name))"
    make(folder: folder)
    attribute(folder + "/unbind", .unbind(name))
    attribute(folder + "/bind", .bind(name))
    attribute(folder + "/remove_id", .other)
    attribute(folder + "/new_id", .other)
  }
}
