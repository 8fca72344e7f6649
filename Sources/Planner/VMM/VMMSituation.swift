import Parser

/// What decides where a VMM's devices end up: the facts of units on its interface, and the ways of
/// the kernel.
struct VMMSituation {
  /// What counts of a device.
  struct Device {
    /// The class of compatible units that its unit is in.
    var unitClass: Int
    /// Whether its own unit can enforce snoop, as KVM asks.
    var isUnitAble: Bool
    /// Whether its whole group can be enforced, unassigned members included.
    var canEnforce: Bool
    /// Whether page tables made for it are first stage; its unit then takes such tables.
    var isFirstStage: Bool
    /// Whether its unit takes first-stage tables.
    var takesFirstStage: Bool
  }

  /// What is known of a unit.
  private struct Unit {
    var unitClass: Int
    var canEnforce: Bool
    var isFirstStage: Bool
    var takesFirstStage: Bool
  }

  let rule: VMMRule
  /// The devices of the plan, in its order.
  let devices: [Device]
  /// For each class of units the classes whose units take page tables made for it.
  let takers: [[Int]]
  /// The classes in an order in which no unit takes a table of a later one's, if there is one.
  let rankOfClass: [Int]
  /// Whether a device that can be enforced is put on a table that does not enforce.
  let keepsTables: Bool
  /// Whether a first-stage table takes devices that can't be enforced, whatever it does.
  let isFirstStageUnchecked: Bool
  /// Whether KVM asks the container of a group.
  let asksContainer: Bool
  /// Whether KVM has a non-coherent mode.
  let hasIncoherentMode: Bool

  /// Reads a host's facts; of what is unknown, `assumingFirstStage` decides about first stages.
  init(
    _ plan: IOASIDPlan, _ host: HostDescription, _ rule: VMMRule, assumingFirstStage: Bool = false
  ) {
    self.rule = rule
    let rules = host.kernel.rules
    keepsTables = rules.answer(KernelRules.attachKeepsTables) != .no
    isFirstStageUnchecked = rules.holds(KernelRules.firstStageIsUnchecked)
    hasIncoherentMode = host.hasIncoherentMode
    asksContainer = rules.answer(KernelRules.kvmAsksDevices) == .no
    let (classes, representatives) = HostTopology.classes(of: host.iommus)
    takers = Self.takers(among: representatives.map { host.iommus[$0] }, rules)
    rankOfClass = Self.ranks(of: representatives.map { host.iommus[$0] })
    let enforcement = host.enforcement(on: rule.dialect)
    let units = host.iommus.indices.map { index in
      let unit = host.iommus[index]
      let stage = unit.firstStage(by: rules).or(Fact(assumingFirstStage && unit.isScalable == .yes))
      return Unit(
        unitClass: classes[index].offset, canEnforce: enforcement[index] == .yes,
        isFirstStage: stage == .yes && !(rule.tracksDirtyPages && unit.tracksDirtyPages),
        takesFirstStage: stage == .yes)
    }
    devices = Self.devices(
      of: plan, host,
      Dictionary(zip(host.iommus.lazy.map(\.name), units), uniquingKeysWith: { first, _ in first }))
  }

  private static func devices(
    of plan: IOASIDPlan, _ host: HostDescription, _ units: [String: Unit]
  ) -> [Device] {
    var unable = Set<Int>()
    for member in host.devices {
      guard let group = member.group, let unit = member.iommu.flatMap({ units[$0] }) else {
        continue
      }
      if !unit.canEnforce { unable.insert(group) }
    }
    return plan.devices.map { device in
      let unit = units[device.iommu]
      return Device(
        unitClass: unit?.unitClass ?? 0, isUnitAble: unit?.canEnforce ?? device.canEnforceSnoop,
        canEnforce: !unable.contains(device.group), isFirstStage: unit?.isFirstStage ?? false,
        takesFirstStage: unit?.takesFirstStage ?? false)
    }
  }

  /// Which classes' units take a table that was made for a unit of each class.
  private static func takers(among units: [HostIOMMU], _ rules: KernelRules) -> [[Int]] {
    let looksAtWidth = rules.answer(KernelRules.narrowerTablesFit) != .no
    let takesFewer = rules.answer(KernelRules.intelTakesFewerPages) != .no
    return units.indices.map { made in
      units.indices.filter { other in
        guard made != other else { return true }
        guard units[made].type == HostIOMMU.intel, units[other].type == HostIOMMU.intel else {
          return false
        }
        return !looksAtWidth
          || units[made].addressBits <= units[other].addressBits
            && (takesFewer
              ? Set(units[made].pageSizes).isSubset(of: units[other].pageSizes)
              : Set(units[made].pageSizes) == Set(units[other].pageSizes))
      }
    }
  }

  /// The widest class first: narrower units take no table of its.
  private static func ranks(of units: [HostIOMMU]) -> [Int] {
    let key = { (index: Int) in (-units[index].addressBits, -units[index].pageSizes.count, index) }
    var ranks = [Int](repeating: 0, count: units.count)
    for (rank, index) in units.indices.sorted(by: { key($0) < key($1) }).enumerated() {
      ranks[index] = rank
    }
    return ranks
  }
}

extension VMMRule {
  /// The dialect of the interface it is on.
  fileprivate var dialect: any Dialect {
    interface == .iommufd ? IOMMUFDDialect() : VFIOType1Dialect()
  }
}
