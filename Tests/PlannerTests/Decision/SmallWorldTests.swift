import Parser
import TestSupport
import Testing

@testable import Planner

/// The planner against a brute force that shares no code with it.
struct SmallWorldTests {
  static let targets: [any Dialect] = Dialects.all
  static let metrics: [Metric] = [.wbinvd, .incoherentDevices, .pageTables, .blockedNoSnoop]

  /// All 24 orders of the metrics, with the brute force's positions.
  static let orders: [(objective: Objective, positions: [Int])] = permutations(of: 4).compactMap {
    positions in
    Objective(order: positions.map { metrics[$0] }).map { ($0, positions) }
  }

  static let presets = orders.filter { $0.objective.presetName != nil }

  @Test func tenThousandRandomWorldsAgreeOnEveryTargetAndPreset() {
    var feasible = 0
    for seed in UInt64(1)...10_000 {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Self.targets {
        let orders = seed % 50 == 0 ? Self.orders : Self.presets
        feasible += Self.compare(world, dialect, orders, "seed \(seed)") ? 1 : 0
      }
    }
    #expect(feasible > 3_000, "only \(feasible) of 30,000 had a plan: the test says little")
  }

  @Test func everyWorldOfUpToThreeGroupsAgreesOnEveryTarget() {
    var count = 0
    var feasible = 0
    SmallWorlds.forEachSmall { world in
      count += 1
      for (index, dialect) in Self.targets.enumerated() {
        let order = Self.orders[(count + index) % Self.orders.count]
        feasible += Self.compare(world, dialect, [order], "world \(count)") ? 1 : 0
      }
    }
    print("small worlds: \(count) worlds on \(Self.targets.count) targets, \(feasible) feasible")
    #expect(count == SmallWorlds.smallCount)
  }

  /// Compares planner and brute force; returns whether there is a plan.
  static func compare(
    _ world: SmallWorld, _ dialect: any Dialect,
    _ orders: [(objective: Objective, positions: [Int])], _ label: String
  ) -> Bool {
    let force = BruteForce(world, target: dialect.name)
    let all = force.allCosts
    var sink = DiagnosticSink()
    let question = try? Question.ask(world.vm(), on: world.host, dialect, nil, into: &sink)
    guard (question == nil) == all.isEmpty else {
      Issue.record("\(label) \(dialect.name): plan \(question != nil), costs \(all)\n\(world)")
      return false
    }
    guard let question else {
      let isIntent = sink.diagnostics.allSatisfy { $0.code.name.hasPrefix("VP3") }
      if !isIntent { Issue.record("\(label): \(sink.diagnostics.map(\.code.name))\n\(world)") }
      return false
    }
    for order in orders {
      let plan = question.optimum(in: order.objective)
      if costs(plan) != BruteForce.best(all, order: order.positions) {
        Issue.record("\(label) \(dialect.name): \(costs(plan)) in \(order)\n\(world)")
      }
      check(plan, world, force, label)
    }
    return true
  }

  /// A plan is what it says: its tables are an allowed choice that costs its metrics.
  static func check(_ plan: IOASIDPlan, _ world: SmallWorld, _ force: BruteForce, _ label: String) {
    var enforced: Set<Int> = []
    var isWhole = plan.devices.count == world.devices.count
    for (index, device) in plan.devices.enumerated() {
      let table = plan.pageTables[device.pageTable]
      let isEnforced = table.snoopPolicy == .enforced
      if isEnforced { enforced.insert(device.group) }
      isWhole = isWhole && table.devices.contains(index) && device.resolved == force.resolved[index]
      isWhole = isWhole && device.isEffective == (!isEnforced && device.canNoSnoop)
    }
    for device in plan.devices {
      let table = plan.pageTables[device.pageTable]
      isWhole = isWhole && enforced.contains(device.group) == (table.snoopPolicy == .enforced)
    }
    if !isWhole || !force.isAllowed(enforced) || force.costs(enforced) != costs(plan) {
      Issue.record("\(label) \(plan.target): \(enforced) is not what it says\n\(world)")
    }
  }

  static func costs(_ plan: IOASIDPlan) -> [Int] { metrics.map { plan.metrics[$0] } }

  static func permutations(of count: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    return permutations(of: count - 1).flatMap { shorter in
      (0...shorter.count).map { position in
        var longer = shorter
        longer.insert(count - 1, at: position)
        return longer
      }
    }
  }
}
