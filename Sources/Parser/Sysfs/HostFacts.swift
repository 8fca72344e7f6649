/// What the files of a machine say of it, before anything is concluded from its release.
public struct HostFacts: Sendable {
  /// Its name.
  public let name: String
  /// Its kernel.
  public let kernel: KernelFacts
  /// Its memory.
  public let memory: HostMemory
  /// Its IOMMUs, those that no device of PCI is behind included.
  public let iommus: [IOMMUFacts]
  /// Its devices of PCI; those whose files do not say what they should are left out.
  public let devices: [HostDevice]
  /// Files that do not say what they should.
  public let findings: [Diagnostic]

  /// Reads a machine or a copy of its files; what tests have found of devices counts more.
  public init(_ tree: SysfsTree, tested: [BDF: NoSnoopFact] = [:]) {
    var reader = HostFactsReader(tree, tested)
    name = reader.line("/proc/sys/kernel/hostname", "a name") ?? "host"
    kernel = KernelFacts(
      tree, release: reader.line("/proc/sys/kernel/osrelease", "a release") ?? "")
    memory = HostMemory(tree)
    iommus = IOMMUFacts.all(in: tree, into: &reader.findings)
    devices = reader.devices(behind: Set(iommus.map(\.name)))
    let unprotected = reader.unprotected
    findings =
      reader.findings
      + (unprotected.isEmpty ? [] : [ScopeDiagnostics.unprotected(unprotected)])
      + tree.unreadable.map { SysfsDiagnostics.unreadable($0.path, $0.error) }
  }
}

extension HostMemory {
  /// What the files of a machine say: `/proc/meminfo`, and the pools of huge pages with what they
  /// may grow by (`Documentation/admin-guide/mm/hugetlbpage.rst`).
  init(_ tree: SysfsTree) {
    self.init()
    let total = (tree.text("/proc/meminfo") ?? "").split(separator: "\n")
      .first { $0.hasPrefix("MemTotal:") }?.split(separator: " ").dropFirst().first
    bytes = total.flatMap { UInt64($0) }.map { $0 << 10 }
    let folder = "/sys/kernel/mm/hugepages"
    guard tree.isDirectory(folder) else { return }
    pools = tree.names(in: folder).compactMap { name in
      guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"),
        let kilobytes = UInt64(name.dropFirst("hugepages-".utf8.count).dropLast(2)),
        let count = tree.text("\(folder)/\(name)/nr_hugepages").flatMap({ UInt64($0) })
      else { return nil }
      let more = tree.text("\(folder)/\(name)/nr_overcommit_hugepages").flatMap { UInt64($0) }
      return Pool(pageBytes: kilobytes << 10, count: count &+ (more ?? 0))
    }.sorted { $0.pageBytes < $1.pageBytes }
  }
}

/// The devices of a tree, and what is wrong with it.
private struct HostFactsReader {
  /// More than any firmware reserves; each device of the group lists all of them.
  private static let maximumRegions = 128
  private let tree: SysfsTree
  var findings: [Diagnostic] = []
  /// Devices whose group is one of VFIO's own, without an IOMMU.
  private(set) var unprotected: [BDF] = []
  private var reserved: [Int: [ReservedRegion]] = [:]
  private var paths = PCIPaths()
  private var spaces: [ConfigurationSpace] = []
  private let tested: [BDF: NoSnoopFact]

  init(_ tree: SysfsTree, _ tested: [BDF: NoSnoopFact]) {
    self.tree = tree
    self.tested = tested
  }

  /// A text that descriptions can hold; `nil` without the file.
  mutating func line(_ path: String, _ expected: String) -> String? {
    guard let text = tree.text(path) else { return nil }
    if NodeDecoder.takesText(text) { return text }
    report(path, expected)
    return nil
  }

  private mutating func report(_ path: String, _ expected: String) {
    guard !tree.isUnreadable(path) else { return }
    findings.append(SysfsDiagnostics.malformed(path, expected))
  }

  mutating func devices(behind units: Set<String>) -> [HostDevice] {
    let directory = "/sys/bus/pci/devices"
    if !tree.isDirectory(directory) {
      findings.append(SysfsDiagnostics.noPCI(tree.root + directory))
    }
    var found: [HostDevice] = []
    for name in tree.isDirectory(directory) ? tree.names(in: directory) : [] {
      // Addresses are unique as long as there is one way to write each.
      guard let address = BDF(name), address.description == name else {
        report("\(directory)/\(name)", "a PCI address")
        continue
      }
      if let device = device(address, "\(directory)/\(name)", units) { found.append(device) }
    }
    for index in found.indices { found[index].path = paths.path(of: found[index].address) }
    found = RelationFacts(tree, found).settled()
    settleNoSnoop(of: &found, directory)
    return found
  }

  /// Concludes what can be, now that all bridges and physical functions are known.
  private mutating func settleNoSnoop(of devices: inout [HostDevice], _ directory: String) {
    var facts: [BDF: NoSnoopFact] = [:]
    for (device, space) in zip(devices, spaces) {
      let read = NoSnoopFact(
        space, vendor: device.vendor, device: device.device,
        isOnConventionalBus: paths.isOnConventionalBus(device.address))
      facts[device.address] = tested[device.address] ?? read
    }
    for index in devices.indices {
      let address = devices[index].address
      let physical = devices[index].physicalFunction
      let fact = physical.map { NoSnoopFact(ofVirtualFunctionOf: $0, facts[$0]) } ?? facts[address]
      guard let fact else { continue }
      devices[index].noSnoopCapable = fact.fact
      devices[index].noSnoopSource = fact.source
    }
  }

