import Parser

/// What the search decides on: each group's possible formats and what they cost.
struct GroupingProblem: Sendable {
  /// The assigned devices of one IOMMU group, always on one page table.
  struct Group: Sendable {
    /// Its cell: only groups of one cell can share a page table.
    var cell: CellIndex
    /// Whether its page table may enforce snoop.
    var mayEnforce: Bool
    /// Whether its page table may be one that does not.
    var mayLeave: Bool
    /// Devices that are effective if it does not.
    var capable: Int32
    /// Devices counted as blocked if it does.
    var blockable: Int32
  }

  /// The groups, in description order.
  var groups: [Group]
  /// How many cells there are.
  var cells: Int
  /// What the user said about KVM; `auto` where KVM has no non-coherent mode to speak of.
  var kvm: KVMClause.IncoherentDMA
  /// Whether KVM has a non-coherent mode.
  var hasIncoherentMode: Bool

  /// Reads the problem off the facts, the resolved intents and the target's rules.
  ///
  /// Every group has a possible format if `Conflicts` found nothing.
  init(
    _ groups: AssignedGroups, _ intents: ResolvedIntents, kvm: KVMClause.IncoherentDMA,
    hasIncoherentMode: Bool, choice: SnoopChoice
  ) {
    self.kvm = hasIncoherentMode ? kvm : .auto
    self.hasIncoherentMode = hasIncoherentMode
    cells = groups.spaceOfCell.count
    self.groups = (0..<groups.count).map { group in
      Group(
        cell: groups.cellOfGroup[group], mayEnforce: groups.canEnforce(group),
        mayLeave: groups.mayLeaveUnenforced(group, choice),
        capable: groups.capable[group], blockable: groups.capable[group])
    }
    for device in 0..<groups.devices.count {
      let group = groups.groupOfDevice[device].offset
      switch intents.resolved[device] {
      case .required: self.groups[group].mayEnforce = false
      case .forbidden where groups.devices.canNoSnoop[device]:
        self.groups[group].mayLeave = false
        self.groups[group].blockable -= 1
      case .forbidden, .allowed, .auto: break
      }
    }
  }

  /// The metrics of a choice of format per group.
  func metrics(isEnforced: [Bool]) -> PlanMetrics {
    var result = PlanMetrics(wbinvd: 0, incoherentDevices: 0, pageTables: 0, blockedNoSnoop: 0)
    var isUsed = [Bool](repeating: false, count: cells * 2)
    for (group, enforced) in zip(groups, isEnforced) {
      let table = group.cell.offset * 2 + (enforced ? 0 : 1)
      if !isUsed[table] {
        isUsed[table] = true
        result.pageTables += 1
      }
      if enforced {
        result.blockedNoSnoop += Int(group.blockable)
      } else {
        result.incoherentDevices += Int(group.capable)
      }
    }
    result.wbinvd = wbinvd(incoherentDevices: result.incoherentDevices)
    return result
  }

  /// The metric that follows from the number of effective devices.
  func wbinvd(incoherentDevices count: Int) -> Int {
    hasIncoherentMode && (count > 0 || kvm == .always) ? 1 : 0
  }
}

extension Objective {
  /// The first metric in which two plans differ; `nil` if they cost the same.
  func firstDifference(_ left: PlanMetrics, _ right: PlanMetrics) -> Metric? {
    order.first { left[$0] != right[$0] }
  }

  /// Whether one plan is better than another in this order.
  func prefers(_ left: PlanMetrics, to right: PlanMetrics) -> Bool {
    guard let metric = firstDifference(left, right) else { return false }
    return left[metric] < right[metric]
  }
}
