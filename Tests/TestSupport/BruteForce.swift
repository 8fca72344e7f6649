import Parser

/// Plans small worlds by trying everything; shares no code with the planner.
///
/// Written from the model's rules alone: every assignment of a format to every IOMMU group is
/// tried, kept if it breaks no rule, and measured.
public struct BruteForce: Sendable {
  /// The four metrics, in the order wbinvd, incoherentDevices, pageTables, blockedNoSnoop.
  public typealias Costs = [Int]

  private let world: SmallWorld
  private let target: String
  private let groups: [Int]
  private let wanted: [NoSnoopIntent]
  private let hasMode: Bool

  /// Prepares a world for a target: `ioasid`, `iommufd` or `type1`.
  public init(_ world: SmallWorld, target: String) {
    self.world = world
    self.target = target
    groups = Array(Set(world.devices.map(\.group))).sorted()
    // KVM has a mode to speak of on x86; nobody's CPUs are taken for that.
    let hasMode = world.architecture == nil || world.architecture == .x86
    self.hasMode = hasMode
    wanted = world.devices.map { device in
      guard device.intent == .auto else { return device.intent }
      let canLose = Self.mayLeave(device.group, target, world.devices)
      let isRow = device.isGraphics && device.noSnoopCapable != .no
      let isRuledOut =
        hasMode && world.kvm == .never || Self.hasForbidden(device.group, world.devices)
      let isSure = Self.isSurelyLeft(device.group, target, world.devices)
      return isRow && canLose && isSure && !isRuledOut ? .required : .allowed
    }
  }

  /// What `auto` means for each device.
  public var resolved: [NoSnoopIntent] { wanted }

  /// The costs of every plan there is, duplicates removed, sorted; empty if there is none.
  public var allCosts: [Costs] {
    var found: Set<Costs> = []
    for choice in 0..<(1 << groups.count) {
      let enforced = Set(groups.indices.filter { choice >> $0 & 1 == 1 }.map { groups[$0] })
      if isAllowed(enforced) { found.insert(costs(enforced)) }
    }
    return found.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Whether a choice, given by the groups that are enforced, breaks no rule.
  public func isAllowed(_ enforced: Set<Int>) -> Bool {
    for (device, wish) in zip(world.devices, wanted) {
      let isEnforced = enforced.contains(device.group)
      let isEffective = !isEnforced && device.noSnoopCapable != .no
      if isEnforced, device.enforceSnoop != .yes { return false }
      if !isEnforced, !Self.mayLeave(device.group, target, world.devices) { return false }
      if wish == .required, !isEffective { return false }
      if wish == .required, !Self.isSurelyLeft(device.group, target, world.devices) { return false }
      if wish == .forbidden, isEffective { return false }
      if hasMode, world.kvm == .never, isEffective { return false }
    }
    return !hasMode || world.kvm != .always || hasProof
  }

  /// What a choice costs.
  public func costs(_ enforced: Set<Int>) -> Costs {
    var effective = 0
    var blocked = 0
    var tables: Set<[Int]> = []
    for (device, wish) in zip(world.devices, wanted) {
      let isEnforced = enforced.contains(device.group)
      tables.insert([device.space, device.unitClass, isEnforced ? 1 : 0])
      guard device.noSnoopCapable != .no else { continue }
      if !isEnforced { effective += 1 } else if wish != .forbidden { blocked += 1 }
    }
    let isCarriedOut = hasMode && (effective > 0 || world.kvm == .always)
    return [isCarriedOut ? 1 : 0, effective, tables.count, blocked]
  }

  /// Whether `kvm: always` finds its proof.
  private var hasProof: Bool {
    world.devices.contains {
      target == "ioasid" ? $0.noSnoopCapable != .no : $0.enforceSnoop == .no
    }
  }

  /// Whether no-snoop is forbidden to a device of a group that could do it.
  private static func hasForbidden(_ group: Int, _ devices: [SmallWorld.Device]) -> Bool {
    devices.contains {
      $0.group == group && $0.intent == .forbidden && $0.noSnoopCapable != .no
    }
  }

  /// Whether a group may be on a page table that does not enforce.
  private static func mayLeave(
    _ group: Int, _ target: String, _ devices: [SmallWorld.Device]
  ) -> Bool {
    if target == "ioasid" { return true }
    if devices.contains(where: { $0.group == group && $0.enforceSnoop != .yes }) { return true }
    guard target == "iommufd", let member = devices.first(where: { $0.group == group }) else {
      return false
    }
    return hasLender(member, devices)
  }

  /// Whether a page table that is known not to enforce is near.
  private static func hasLender(
    _ member: SmallWorld.Device, _ devices: [SmallWorld.Device]
  ) -> Bool {
    devices.contains {
      $0.enforceSnoop == .no && $0.space == member.space && $0.unitClass == member.unitClass
    }
  }

  /// Whether a group that is left without enforcement stays so, whatever is unknown.
  private static func isSurelyLeft(
    _ group: Int, _ target: String, _ devices: [SmallWorld.Device]
  ) -> Bool {
    let members = devices.filter { $0.group == group }
    if target == "ioasid" || members.contains(where: { $0.enforceSnoop == .no }) { return true }
    return target == "iommufd" && members.contains { hasLender($0, devices) }
  }
}

extension BruteForce {
  /// The best costs in an order of metrics, given by position in `Costs`.
  public static func best(_ all: [Costs], order: [Int]) -> Costs? {
    all.min { left, right in
      order.map { left[$0] }.lexicographicallyPrecedes(order.map { right[$0] })
    }
  }

  /// The costs that no other costs are at least as good as in everything.
  public static func front(_ all: [Costs]) -> [Costs] {
    all.filter { candidate in
      !all.contains { other in
        other != candidate && zip(other, candidate).allSatisfy { $0 <= $1 }
      }
    }
  }
}
