import Parser
import Planner

/// A first VM description for devices of a host, with a comment a line that says why.
struct FirstDescription {
  private let host: HostDescription
  private let names: PCINames
  private let cards: [HostCard]
  private let leftOut: [HostCard]
  private let isAskedFor: (HostDevice) -> Bool
  private let request: String

  /// Where packages and `make install` put the schema.
  static let schemas = ["/usr/share", "/usr/local/share"].map {
    $0 + "/vfioplan/schemas/vm.schema.json"
  }

  /// The schema that the file names for editors; a package's unless told otherwise.
  var schema = schemas[0]

  /// Prepares the text.
  ///
  /// - Parameters:
  ///   - cards: The cards that the VM gets.
  ///   - leftOut: Those that fit as well and can't be given.
  ///   - host: The host.
  ///   - names: What its devices are called.
  ///   - words: The words that were asked with.
  ///   - isAskedFor: Whether the words fit a device.
  init(
    _ cards: [HostCard], leftOut: [HostCard] = [], of host: HostDescription, _ names: PCINames,
    words: [String], isAskedFor: @escaping (HostDevice) -> Bool
  ) {
    self.cards = cards
    self.leftOut = leftOut
    self.host = host
    self.names = names
    self.isAskedFor = isAskedFor
    request = (["init"] + words).joined(separator: " ").visible
  }

  private var devices: [HostDevice] { cards.flatMap(\.devices) }

  /// The file; it ends with a line end.
  func text() -> String {
    let lines = heading + memoryLines + deviceLines + leftOut.map(Self.leftOutLine(names))
    return lines.joined(separator: "\n") + "\n"
  }

  private var heading: [String] {
    [
      "# yaml-language-server: $schema=\(schema)",
      "# A first description, by 'vfioplan \(request)', for host \(host.name.visible). "
        + "It is yours:",
      "# change what you like; 'vfioplan compile' says what follows, 'vfioplan schema vm' has all "
        + "keys.",
      "apiVersion: vfioplan/v1",
      "kind: VM",
      "# What findings and plans call this VM; any name.",
      "name: \(vmName)",
    ]
  }

  private var vmName: String {
    var counter = DeviceNames()
    let first = devices.first(where: isAskedFor) ?? devices.first
    return (first.map { counter.name(for: $0, onGraphicsCard: false) } ?? "first") + "-vm"
  }
}

// MARK: - Memory

extension FirstDescription {
  /// What a VM gets if nobody says otherwise, in bytes.
  private static let usualMemory: UInt64 = 8 << 30

  /// At most half of the host's memory, a power of two; at least 1 GiB.
  private var memoryBytes: UInt64 {
    guard let all = host.memory.bytes, all / 2 < Self.usualMemory else { return Self.usualMemory }
    var bytes = Self.usualMemory
    while bytes > all / 2, bytes > 1 << 30 { bytes /= 2 }
    return bytes
  }

  /// Below 4 GiB a PC has 2 GiB of memory, the rest above; other machines have it from 1 GiB on.
  private var regions: [MemoryRegion] {
    guard host.isX86 else { return [MemoryRegion(gpa: 1 << 30, size: memoryBytes)] }
    let low = min(memoryBytes, 2 << 30)
    let rest = memoryBytes - low
    return [MemoryRegion(gpa: 0, size: low)]
      + (rest > 0 ? [MemoryRegion(gpa: 4 << 30, size: rest)] : [])
  }

  private var memoryLines: [String] {
    let layout =
      host.isX86
      ? "as a PC has it: 2 GiB at most below 4 GiB, the rest above" : "from 1 GiB on"
    let holes = holes
    let around = holes.isEmpty ? "" : ", around what the host reserves"
    let vm = VMDescription(name: vmName, memory: regions)
    let pageBytes = host.kernel.statedPageBytes ?? 4096
    let plain = "memory: [ { gpa: 0x0, size: 1GiB } ]"
    return [
      "# \(byteSizeText(memoryBytes)) of guest memory\(because), laid out \(layout)\(around).",
      MemoryAroundHoles(holes, bits: addressBits, pageBytes: pageBytes).lines(for: vm, space: 0)
        ?? plain,
    ]
  }

