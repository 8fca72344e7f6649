import Parser

/// The Pareto front over the four metrics: one choice of formats for each of its points.
///
/// Exact. Effective and blocked devices add up to the same number in every plan: a free group (see
/// `Grouping`) costs the same either way, and the others cost what they cost. So of two plans with
/// different numbers of effective devices neither dominates the other, and `wbinvd` follows from
/// that number. The front therefore has exactly one point for each number of effective devices that
/// can be reached, the one with the fewest page tables.
///
/// Within a cell a number is reached by leaving some of the free groups unenforced: a subset sum.
/// Groups without devices that can no-snoop go wherever a table exists already. A cell needs one
/// table if no group or every group is left, else two. Cells are added up one by one, keeping the
/// fewest tables per sum.
struct ParetoFront {
  /// The most additions the search may take, about a second's worth.
  static let workLimit = 1 << 28
  /// The most sums that may be remembered over all cells, 4 bytes each.
  static let memoryLimit = 1 << 25

  /// The reachable numbers of effective devices among the free groups, ascending: one per point.
  let sums: [Int]

  private let problem: GroupingProblem
  private let cells: [FrontCell]
  /// By cell and by sum over the cells up to it: the share of that cell.
  private let shares: [[Int32]]

  /// Finds the points; `nil` if that would take too long.
  init?(_ problem: GroupingProblem) {
    self.problem = problem
    var cells = (0..<problem.cells).map { _ in FrontCell() }
    for (index, group) in problem.groups.enumerated() {
      cells[group.cell.offset].add(index, group, mayBeEffective: problem.kvm != .never)
    }
    guard Self.isFeasible(cells) else { return nil }
    for index in cells.indices { cells[index].findSums() }
    self.cells = cells
    (sums, shares) = Self.combine(cells)
  }

  /// The choice for a point, by its position in `sums`: for each group whether it is enforced.
  ///
  /// Of several equally good ones that which leaves the earliest groups of the last cells.
  func choice(_ point: Int) -> [Bool] {
    var isEnforced = problem.groups.map(\.mayEnforce)
    var rest = sums[point]
    for index in cells.indices.reversed() {
      let share = Int(shares[index][rest])
      cells[index].leave(share, in: &isEnforced)
      rest -= share
    }
    return isEnforced
  }

  /// Whether the search stays within its limits, estimated from above.
  private static func isFeasible(_ cells: [FrontCell]) -> Bool {
    var total = 1
    var work = 0
    var memory = 0
    for cell in cells {
      work += (cell.capable.count + total) * (cell.freeDevices + 1)
      total += cell.freeDevices
      memory += total
      if work > workLimit || memory > memoryLimit { return false }
    }
    return true
  }

  /// Adds cells up: the fewest tables by sum of effective free devices.
  private static func combine(_ cells: [FrontCell]) -> (sums: [Int], shares: [[Int32]]) {
    let unreachable = Int32.max
    var shares: [[Int32]] = []
    var tables: [Int32] = [0]
    for cell in cells {
      let size = tables.count + cell.freeDevices
      var next = [Int32](repeating: unreachable, count: size)
      var chosen = [Int32](repeating: 0, count: size)
      for share in cell.sums {
        let cost = cell.tables(leaving: share)
        for (sum, fewest) in tables.enumerated()
        where fewest < unreachable && fewest + cost < next[sum + share] {
          next[sum + share] = fewest + cost
          chosen[sum + share] = Int32(truncatingIfNeeded: share)
        }
      }
      tables = next
      shares.append(chosen)
    }
    return (tables.indices.filter { tables[$0] < unreachable }, shares)
  }
}

/// The groups of a cell, as the front sees them.
private struct FrontCell {
  /// Free groups with devices that can no-snoop, and how many those are.
  private(set) var capable: [(group: Int, weight: Int)] = []
  /// How many such devices there are.
  private(set) var freeDevices = 0
  /// The sums of subsets of them, ascending.
  private(set) var sums: [Int] = []
  private var incapable: [Int] = []
  private var hasEnforced = false
  private var hasLeft = false
  /// By sum: the group that made it reachable, as a position in `capable`, if it is.
  private var maker: [PositionIndex<FrontCell>] = []

  mutating func add(_ index: Int, _ group: GroupingProblem.Group, mayBeEffective: Bool) {
    if !group.mayLeave || (group.capable > 0 && !mayBeEffective) {
      hasEnforced = true
    } else if !group.mayEnforce {
      hasLeft = true
    } else if group.capable == 0 {
      incapable.append(index)
    } else {
      capable.append((index, Int(group.capable)))
      freeDevices += Int(group.capable)
    }
  }

  /// Finds the sums; going through the groups in order makes every sum use the earliest ones.
  mutating func findSums() {
    maker = Array(repeating: .none, count: freeDevices + 1)
    maker[0] = PositionIndex(0)
    var reached = 0
    for (position, (_, weight)) in capable.enumerated() {
      for sum in stride(from: reached, through: 0, by: -1)
      where !maker[sum].isNone && maker[sum + weight].isNone {
        maker[sum + weight] = PositionIndex(position)
      }
      reached += weight
    }
    sums = maker.indices.filter { !maker[$0].isNone }
  }

  /// The fewest page tables with a sum of effective free devices.
  func tables(leaving sum: Int) -> Int32 {
    let enforces = hasEnforced || sum < freeDevices
    let leaves = hasLeft || sum > 0
    return max(1, (enforces ? 1 : 0) + (leaves ? 1 : 0))
  }

  /// Leaves groups that make up a sum unenforced, and the indifferent ones where a table is.
  func leave(_ sum: Int, in isEnforced: inout [Bool]) {
    let enforces = hasEnforced || sum < freeDevices || !(hasLeft || sum > 0)
    for group in incapable { isEnforced[group] = enforces }
    var rest = sum
    while rest > 0 {
      let (group, weight) = capable[maker[rest].offset]
      isEnforced[group] = false
      rest -= weight
    }
  }
}
