import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Every plan the planner makes runs, does what it says, and leaves nothing.
struct WorldSimulationTests {
  static let randomWorlds: UInt64 = 10_000

  /// Worlds that are tried on three releases each.
  static let worldsOnReleases: UInt64 = 2_000

  /// The worlds are dealt out to this many tests, so that they run side by side.
  static let slices = 4

  @Test(arguments: 0..<slices)
  func everyPlanOfARandomWorldRunsOnTheSimulatorAndDoesWhatItSays(slice: Int) {
    var feasible = 0
    for seed in stride(from: UInt64(slice), to: Self.randomWorlds, by: Self.slices) {
      let world = SmallWorlds.random(seed: seed)
      let objective = Objective.presets[Int(seed % 3)].objective
      for dialect in Dialects.all {
        guard
          let failure = PlannedRun.disagreement(world.vm(objective), on: world.host, dialect)
        else { continue }
        guard failure.isEmpty else {
          Issue.record("seed \(seed), target \(dialect.name): \(failure)\n\(world)")
          return
        }
        feasible += 1
      }
    }
    #expect(feasible > 1_000, "the random worlds are mostly infeasible")
  }

  @Test(arguments: 0..<slices)
  func everyPlanOfEveryWorldOfUpToThreeGroupsRunsAndDoesWhatItSays(slice: Int) {
    var feasible = 0
    var position = -1
    var failures: [String] = []
    SmallWorlds.forEachSmall { world in
      position += 1
      guard position % Self.slices == slice else { return }
      for dialect in Dialects.all where failures.isEmpty {
        guard
          let failure = PlannedRun.disagreement(world.vm(.coherency), on: world.host, dialect)
        else { continue }
        feasible += 1
        if !failure.isEmpty { failures.append("target \(dialect.name): \(failure)\n\(world)") }
      }
    }
    #expect(failures == [])
    #expect(feasible > 7_000, "the small worlds are mostly infeasible")
  }

  @Test(arguments: 0..<slices)
  func everyPlanOfARandomWorldForAReleaseRunsOnItAndDoesWhatItSays(slice: Int) {
    let releases = SimulatedKernel.releases
    var feasible = 0
    for seed in stride(from: UInt64(slice), to: Self.worldsOnReleases, by: Self.slices) {
      let world = SmallWorlds.random(seed: seed)
      for index in 0..<3 {
        let release = releases[(Int(seed) * 3 + index * 7) % releases.count]
        let kind = UnitKind.allCases[(Int(seed) + index) % UnitKind.allCases.count]
        let host = world.host.running(release.description, on: kind)
        for dialect in Dialects.all {
          let vm = world.vm(.coherency)
          guard let failure = PlannedRun.disagreement(vm, on: host, dialect) else { continue }
          guard failure.isEmpty else {
            Issue.record(
              "seed \(seed), Linux \(release) on \(kind), \(dialect.name): \(failure)\n\(world)"
            )
            return
          }
          feasible += 1
        }
      }
    }
    #expect(feasible > 300, "the random worlds are mostly infeasible")
  }
}
