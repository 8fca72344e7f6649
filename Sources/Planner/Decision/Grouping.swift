import Parser

/// The search: which groups of devices go on enforced page tables and which do not.
///
/// Exact and linear in the number of groups. Why the result is optimal:
///
/// 1. *Only `wbinvd` ties cells together.* The other metrics are sums over cells, and `wbinvd` is 1
///    iff some device is effective (or always, if the user says so; or never, where KVM has no
///    non-coherent mode). So the search runs twice: once with every choice forbidden that makes a
///    device effective, once with all choices and `wbinvd` taken as 1. A plan with `wbinvd` 0
///    competes in the first run; in the second no plan has a larger `wbinvd` than assumed. The
///    better of the two results is therefore optimal.
/// 2. *Cells are independent.* With `wbinvd` fixed, a plan's cost is the sum over cells of vectors
///    of three counts, and the lexicographic order of vectors survives addition of a vector on both
///    sides. So the sum of each cell's best vector is the best sum.
/// 3. *Four candidates per cell suffice.* Groups with one possible format are settled. A free
///    group, one that has both, contains no forbidden device that can no-snoop; so it costs c
///    effective devices when left and c blocked ones when enforced, with the same c. Take any
///    choice for the cell. If it uses one table, all free groups are on the same side. If it uses
///    two, moving all free groups with c > 0 to the side that the objective ranks better, and all
///    with c = 0 to one side, adds no table and makes no count worse before one gets better. In
///    both cases the result has all free groups with c > 0 on one side and all with c = 0 on one
///    side: four candidates.
///
/// Ties: enforcing wins, because coherent DMA is the safer of two equally good plans.
/// Devices that must not share a page table would make this graph colouring; that belongs here.
struct Grouping {
  let problem: GroupingProblem
  let objective: Objective

  /// The optimal choice: for each group whether its page table enforces snoop.
  ///
  /// Every group must have a possible format, and with `kvm: never` one without effective devices.
  func solve() -> [Bool] {
    let blocked = isEffectFree ? solution(allowsEffective: false) : nil
    guard problem.kvm != .never || blocked == nil else { return blocked?.isEnforced ?? [] }
    let open = solution(allowsEffective: true)
    guard let blocked, !objective.prefers(open.metrics, to: blocked.metrics) else {
      return open.isEnforced
    }
    return blocked.isEnforced
  }

  /// Whether there is a choice without an effective device.
  private var isEffectFree: Bool {
    problem.groups.allSatisfy { $0.mayEnforce || $0.capable == 0 }
  }

  private func solution(allowsEffective: Bool) -> (isEnforced: [Bool], metrics: PlanMetrics) {
    var cells = [CellCounts](repeating: CellCounts(), count: problem.cells)
    for group in problem.groups {
      cells[group.cell.offset].add(group, role(of: group, allowsEffective))
    }
    let choices = cells.map { $0.best(in: objective) }
    let isEnforced = problem.groups.map { group in
      switch role(of: group, allowsEffective) {
      case .enforced: true
      case .left: false
      case .freeCapable: choices[group.cell.offset].enforcesCapable
      case .freeIncapable: choices[group.cell.offset].enforcesIncapable
      }
    }
    return (isEnforced, problem.metrics(isEnforced: isEnforced))
  }

  private func role(of group: GroupingProblem.Group, _ allowsEffective: Bool) -> GroupRole {
    let mayLeave = group.mayLeave && (allowsEffective || group.capable == 0)
    if !mayLeave { return .enforced }
    if !group.mayEnforce { return .left }
    return group.capable > 0 ? .freeCapable : .freeIncapable
  }
}

/// What the search may do with a group.
enum GroupRole {
  /// It can only be on an enforced table.
  case enforced
  /// It can only be on one that is not.
  case left
  /// Either, and it has devices that can no-snoop.
  case freeCapable
  /// Either, and it has none.
  case freeIncapable
}

/// One way to place the free groups of a cell.
struct CellChoice {
  /// Where the groups with devices that can no-snoop go.
  var enforcesCapable: Bool
  /// Where the others go.
  var enforcesIncapable: Bool

  /// All ways, the safest first.
  static let all = [(true, true), (true, false), (false, true), (false, false)].map {
    CellChoice(enforcesCapable: $0.0, enforcesIncapable: $0.1)
  }
}

/// The groups of a cell, counted by what may be done with them.
struct CellCounts {
  private var enforcedGroups = 0
  private var leftGroups = 0
  private var freeCapableGroups = 0
  private var freeIncapableGroups = 0
  private var freeDevices = 0

  mutating func add(_ group: GroupingProblem.Group, _ role: GroupRole) {
    switch role {
    case .enforced: enforcedGroups += 1
    case .left: leftGroups += 1
    case .freeIncapable: freeIncapableGroups += 1
    case .freeCapable:
      freeCapableGroups += 1
      freeDevices += Int(group.capable)
    }
  }

  /// What a choice costs, without what every choice of this cell costs.
  private func cost(of choice: CellChoice) -> PlanMetrics {
    let enforced =
      enforcedGroups + (choice.enforcesCapable ? freeCapableGroups : 0)
      + (choice.enforcesIncapable ? freeIncapableGroups : 0)
    let all = enforcedGroups + leftGroups + freeCapableGroups + freeIncapableGroups
    return PlanMetrics(
      wbinvd: 0,
      incoherentDevices: choice.enforcesCapable ? 0 : freeDevices,
      pageTables: (enforced > 0 ? 1 : 0) + (enforced < all ? 1 : 0),
      blockedNoSnoop: choice.enforcesCapable ? freeDevices : 0)
  }

  /// The first of the cheapest choices.
  func best(in objective: Objective) -> CellChoice {
    var best = CellChoice.all[0]
    guard freeCapableGroups + freeIncapableGroups > 0 else { return best }
    var bestCost = cost(of: best)
    for choice in CellChoice.all.dropFirst() {
      let cost = cost(of: choice)
      if objective.prefers(cost, to: bestCost) { (best, bestCost) = (choice, cost) }
    }
    return best
  }
}
