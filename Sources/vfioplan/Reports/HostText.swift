import Executor
import Parser
import Planner

/// What a machine has as a table, by IOMMU group: what each device means for a VM.
struct HostText {
  private let host: HostDescription
  private let names: PCINames
  private let advice: IOMMUAdvice
  private let filters: Set<String>
  private let units: [String: HostIOMMU]
  /// The devices that have virtual functions.
  private let physical: Set<BDF>

  /// Prepares the table of the devices whose class, address or group is wanted; of all if none is.
  init(
    _ inventory: HostInventory, names: PCINames, advice: IOMMUAdvice, filters: [String] = []
  ) {
    host = inventory.description
    self.names = names
    self.advice = advice
    self.filters = Set(filters.map(Self.normalized))
    physical = Set(host.devices.compactMap(\.physicalFunction))
    units = Dictionary(host.iommus.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The words that stand for classes of devices.
  static var classWords: [String] { PCIClass.all }

  /// Whether a word names a class, an address or, as a number, a group.
  static func isFilter(_ word: String) -> Bool {
    BDF(word) != nil || classWords.contains(word) || UInt32(word) != nil
  }

  private static func normalized(_ filter: String) -> String {
    BDF(filter)?.description ?? filter
  }

  /// The table, the units and what to do if there are none.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    let release = host.kernel.release.isEmpty ? "" : ", Linux " + host.kernel.release
    page.line("host \(host.name, .strong)\(release): \(interfaces)", hanging: 2)
    for unit in host.iommus { page.line(text(of: unit), indent: 2, hanging: 4) }
    if host.iommus.isEmpty {
      page.line("\("no IOMMU:", .warning) \(advice.text)", indent: 2, hanging: 4)
    }
    if let graphics = advice.graphics { page.line("\(graphics, .warning)", indent: 2, hanging: 4) }
    let shown = groups.map { group in
      let mates = GroupMates(group.members)
      return (group: group, rows: group.members.filter(isWanted).map { row($0, among: mates) })
    }.filter { !$0.rows.isEmpty }
    page.blank()
    if shown.isEmpty { page.line("no such device", indent: 2) }
    let columns = TextPage.Columns(
      [Self.header] + shown.flatMap(\.rows), indent: 4, width: page.width)
    if !shown.isEmpty { page.row(Self.header, in: columns) }
    for (group, rows) in shown {
      page.line(heading(of: group), indent: 2, hanging: 4)
      for row in rows { page.row(row, in: columns) }
    }
    appendUnknown(shown.flatMap { $0.group.members.filter(isWanted) }, to: &page)
    return page
  }

  /// What settles the facts that nobody knows of the devices shown; bridges stay with the host.
  private func appendUnknown(_ devices: [HostDevice], to page: inout TextPage) {
    let given = devices.filter { !PCIClass.isBridge($0.classCode) }
    let unknown = given.filter { $0.noSnoopCapable == .unknown }
    let used = Set(given.compactMap(\.iommu))
    let open = host.iommus.filter {
      used.contains($0.name) && $0.enforcement(by: host.kernel.rules) == .unknown
    }
    if !unknown.isEmpty || !open.isEmpty { page.blank() }
    if let first = unknown.first {
      let example = UnknownFacts.noSnoopTest(first.physicalFunction ?? first.address)
      page.line(
        "unknown no-snoop counts as yes; \(example) finds out, as root, while no driver has the "
          + "device", indent: 2, hanging: 2)
    }
    if !open.isEmpty {
      let names = nameList(open.map(\.name))
      page.line(
        "unknown enforcement of \(names) counts as no; say 'enforceSnoop' of it in the host "
          + "description if you know it", indent: 2, hanging: 2)
    }
  }

  private static let header: [StyledText] = [
    "address", "class", "driver", "no-snoop", "box", "given to a VM",
  ].map { StyledText($0, .strong) }

  private func heading(of group: (number: Int?, members: [HostDevice])) -> StyledText {
    guard let number = group.number else { return "in no IOMMU group" }
    let names = Set(group.members.compactMap(\.iommu)).sorted()
    let units = names.isEmpty ? "no unit" : names.joined(separator: ", ")
    return "\("group \(number)", .strong) behind \(units)"
  }

  private var interfaces: String {
    let kernel = host.kernel
    let found: [String] = [
      (kernel.iommufd, "iommufd"), (kernel.vfioCdev, "VFIO cdevs"), (kernel.type1, "type1"),
      (kernel.kvm, "KVM"),
    ].compactMap { (fact: Fact, name: String) in fact == .yes ? name : nil }
    let unsafe = kernel.allowUnsafeInterrupts ? "; unsafe interrupts allowed" : ""
    return (found.isEmpty ? "neither VFIO nor KVM" : found.joined(separator: ", ")) + unsafe
  }

  private func text(of unit: HostIOMMU) -> StyledText {
    let enforces =
      switch unit.enforcement(by: host.kernel.rules) {
      case .yes: "can enforce snoop"
      case .no: "can't enforce snoop"
      case .unknown: "nobody knows whether it can enforce snoop"
      }
    let interrupts = unit.isolatedMSI ? "isolates" : "does not isolate"
    return "\(unit.name, .strong) (\(unit.type)) \(enforces), \(interrupts) interrupts, "
      + "\(unit.addressBits) bits, "
      + StyledText(unit.pageSizes.map(byteSizeText).joined(separator: ", "))
  }

  /// The devices by group, those without one last.
  private var groups: [(number: Int?, members: [HostDevice])] {
    let byGroup = Dictionary(grouping: host.devices, by: \.group)
    let numbers = byGroup.keys.sorted {
      ($0 ?? .max, $0 == nil ? 1 : 0) < ($1 ?? .max, $1 == nil ? 1 : 0)
    }
    return numbers.map { ($0, byGroup[$0] ?? []) }
  }

  private func isWanted(_ device: HostDevice) -> Bool {
    filters.isEmpty || filters.contains(PCIClass.word(of: device.classCode))
      || filters.contains(device.address.description)
      || device.group.map { filters.contains(String($0)) } ?? false
  }

  private func row(_ device: HostDevice, among mates: GroupMates) -> [StyledText] {
    let unit = device.iommu.flatMap { units[$0] }
    let fate = DeviceFate(
      device, mates, unit, host, hasChildren: physical.contains(device.address))
    let name = names.name(vendor: device.vendor, device: device.device)
    return [
      StyledText(device.address.description), StyledText(PCIClass.word(of: device.classCode)),
      StyledText(device.driver ?? "-"), StyledText(Self.word(device.noSnoopCapable)),
      StyledText(device.iommu == nil ? "-" : "\(fate.box)"),
      "\(fate.text, fate.role)" + (name.map { "; \($0, .faint)" } ?? "")
        + Self.relation(of: device) + Self.bars(of: device) + Self.source(of: device),
    ]
  }

  /// What a device hangs on.
  private static func relation(of device: HostDevice) -> StyledText {
    if let physical = device.physicalFunction {
      return "; \("virtual function of \(physical)", .faint)"
    }
    return device.behind.map { "; \("behind \($0)", .faint)" } ?? ""
  }

  /// How large its windows are, if that is known; not of bridges, which nobody gives away.
  private static func bars(of device: HostDevice) -> StyledText {
    guard let bars = device.bars, !PCIClass.isBridge(device.classCode) else { return "" }
    let sizes = bars.map { byteSizeText($0.size) }.joined(separator: " + ")
    return "; \(bars.isEmpty ? "no BARs" : "BARs \(sizes)", .faint)"
  }

  /// Where the no-snoop fact comes from; not of bridges, which nobody gives away.
  private static func source(of device: HostDevice) -> StyledText {
    guard let source = device.noSnoopSource, !PCIClass.isBridge(device.classCode) else { return "" }
    return "; \("no-snoop: " + source, .faint)"
  }

  private static func word(_ fact: Fact) -> String {
    switch fact {
    case .yes: "yes"
    case .no: "no"
    case .unknown: "unknown"
    }
  }
}

/// What the members of a group mean for each of them.
private struct GroupMates {
  /// Those whose drivers keep the group from a VM.
  let inTheWay: [HostDevice]
  /// Whether firmware maps memory for one of them.
  let isMappedByFirmware: Bool