  private var because: String {
    guard let all = host.memory.bytes, memoryBytes < Self.usualMemory else { return "" }
    return ", at most half of the host's \(all >> 20) MiB"
  }

  /// The narrowest addresses of the devices' units.
  private var addressBits: Int {
    let used = Set(devices.compactMap(\.iommu))
    return host.iommus.filter { used.contains($0.name) }.map(\.addressBits).min() ?? 64
  }

  /// What the guest's memory would be in the way of: regions that stay reserved.
  private var holes: [ClosedRange<UInt64>] {
    let groups = Set(devices.compactMap(\.group))
    let wanted = regions
    let all = host.devices.filter { $0.group.map(groups.contains) ?? false }.flatMap(\.reserved)
      .filter { $0.kind != .directRelaxable && $0.start <= $0.end }.map { $0.start...$0.end }
    return Set(all).sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
      .filter { hole in
        wanted.contains { $0.gpa <= hole.upperBound && hole.lowerBound < $0.gpa + $0.size }
      }
  }
}

// MARK: - Devices

extension FirstDescription {
  private var deviceLines: [String] {
    var counter = DeviceNames()
    var lines = [
      "# The devices that the VM gets. Left out, 'noSnoop' means what is best for each;",
      "# 'forbidden' promises coherent DMA, 'required' that no-snoop requests work.",
      "devices:",
    ]
    for card in cards {
      for device in card.devices {
        let isOnCard = card.isFunctionOfGraphics(device)
        let name = counter.name(for: device, onGraphicsCard: isOnCard)
        lines.append("  # \(HostCard.title(of: device, names)): \(reason(for: device, of: card))")
        let owner = tokenOwner(of: device)
        lines += owner.map { ["  # put in the token that the user of \($0) has set:"] } ?? []
        let token = owner == nil ? "" : ", vfToken: \"\(Self.someToken)\""
        lines.append("  - { name: \(name), address: \"\(device.address)\"\(token) }")
      }
    }
    return lines
  }

  private static let someToken = "00000000-0000-0000-0000-000000000000"

  /// The physical function whose user has to share a token, if a device is a virtual function that
  /// opens with one only (`vfio_pci_validate_vf_token`).
  private func tokenOwner(of device: HostDevice) -> BDF? {
    let owner = host.devices.first { $0.address == device.physicalFunction && $0.hasVFIODriver }
    guard let owner, !devices.contains(where: { $0.address == owner.address }) else { return nil }
    return owner.address
  }

  private func reason(for device: HostDevice, of card: HostCard) -> String {
    var parts = [isAskedFor(device) ? "asked for" : companionReason(of: device, card)]
    if let driver = device.driver, !device.hasVFIODriver {
      parts.append("the host's \(driver.visible) gives it up")
    }
    if let use = card.use(of: device) { parts.append("mind that \(use)") }
    return parts.joined(separator: "; ")
  }

  /// What ties a device to one that was asked for.
  private func companionReason(of device: HostDevice, _ card: HostCard) -> String {
    let asked = card.devices.filter(isAskedFor)
    let slot = device.address.packed >> 3
    if let mate = asked.first(where: { $0.group == device.group }), let group = device.group {
      return mate.address.packed >> 3 == slot
        ? "of the same card, in IOMMU group \(group), which is given whole"
        : "in IOMMU group \(group) with \(mate.address), which is given whole"
    }
    return "on the same card as \((asked.first ?? card.devices[0]).address)"
  }

  private static func leftOutLine(_ names: PCINames) -> (HostCard) -> String {
    { card in "# left out: " + card.line(names, about: card.devices[0]) }
  }
}

extension HostCard {
  /// Whether a device is a further function of a graphics card.
  fileprivate func isFunctionOfGraphics(_ device: HostDevice) -> Bool {
    devices.contains {
      $0.address.packed == device.address.packed & ~7 && $0.classCode >> 16 == 3
    } && device.address.function > 0 && device.physicalFunction == nil
  }
}
