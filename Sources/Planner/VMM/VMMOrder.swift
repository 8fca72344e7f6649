import Parser

extension VMMGrouping {
  /// The grouping in an order of the devices that leads to what is planned; `nil` if no order does.
  ///
  /// Four orders are enough to try, of which the first is that of the file.
  ///
  /// Say first that units take tables of their own class only. A table of the second stage that
  /// enforces takes no device that can't be enforced, so those planned as enforced come first,
  /// while nothing else could take them; then the groups that can't be enforced, of which the first
  /// makes
  /// the other table; then those that join them. Devices whose tables are second stage go before
  /// others, because their tables are looked at, and taken by every unit. Where all that can't be
  /// enforced makes first-stage tables and all that is enforced does not take them, it is the other
  /// way round: the table that does not enforce comes first, with all its devices.
  ///
  /// A group counts as being behind units of one stage: machines have it behind one unit.
  ///
  /// Units take tables of other classes from the narrower to the wider only, so widest classes go
  /// first, each as a whole: what they made is taken by nobody later. Where kernels do not look at
  /// widths, all units are of one class, so that formats go first and classes do not matter.
  public static func reaching(
    _ plan: IOASIDPlan, on host: HostDescription, as rule: VMMRule
  ) -> VMMGrouping? {
    let rule = rule.settled(on: host.kernel, besides: plan.dialect)
    return reaching(plan, VMMSituation(plan, host, rule))
  }

  static func reaching(_ plan: IOASIDPlan, _ situation: VMMSituation) -> VMMGrouping? {
    candidates(plan, situation).first { $0.hasGrouping(of: plan) }
  }

  /// The groupings in the orders that are worth trying, the order of the file first.
  static func candidates(
    _ plan: IOASIDPlan, _ situation: VMMSituation
  ) -> some Sequence<VMMGrouping> {
    let order = Array(plan.devices.indices)
    let orders = VMMOrders(plan, situation)
    let keys: [(Int) -> VMMOrders.Key] = [
      { (0, 0, 0, $0) }, orders.byClass, orders.byFormat, orders.unenforcedFirst,
    ]
    return keys.lazy.map { key in
      VMMGrouping(situation, of: plan, order.sorted { key($0) < key($1) })
    }
  }
}

/// The keys that devices are put in order by.
private struct VMMOrders {
  typealias Key = (Int, Int, Int, Int)

  /// What is planned of a device, in the order in which it usually is attached.
  private enum Format: Int {
    case enforced
    case unenforceable
    case follower
  }

  private let situation: VMMSituation
  private let formats: [Format]
  /// The classes whose page table that does not enforce has to come first.
  private let isFlipped: [Bool]

  init(_ plan: IOASIDPlan, _ situation: VMMSituation) {
    self.situation = situation
    let formats: [Format] = plan.devices.indices.map { index in
      if plan.isEnforced(index) { return .enforced }
      return situation.devices[index].canEnforce ? .follower : .unenforceable
    }
    self.formats = formats
    var (hasFirst, hasOther) = (situation.noClasses, situation.noClasses)
    for (index, device) in situation.devices.enumerated() {
      switch formats[index] {
      case .unenforceable where device.isFirstStage: hasFirst[device.unitClass] = true
      case .unenforceable: hasOther[device.unitClass] = true
      case .enforced where device.takesFirstStage: hasOther[device.unitClass] = true
      case .enforced, .follower: break
      }
    }
    isFlipped = zip(hasFirst, hasOther).map { $0 && !$1 }
  }

  /// Class by class, the widest first.
  func byClass(_ index: Int) -> Key {
    let unitClass = situation.devices[index].unitClass
    let rank = situation.rankOfClass.isEmpty ? 0 : situation.rankOfClass[unitClass]
    return (rank, format(index, isFlipped: isFlipped[unitClass]), stage(index), index)
  }

  /// Format by format, whatever the class.
  func byFormat(_ index: Int) -> Key {
    let key = byClass(index)
    return (format(index, isFlipped: false), stage(index), key.0, index)
  }

  /// As `byFormat`, with those that are enforced last.
  func unenforcedFirst(_ index: Int) -> Key {
    let key = byClass(index)
    return (format(index, isFlipped: true), stage(index), key.0, index)
  }

  private func format(_ index: Int, isFlipped: Bool) -> Int {
    isFlipped ? (formats[index].rawValue + 2) % 3 : formats[index].rawValue
  }

  private func stage(_ index: Int) -> Int { situation.devices[index].isFirstStage ? 1 : 0 }
}

extension VMMSituation {
  /// No for each class of units.
  fileprivate var noClasses: [Bool] { Array(repeating: false, count: max(1, takers.count)) }
}