  init(_ members: [HostDevice]) {
    inTheWay = members.filter { !GroupViability.isSafe($0) }
    isMappedByFirmware = members.contains { $0.reserved.contains { $0.kind == .direct } }
  }
}

/// What would come of a device in a VM.
private struct DeviceFate {
  /// Which of the four boxes of the 2021 discussion it is in; unknown counts as no-snoop that
  /// can't be enforced.
  let box: Int
  /// In words.
  let text: String
  /// Whether that is good news.
  let role: Screen.Role

  init(
    _ device: HostDevice, _ mates: GroupMates, _ unit: HostIOMMU?, _ host: HostDescription,
    hasChildren: Bool
  ) {
    box = PlannedDevice.box(
      canEnforceSnoop: unit?.enforcement(by: host.kernel.rules) == .yes,
      canNoSnoop: device.noSnoopCapable != .no)
    let isOneOfThem = !GroupViability.isSafe(device)
    let count = mates.inTheWay.count - (isOneOfThem ? 1 : 0)
    if PCIClass.isBridge(device.classCode) {
      (text, role) = ("a bridge, stays with the host", .faint)
    } else if hasChildren, !device.hasVFIODriver {
      (text, role) = ("can't be given: it has virtual functions", .warning)
    } else if let obstacle = Self.obstacle(device, mates, unit, host.kernel) {
      (text, role) = ("can't be given: " + obstacle, .warning)
    } else if let other = mates.inTheWay.first(where: { $0.address != device.address }) {
      let more = count > 1 ? " and \(count - 1) more" : ""
      text = "group has \(other.address) on \(other.driver ?? "a host driver")\(more)"
      role = .warning
    } else if box == 3 {
      (text, role) = (Self.unblocked(device, unit, host), .warning)
    } else {
      (text, role) = (
        box == 1 ? "coherent, or non-coherent if it is to no-snoop" : "coherent", .good
      )
    }
  }
}

extension DeviceFate {
  /// What comes of a device in box 3, and what of that is not known.
  private static func unblocked(
    _ device: HostDevice, _ unit: HostIOMMU?, _ host: HostDescription
  ) -> String {
    let isUnitKnown = unit?.enforcement(by: host.kernel.rules) != .unknown
    let isKnown = isUnitKnown && device.noSnoopCapable != .unknown
    var counted: [String] = []
    if device.noSnoopCapable == .unknown { counted.append("no-snoop unknown, counted as yes") }
    if !isUnitKnown { counted.append("enforcement unknown, counted as no") }
    let remark = counted.isEmpty ? "" : " (\(counted.joined(separator: "; ")))"
    if host.isX86 {
      return (isKnown ? "makes the VM non-coherent" : "may make the VM non-coherent") + remark
    }
    return (isUnitKnown ? "no-snoop can't be blocked" : "no-snoop may not be blocked") + remark
  }

  /// What makes the kernel refuse the device to everybody.
  private static func obstacle(
    _ device: HostDevice, _ mates: GroupMates, _ unit: HostIOMMU?, _ kernel: HostKernel
  ) -> String? {
    if device.isUnprotected { return "VFIO has it without an IOMMU (noiommu)" }
    guard device.group != nil, let unit else { return "it is behind no IOMMU" }
    if !unit.isolatedMSI, !kernel.allowUnsafeInterrupts { return "interrupts are not isolated" }
    if let parent = device.behind, mates.inTheWay.contains(where: { $0.address == parent }) {
      return "it exists only while the host has \(parent)"
    }
    return mates.isMappedByFirmware ? "firmware maps memory for it" : nil
  }
}
