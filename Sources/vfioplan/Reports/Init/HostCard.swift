import Parser

/// Devices of a host that go to a VM together or not at all: IOMMU groups, and graphics cards with
/// what else is on them.
struct HostCard {
  /// Its devices in order of address, bridges left out.
  let devices: [HostDevice]
  /// Whether it can be given to a VM, group by group.
  let verdicts: [GroupVerdict]
  private let context: GroupVerdict.Context

  /// Whether every group of it can be given, be it in use.
  var canBeGiven: Bool { verdicts.allSatisfy { $0.answer != .no } }

  /// The answer in words: that of the first group that can't be given, else the first one's.
  var verdict: String {
    (verdicts.first { $0.answer == .no } ?? verdicts.first)?.text ?? "no"
  }

  /// The cards of a host in order of their first devices.
  static func all(of host: HostDescription, uses: [BDF: [String]]?) -> [HostCard] {
    let context = GroupVerdict.Context(host, uses: uses)
    var owners: [Key: Int] = [:]
    var cards: [[HostDevice]] = []
    for device in host.devices.sorted(by: { $0.address < $1.address })
    where !PCIClass.isBridge(device.classCode) {
      let keys = Self.keys(of: device, on: host)
      let known = Set(keys.compactMap { owners[$0] }).sorted()
      let index = known.first ?? cards.count
      if index == cards.count { cards.append([]) }
      cards[index].append(device)
      for other in known.dropFirst() {
        cards[index] += cards[other]
        cards[other] = []
        for (key, owner) in owners where owner == other { owners[key] = index }
      }
      for key in keys { owners[key] = index }
    }
    return cards.filter { !$0.isEmpty }.map { HostCard($0, context) }
  }

  private init(_ devices: [HostDevice], _ context: GroupVerdict.Context) {
    self.devices = devices.sorted { $0.address < $1.address }
    self.context = context
    var seen: Set<Int?> = []
    verdicts = self.devices.filter { seen.insert($0.group).inserted }.map { device in
      let members =
        device.group == nil
        ? devices.filter { $0.group == nil }
        : context.host.devices.filter { $0.group == device.group }
      return GroupVerdict(members, isGroup: device.group != nil, context)
    }
  }

  /// What ties devices together.
  private enum Key: Hashable {
    case group(Int)
    case slot(UInt64)
  }

  private static func keys(of device: HostDevice, on host: HostDescription) -> [Key] {
    let slot = Key.slot(device.address.packed >> 3)
    let ofSlot = isOnGraphicsCard(device, host) ? [slot] : []
    guard let group = device.group else { return [slot] }
    return [.group(group)] + ofSlot
  }

  /// Whether a device is a function of a graphics card; a virtual one is a card of its own.
  private static func isOnGraphicsCard(_ device: HostDevice, _ host: HostDescription) -> Bool {
    if device.physicalFunction != nil { return false }
    let whole = device.address.packed & ~7
    return host.devices.contains { $0.address.packed == whole && $0.classCode >> 16 == 3 }
  }
}

// MARK: - Words

extension HostCard {
  /// What tells it from other cards: where it is, what it is, its driver, whether it can be given.
  func line(_ names: PCINames, about device: HostDevice) -> String {
    let others = devices.count == 1 ? "" : " (and \(devices.count - 1) more)"
    let driver = device.driver.map { ", driver \($0.visible)" } ?? ""
    let group = device.group.map { ", group \($0)" } ?? ""
    return "\(device.address)\(others): \(Self.title(of: device, names))\(driver)\(group); "
      + "give it to a VM? \(verdict)"
  }

  /// What a device is called, with its ids.
  static func title(of device: HostDevice, _ names: PCINames) -> String {
    let name =
      names.name(vendor: device.vendor, device: device.device)
      ?? PCIClass.kind(of: device.classCode)
    return "\(name.visible) [\(device.ids)]"
  }

  /// What the machine uses a device for; `nil` if nothing is known.
  func use(of device: HostDevice) -> String? { context.uses?[device.address]?.first }
}