  private mutating func device(
    _ address: BDF, _ directory: String, _ units: Set<String>
  ) -> HostDevice? {
    guard let vendor = number(directory + "/vendor", bits: 16),
      let identifier = number(directory + "/device", bits: 16),
      let classCode = number(directory + "/class", bits: 24)
    else { return nil }
    let configuration = tree.bytes(directory + "/config") ?? []
    let space = ConfigurationSpace(configuration)
    let group = group(of: address, directory)
    let unit = link(directory + "/iommu", "a link to a unit of /sys/class/iommu", units.contains)
    let driver = link(directory + "/driver", "a link to a driver", NodeDecoder.takesName)
    spaces.append(space)
    paths.note(
      address, space, vendor: UInt16(truncatingIfNeeded: vendor),
      device: UInt16(truncatingIfNeeded: identifier))
    var result = HostDevice(
      address: address, vendor: UInt16(truncatingIfNeeded: vendor),
      device: UInt16(truncatingIfNeeded: identifier),
      classCode: UInt32(truncatingIfNeeded: classCode), subsystem: subsystem(directory),
      iommu: unit, group: group, driver: driver,
      reserved: group.map { reservedRegions(of: $0) } ?? [])
    result.bars = bars(directory + "/resource")
    result.isUnprotected = unprotected.last == address
    return result
  }

  /// The windows of a device's memory; copies may lack the file, which is not a finding.
  private mutating func bars(_ path: String) -> [BAR]? {
    guard let text = tree.text(path) else { return nil }
    if let bars = BAR.all(in: text) { return bars }
    report(path, "at least 6 lines of first address, last address and flags")
    return nil
  }

  /// The number of a device's group; `nil` if it has none, or one that VFIO has made up for it
  /// (`vfio_noiommu_group_alloc`, drivers/vfio/group.c, 6.3).
  private mutating func group(of address: BDF, _ directory: String) -> Int? {
    let number = link(directory + "/iommu_group", "a link to a group") { Int32($0) ?? -1 >= 0 }
      .flatMap(Int.init)
    guard let number,
      tree.text("/sys/kernel/iommu_groups/\(number)/name") == "vfio-noiommu"
    else { return number }
    unprotected.append(address)
    return nil
  }

  /// The subsystem ids; copies may lack them, so that nothing is reported if there are no files.
  private mutating func subsystem(_ directory: String) -> PCISubsystem? {
    let paths = ["/subsystem_vendor", "/subsystem_device"].map { directory + $0 }
    guard paths.contains(where: tree.exists) else { return nil }
    let ids = paths.map { number($0, bits: 16) }
    guard let vendor = ids[0], let device = ids[1] else { return nil }
    return PCISubsystem(
      vendor: UInt16(truncatingIfNeeded: vendor), device: UInt16(truncatingIfNeeded: device))
  }

  private mutating func number(_ path: String, bits: Int) -> UInt64? {
    if let value = tree.hex(path), value >> UInt64(bits) == 0 { return value }
    report(path, "a hexadecimal number of \(bits) bits")
    return nil
  }

  /// The last part of what a link points to; `nil` if there is none, reported if it is not right.
  ///
  /// A directory with something in it is not a link, and not wrong: the PCI function of AMD's unit
  /// has one called `iommu`, with the unit.
  private mutating func link(
    _ path: String, _ expected: String, _ isRight: (String) -> Bool
  ) -> String? {
    let name = tree.link(path)
    if let name, isRight(name) { return name }
    if name != nil || holdsNothing(path) { report(path, expected) }
    return nil
  }

  /// Whether something is there and is not a directory with something in it.
  private func holdsNothing(_ path: String) -> Bool {
    tree.isDirectory(path) ? tree.names(in: path).isEmpty : tree.exists(path)
  }

  /// The regions of a group (`Documentation/ABI/testing/sysfs-kernel-iommu_groups`), read once.
  private mutating func reservedRegions(of group: Int) -> [ReservedRegion] {
    if let known = reserved[group] { return known }
    let path = "/sys/kernel/iommu_groups/\(group)/reserved_regions"
    var regions: [ReservedRegion] = []
    for line in (tree.text(path) ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, let start = Hex.prefixed(words[0]), let end = Hex.prefixed(words[1]),
        start <= end, let kind = ReservedRegion.Kind(rawValue: String(words[2])),
        regions.count < Self.maximumRegions
      else {
        report(path, "at most \(Self.maximumRegions) lines of start, end and type")
        break
      }
      regions.append(ReservedRegion(start: start, end: end, kind: kind))
    }
    reserved[group] = regions
    return regions
  }
}

extension SysfsTree {
  /// The function that a virtual function is part of; `nil` if it is none.
  public func physicalFunction(of address: BDF) -> BDF? {
    link("/sys/bus/pci/devices/\(address)/physfn").flatMap { BDF($0) }
  }
}
