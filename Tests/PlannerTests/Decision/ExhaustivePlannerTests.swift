import Parser
import TestSupport
import Testing

@testable import Planner

/// The planner against the brute force over a universe that takes minutes: `make exhaust`.
@Suite(.enabled(if: Exhaustive.isAsked)) struct ExhaustivePlannerTests {
  @Test(arguments: Dialects.all.indices)
  func everyLargeWorldAgreesInEveryOrderAndOnTheFront(target: Int) {
    let start = ContinuousClock.now
    let dialect = Dialects.all[target]
    var (worlds, feasible, points) = (0, 0, 0)
    SmallWorlds.forEachLarge { world in
      worlds += 1
      guard let found = WholeComparison.points(of: world, dialect) else { return }
      feasible += 1
      points += found
    }
    #expect(worlds == SmallWorlds.largeCount)
    Exhaustive.report(
      "planner: \(worlds) worlds on \(dialect.name), \(feasible) feasible, each in "
        + "\(SmallWorldTests.orders.count) orders, \(points) Pareto points", since: start)
  }

  @Test func randomWorldsOfUpToFifteenDevicesAgree() {
    let start = ContinuousClock.now
    var feasible = 0
    for seed in UInt64(1)...200_000 {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all where WholeComparison.points(of: world, dialect) != nil {
        feasible += 1
      }
    }
    Exhaustive.report("planner: 200000 random worlds, \(feasible) feasible", since: start)
  }

  @Test func theLawsHoldOnEveryWorldOfTwoGroupsAndASixteenthOfThoseOfThree() {
    let start = ContinuousClock.now
    var (worlds, changes) = (0, 0)
    SmallWorlds.forEachSmall { world in
      worlds += 1
      if world.devices.count > 2, worlds % 16 != 0 { return }
      for dialect in Dialects.all { changes += PlannerLaws.check(world, dialect, "\(worlds)") }
    }
    Exhaustive.report("planner: laws on \(changes) changes of small worlds", since: start)
  }
}

/// One world on one target: feasibility, the optimum of every order and the whole front.
enum WholeComparison {
  /// Compares planner and brute force; the number of Pareto points, `nil` if there is no plan.
  static func points(of world: SmallWorld, _ dialect: any Dialect) -> Int? {
    let force = BruteForce(world, target: dialect.name)
    let all = force.allCosts
    let answer = PlannerAnswer(world, dialect)
    guard let answer, !all.isEmpty else {
      if (answer == nil) != all.isEmpty {
        Issue.record("\(dialect.name): plan \(answer != nil), costs \(all)\n\(world)")
      }
      return nil
    }
    let optima = SmallWorldTests.orders.map { BruteForce.best(all, order: $0.positions) }
    if answer.optima != optima {
      Issue.record("\(dialect.name): \(answer.optima) are not \(optima)\n\(world)")
    }
    let front = BruteForce.front(all)
    if answer.front != front {
      Issue.record("\(dialect.name): front \(answer.front ?? []) is not \(front)\n\(world)")
    }
    SmallWorldTests.check(answer.question.optimum(), world, force, "large")
    return front.count
  }
}

/// What the planner says about a world, without making whole plans of it.
struct PlannerAnswer {
  /// The checked question.
  let question: Question
  /// The costs of the optimum in each of `SmallWorldTests.orders`.
  let optima: [BruteForce.Costs?]
  /// The costs of the front, ascending.
  let front: [BruteForce.Costs]?

  /// Asks the planner; `nil` if there is no plan.
  init?(_ world: SmallWorld, _ dialect: any Dialect) {
    guard let question = Self.question(world, dialect) else { return nil }
    self.question = question
    let problem = question.problem
    let costs = { (isEnforced: [Bool]) -> BruteForce.Costs in
      let metrics = problem.metrics(isEnforced: isEnforced)
      return SmallWorldTests.metrics.map { metrics[$0] }
    }
    optima = SmallWorldTests.orders.map {
      costs(Grouping(problem: problem, objective: $0.objective).solve())
    }
    front = ParetoFront(problem).map { front in
      front.sums.indices.map { costs(front.choice($0)) }
    }
  }

  /// The checked question; `nil` if there is no plan.
  static func question(_ world: SmallWorld, _ dialect: any Dialect) -> Question? {
    var sink = DiagnosticSink()
    return try? Question.ask(world.vm(), on: world.host, dialect, nil, into: &sink)
  }
}
