import Parser

/// What a machine has, read from sysfs.
public struct HostInventory: Sendable {
  /// The facts, in the form that plans are made for.
  public let description: HostDescription
  /// Where each device's no-snoop fact comes from, in the order of the devices.
  public let sources: [String]
  /// Files that do not say what they should; the devices concerned are left out.
  public let findings: [Diagnostic]

  /// Reads a machine or a copy of its files.
  public init(_ tree: SysfsTree) {
    var reader = HostInventoryReader(tree)
    let kernel = HostKernel(tree)
    let units = HostIOMMU.all(in: tree, release: kernel)
    let devices = reader.devices(behind: Set(units.map(\.name)))
    // The class also holds units of other buses, and those of the kernel's own tests.
    let used = Set(devices.compactMap(\.iommu))
    description = HostDescription(
      name: tree.text("/proc/sys/kernel/hostname") ?? "host", kernel: kernel,
      iommus: units.filter { $0.isOfKnownType || used.contains($0.name) }, devices: devices)
    sources = reader.sources
    findings = reader.findings
  }
}

/// The devices of a tree, and what is wrong with it.
private struct HostInventoryReader {
  private let tree: SysfsTree
  private(set) var sources: [String] = []
  private(set) var findings: [Diagnostic] = []
  private var reserved: [Int: [ReservedRegion]] = [:]

  init(_ tree: SysfsTree) { self.tree = tree }

  mutating func devices(behind units: Set<String>) -> [HostDevice] {
    let directory = "/sys/bus/pci/devices"
    if !tree.exists(directory) {
      findings.append(InventoryDiagnostics.noPCI(tree.root + directory))
    }
    var found: [HostDevice] = []
    for name in tree.names(in: directory) {
      guard let address = BDF(name) else {
        findings.append(InventoryDiagnostics.malformed("\(directory)/\(name)", "a PCI address"))
        continue
      }
      if let device = device(address, "\(directory)/\(name)", units) { found.append(device) }
    }
    return found
  }

  private mutating func device(
    _ address: BDF, _ directory: String, _ units: Set<String>
  ) -> HostDevice? {
    guard let vendor = number(directory + "/vendor", UInt16.self),
      let identifier = number(directory + "/device", UInt16.self),
      let classCode = number(directory + "/class", UInt32.self), classCode < 1 << 24
    else { return nil }
    let noSnoop = NoSnoopFact(configuration: tree.bytes(directory + "/config") ?? [])
    let group = tree.link(directory + "/iommu_group").flatMap(Int.init)
    let unit = tree.link(directory + "/iommu").flatMap { units.contains($0) ? $0 : nil }
    sources.append(noSnoop.source)
    return HostDevice(
      address: address, vendor: vendor, device: identifier, classCode: classCode, iommu: unit,
      group: group, driver: tree.link(directory + "/driver"), noSnoopCapable: noSnoop.fact,
      reserved: group.map { reservedRegions(of: $0) } ?? [])
  }

  private mutating func number<Number: FixedWidthInteger>(
    _ path: String, _ type: Number.Type
  ) -> Number? {
    if let value = tree.hex(path), let number = Number(exactly: value) { return number }
    findings.append(
      InventoryDiagnostics.malformed(path, "a hexadecimal number of \(Number.bitWidth) bits"))
    return nil
  }

  /// The regions of a group (`Documentation/ABI/testing/sysfs-kernel-iommu_groups`), read once.
  private mutating func reservedRegions(of group: Int) -> [ReservedRegion] {
    if let known = reserved[group] { return known }
    let path = "/sys/kernel/iommu_groups/\(group)/reserved_regions"
    var regions: [ReservedRegion] = []
    for line in (tree.text(path) ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, let start = Self.address(words[0]), let end = Self.address(words[1]),
        start <= end, let kind = ReservedRegion.Kind(rawValue: String(words[2]))
      else {
        findings.append(InventoryDiagnostics.malformed(path, "lines of start, end and type"))
        break
      }
      regions.append(ReservedRegion(start: start, end: end, kind: kind))
    }
    reserved[group] = regions
    return regions
  }

  private static func address(_ word: Substring) -> UInt64? {
    word.hasPrefix("0x") ? UInt64(word.dropFirst(2), radix: 16) : nil
  }
}
