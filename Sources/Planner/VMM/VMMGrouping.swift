import Parser

/// What a VMM makes of a plan's devices when it attaches them by itself.
///
/// It knows nothing of intents and of address spaces: every device gets the guest's memory, and
/// every file is registered with KVM.
public struct VMMGrouping: Hashable, Sendable {
  /// The rule it follows.
  public let rule: VMMRule
  /// The devices in the order they are attached, as positions in the plan.
  public let order: [Int]
  /// The page tables, in the order they are made; their devices in the order they are attached.
  public let pageTables: [PageTable]
  /// The position of each device's page table.
  public let tableOfDevice: [Int]
  /// Whether KVM traps WBINVD: some device's IOMMU can't enforce snoop.
  public let allowsIncoherentDMA: Bool

  /// Attaches a plan's devices in an order, which is that of the description if none is given.
  public init(
    of plan: IOASIDPlan, on host: HostDescription, as rule: VMMRule, order: [Int]? = nil
  ) {
    self.rule = rule
    self.order = order ?? Array(plan.devices.indices)
    var attachment = Attachment(plan, host, rule)
    for device in self.order { attachment.attach(device) }
    pageTables = attachment.tables
    tableOfDevice = attachment.tableOfDevice
    allowsIncoherentDMA = plan.devices.contains { !$0.canEnforceSnoop }
  }

  /// Whether a device's page table enforces snoop.
  public func isEnforced(_ device: Int) -> Bool {
    pageTables[tableOfDevice[device]].snoopPolicy == .enforced
  }

  /// What it costs, in the metrics of plans.
  public func metrics(of plan: IOASIDPlan) -> PlanMetrics {
    var metrics = PlanMetrics(
      wbinvd: allowsIncoherentDMA ? 1 : 0, incoherentDevices: 0, pageTables: pageTables.count,
      blockedNoSnoop: 0)
    for (index, device) in plan.devices.enumerated() where device.canNoSnoop {
      if !isEnforced(index) {
        metrics.incoherentDevices += 1
      } else if device.resolved != .forbidden {
        metrics.blockedNoSnoop += 1
      }
    }
    return metrics
  }

  /// Whether every device is on a page table with the same devices and the same format as planned.
  public func hasGrouping(of plan: IOASIDPlan) -> Bool {
    guard pageTables.count == plan.pageTables.count else { return false }
    var planned = [Int](repeating: -1, count: pageTables.count)
    for (index, device) in plan.devices.enumerated() {
      let table = tableOfDevice[index]
      if planned[table] < 0 { planned[table] = device.pageTable }
      guard planned[table] == device.pageTable,
        pageTables[table].snoopPolicy == plan.pageTables[device.pageTable].snoopPolicy
      else { return false }
    }
    return true
  }
}

extension VMMGrouping {
  /// The grouping in an order of the devices that leads to what is planned; `nil` if no order does.
  ///
  /// One order is enough to try. A page table that enforces takes no device that can't be enforced,
  /// so those planned as enforced come first, while nothing else could take them; then the groups
  /// that can't be enforced, of which the first makes the other table; then whoever joins them.
  public static func reaching(
    _ plan: IOASIDPlan, on host: HostDescription, as rule: VMMRule
  ) -> VMMGrouping? {
    let given = VMMGrouping(of: plan, on: host, as: rule)
    if given.hasGrouping(of: plan) { return given }
    let cannot = plan.unenforceableGroups
    let rank = plan.devices.indices.map { index in
      if plan.isEnforced(index) { return 0 }
      return cannot.contains(plan.devices[index].group) ? 1 : 2
    }
    let order = plan.devices.indices.sorted { (rank[$0], $0) < (rank[$1], $1) }
    let other = VMMGrouping(of: plan, on: host, as: rule, order: order)
    return other.hasGrouping(of: plan) ? other : nil
  }
}

/// Page tables in the making.
private struct Attachment {
  let plan: IOASIDPlan
  let rule: VMMRule
  private(set) var tables: [PageTable] = []
  private(set) var tableOfDevice: [Int]
  /// The class of compatible units that each device is behind.
  private let classOfDevice: [Int32]
  /// The groups with a device that can't be enforced.
  private let unenforceable: Set<Int>
  private var tableOfGroup: [Int: Int] = [:]
  /// The tables of each class, oldest first: two at most.
  private var tablesOfClass: [[Int]]
  private var units: Set<Unit> = []

  private struct Unit: Hashable {
    var table: Int
    var name: String
  }

  init(_ plan: IOASIDPlan, _ host: HostDescription, _ rule: VMMRule) {
    self.plan = plan
    self.rule = rule
    tableOfDevice = Array(repeating: 0, count: plan.devices.count)
    unenforceable = plan.unenforceableGroups
    let (classes, representatives) = HostTopology.classes(of: host.iommus)
    let byName = Dictionary(
      zip(host.iommus.lazy.map(\.name), classes), uniquingKeysWith: { first, _ in first })
    classOfDevice = plan.devices.map { byName[$0.iommu] ?? 0 }
    tablesOfClass = Array(repeating: [], count: max(1, representatives.count))
  }

  mutating func attach(_ index: Int) {
    let device = plan.devices[index]
    let table = tableOfGroup[device.group] ?? accepting(index) ?? make(for: index)
    tableOfGroup[device.group] = table
    tableOfDevice[index] = table
    tables[table].devices.append(index)
    if units.insert(Unit(table: table, name: device.iommu)).inserted {
      tables[table].iommus.append(device.iommu)
    }
  }

  private func canEnforce(_ index: Int) -> Bool {
    !unenforceable.contains(plan.devices[index].group)
  }

  /// The table that a group gets of those that are there.
  private func accepting(_ index: Int) -> Int? {
    let canEnforce = canEnforce(index)
    let known = tablesOfClass[Int(classOfDevice[index])]
    let accepts = { (table: Int) in
      let isEnforced = tables[table].snoopPolicy == .enforced
      return rule.choice == .ownFormat ? isEnforced == canEnforce : canEnforce || !isEnforced
    }
    return rule.choice == .newest ? known.last(where: accepts) : known.first(where: accepts)
  }

  private mutating func make(for index: Int) -> Int {
    let name = "\(VMDescription.guestPhysicalSpace).\(tables.count)"
    tables.append(
      PageTable(
        name: name, addressSpace: 0, snoopPolicy: canEnforce(index) ? .enforced : .notEnforced,
        iommus: [], devices: [], leader: index))
    tablesOfClass[Int(classOfDevice[index])].append(tables.count - 1)
    return tables.count - 1
  }
}
