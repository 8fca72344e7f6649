import Parser

/// Page tables in the making.
struct VMMAttachment {
  private let plan: IOASIDPlan
  private let situation: VMMSituation
  private(set) var tables: [PageTable] = []
  private(set) var tableOfDevice: [Int]
  /// Whether each table is first stage.
  private var isFirstStage: [Bool] = []
  private var tableOfGroup: [Int: Int] = [:]
  /// The tables that units of each class take, oldest first.
  private var tablesForClass: [[Int]]
  private var units: Set<Unit> = []

  private struct Unit: Hashable {
    var table: Int
    var name: String
  }

  init(_ plan: IOASIDPlan, _ situation: VMMSituation) {
    self.plan = plan
    self.situation = situation
    tableOfDevice = Array(repeating: 0, count: plan.devices.count)
    tablesForClass = Array(repeating: [], count: max(1, situation.takers.count))
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

  /// The table that a group gets of those that are there.
  private func accepting(_ index: Int) -> Int? {
    let device = situation.devices[index]
    let known = tablesForClass[device.unitClass]
    let accepts = { (table: Int) in self.accepts(table, device) }
    return situation.rule.choice == .newest
      ? known.last(where: accepts) : known.first(where: accepts)
  }

  private func accepts(_ table: Int, _ device: VMMSituation.Device) -> Bool {
    let isEnforced = tables[table].snoopPolicy == .enforced
    // A unit that has no first stage takes no such table; the other way round it does
    // (`paging_domain_compatible`, drivers/iommu/intel/iommu.c, 6.13 and later).
    if isFirstStage[table], !device.takesFirstStage { return false }
    if situation.rule.choice == .ownFormat { return isEnforced == device.canEnforce }
    if device.canEnforce { return isEnforced || situation.keepsTables }
    return !isEnforced || isFirstStage[table] && situation.isFirstStageUnchecked
  }

  private mutating func make(for index: Int) -> Int {
    let device = situation.devices[index]
    let name = "\(VMDescription.guestPhysicalSpace).\(tables.count)"
    tables.append(
      PageTable(
        name: name, addressSpace: 0, snoopPolicy: device.canEnforce ? .enforced : .notEnforced,
        iommus: [], devices: [], leader: index))
    isFirstStage.append(device.isFirstStage)
    let takers = situation.takers.isEmpty ? [0] : situation.takers[device.unitClass]
    for unitClass in takers { tablesForClass[unitClass].append(tables.count - 1) }
    return tables.count - 1
  }
}
