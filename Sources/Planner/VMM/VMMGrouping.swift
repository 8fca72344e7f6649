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
  /// Whether KVM takes the VM for non-coherent.
  ///
  /// Every device is registered with it, after it was attached: KVM asks what IOMMUs can do, before
  /// 6.2 what the container enforces, which has all of its page tables by the last file.
  public let allowsIncoherentDMA: Bool
  /// Whether each device's group can be enforced, on the interface of the VMM.
  let canEnforce: [Bool]

  /// Attaches a plan's devices in an order, which is that of the description if none is given.
  public init(
    of plan: IOASIDPlan, on host: HostDescription, as rule: VMMRule, order: [Int]? = nil
  ) {
    let rule = rule.settled(on: host.kernel, besides: plan.dialect)
    self.init(VMMSituation(plan, host, rule), of: plan, order ?? Array(plan.devices.indices))
  }

  init(_ situation: VMMSituation, of plan: IOASIDPlan, _ order: [Int]) {
    rule = situation.rule
    self.order = order
    var attachment = VMMAttachment(plan, situation)
    for device in order { attachment.attach(device) }
    pageTables = attachment.tables
    tableOfDevice = attachment.tableOfDevice
    canEnforce = situation.devices.map(\.canEnforce)
    let isIncoherent =
      situation.asksContainer
      ? pageTables.contains { $0.snoopPolicy == .notEnforced }
      : situation.devices.contains { !$0.isUnitAble }
    allowsIncoherentDMA = situation.hasIncoherentMode && isIncoherent
  }

  /// Whether snoop is enforced for a device: its page table does, and its IOMMU can.
  ///
  /// A first-stage table of Intel's may enforce for some of its devices only.
  public func isEnforced(_ device: Int) -> Bool {
    pageTables[tableOfDevice[device]].snoopPolicy == .enforced && canEnforce[device]
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
    var planned = [Int?](repeating: nil, count: pageTables.count)
    for (index, device) in plan.devices.enumerated() {
      let table = tableOfDevice[index]
      if planned[table] == nil { planned[table] = device.pageTable }
      guard planned[table] == device.pageTable,
        pageTables[table].snoopPolicy == plan.pageTables[device.pageTable].snoopPolicy
      else { return false }
    }
    return true
  }
}
