import Parser
import Planner

/// Whether an IOMMU group can be given to a VM, and what comes with it.
struct GroupVerdict {
  /// The answer, the best first.
  enum Answer: Int {
    case yes
    case used
    case no
  }

  /// Whether it can.
  private(set) var answer = Answer.no
  /// The answer in words.
  private(set) var text = ""
  private let members: [HostDevice]
  private let devices: [HostDevice]
  private let context: Context

  /// What is known of the host.
  struct Context {
    /// The host.
    let host: HostDescription
    /// Its units by name.
    let units: [String: HostIOMMU]
    /// The devices that have virtual functions.
    let physical: Set<BDF>
    /// What the machine uses devices for; `nil` if nobody looked.
    let uses: [BDF: [String]]?
    /// How an address is written.
    let shown: (BDF) -> String

    /// Takes a host; addresses of domain 0 alone are written without it.
    init(_ host: HostDescription, uses: [BDF: [String]]?) {
      self.host = host
      self.uses = uses
      units = Dictionary(host.iommus.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      physical = Set(host.devices.compactMap(\.physicalFunction))
      let isShort = host.devices.allSatisfy { $0.address.domain == 0 }
      shown = { isShort ? String($0.description.dropFirst("0000:".utf8.count)) : "\($0)" }
    }
  }

  /// Judges the members of a group; those of no group are judged together.
  init(_ members: [HostDevice], isGroup: Bool, _ context: Context) {
    self.members = members
    self.context = context
    devices = members.filter { !PCIClass.isBridge($0.classCode) }
    if let obstacle = isGroup ? obstacle ?? neighbour : withoutGroup {
      text = "no: " + obstacle
    } else if let use {
      (answer, text) = (.used, "in use: " + use)
    } else {
      (answer, text) = (.yes, "yes" + together + condition + nonCoherent)
    }
  }

  private var withoutGroup: String {
    if devices.allSatisfy(\.isUnprotected) { return "VFIO has it without an IOMMU (noiommu)" }
    return devices.count == 1 ? "it is behind no IOMMU" : "they are behind no IOMMU"
  }

  /// What makes the kernel refuse the group to everybody.
  private var obstacle: String? {
    let units = members.map { $0.iommu.flatMap { context.units[$0] } }
    if units.contains(nil) { return "it is behind no IOMMU" }
    let isIsolated = units.allSatisfy { $0?.isolatedMSI ?? false }
    if !isIsolated, !context.host.kernel.allowUnsafeInterrupts {
      return "interrupts are not isolated"
    }
    if let mapped = members.first(where: { $0.reserved.contains { $0.kind == .direct } }) {
      return "firmware maps memory for \(context.shown(mapped.address))"
    }
    if let parent = devices.first(where: {
      context.physical.contains($0.address) && !$0.hasVFIODriver
    }) {
      return "\(context.shown(parent.address)) has virtual functions"
    }
    return nil
  }

  /// A member that the host can't do without.
  private var neighbour: String? {
    let kept = members.filter { !GroupViability.keepsViable($0) }
    if let child = devices.first(where: { child in kept.contains { $0.address == child.behind } }),
      let parent = child.behind
    {
      return "\(context.shown(child.address)) exists only while the host has "
        + context.shown(parent)
    }
    if let bridge = kept.first(where: { PCIClass.isBridge($0.classCode) }) {
      let driver = bridge.driver.map { " (driver \($0))" } ?? ""
      return "bridge \(context.shown(bridge.address))\(driver) is in its group"
    }
    guard Set(devices.map { $0.address.packed >> 3 }).count > 1 else { return nil }
    let vital = kept.compactMap(Self.vitalKind).uniqued
    return vital.isEmpty
      ? nil
      : "the host's \(sentenceList(vital)) \(vital.count == 1 ? "is" : "are") in its group"
  }

  /// What a host hardly ever does without, in a word.
  private static func vitalKind(of device: HostDevice) -> String? {
    guard PCIClass.isStorage(device.classCode) || device.classCode >> 8 == 0x0c03 else {
      return nil
    }
    let kind = PCIClass.kind(of: device.classCode)
    return kind.hasSuffix(" controller") ? String(kind.dropLast(" controller".count)) : kind
  }

  /// What the machine uses a member for right now.
  private var use: String? {
    guard let used = devices.first(where: { context.uses?[$0.address] != nil }),
      let clause = context.uses?[used.address]?.first
    else { return nil }
    return devices.count == 1 ? clause : "of \(context.shown(used.address)), \(clause)"
  }

  private var together: String {
    if devices.count < 2 { return "" }
    let isOneSlot = Set(devices.map { $0.address.packed >> 3 }).count == 1
    let number = devices.count == 2 ? "both" : "all \(devices.count)"
    return ", \(number) \(isOneSlot ? "functions" : "devices") together"
  }

  /// What nobody looked for: whether the host's own disks or keyboards are behind it.
  ///
  /// What is on a graphics card is the card's.
  private var condition: String {
    let isCard = devices.contains { $0.classCode >> 16 == 3 }
    let isVital = devices.contains {
      !GroupViability.keepsViable($0) && Self.vitalKind(of: $0) != nil
    }
    guard context.uses == nil, isVital, !isCard else { return "" }
    return ", if the host can do without \(devices.count == 1 ? "it" : "them")"
  }

  /// Whether all DMA of the group is coherent in a VM of its own; unknown if a fact may change it.
  var coherence: Fact {
    let able = devices.filter { $0.noSnoopCapable != .no }
    if able.isEmpty || enforcement.allSatisfy({ $0 == .yes }) { return .yes }
    return enforcement.contains(.no) && able.contains { $0.noSnoopCapable == .yes } ? .no : .unknown
  }

  /// Whether the unit of each member enforces snoop; `nil` for one that is behind none.
  private var enforcement: [Fact?] {
    let rules = context.host.kernel.rules
    return members.map { $0.iommu.flatMap { context.units[$0] }?.enforcement(by: rules) }
  }

  /// What comes of devices whose no-snoop requests can't be blocked.
  private var nonCoherent: String {
    let facts = enforcement
    guard facts.contains(where: { $0 != .yes }) else { return "" }
    let able = devices.filter { $0.noSnoopCapable != .no }
    guard let first = able.first(where: { $0.noSnoopCapable == .yes }) ?? able.first else {
      return ""
    }
    let isUnitKnown = facts.contains(.no)
    return "; "
      + (devices.count == 1 ? "it " : "\(context.shown(first.address)) ")
      + effect(isUnitKnown, first.noSnoopCapable != .unknown)
  }

  private func effect(_ isUnitKnown: Bool, _ isDeviceKnown: Bool) -> String {
    var counted: [String] = []
    if !isDeviceKnown { counted.append("no-snoop unknown, counted as yes") }
    if !isUnitKnown { counted.append("enforcement unknown, counted as no") }
    let remark = counted.isEmpty ? "" : " (\(counted.joined(separator: "; ")))"
    let isKnown = counted.isEmpty
    if context.host.isX86 {
      return (isKnown ? "makes the VM non-coherent" : "may make the VM non-coherent") + remark
    }
    return (isKnown ? "can no-snoop, which nothing blocks" : "may no-snoop, which nothing blocks")
      + remark
  }
}
