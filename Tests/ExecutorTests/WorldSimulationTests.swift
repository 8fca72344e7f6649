import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Every plan the planner makes runs, does what it says, and leaves nothing.
struct WorldSimulationTests {
  static let randomWorlds: UInt64 = 10_000

  /// The worlds are dealt out to this many tests, so that they run side by side.
  static let slices = 4

  @Test(
    "every plan of a random world runs on the simulator and does what it says",
    arguments: 0..<slices)
  func randomWorlds(slice: Int) {
    var feasible = 0
    for seed in stride(from: UInt64(slice), to: Self.randomWorlds, by: Self.slices) {
      let world = SmallWorlds.random(seed: seed)
      let objective = Objective.presets[Int(seed % 3)].objective
      for dialect in Dialects.all {
        guard let failure = Self.disagreement(world, dialect, objective) else { continue }
        guard failure.isEmpty else {
          Issue.record("seed \(seed), target \(dialect.name): \(failure)\n\(world)")
          return
        }
        feasible += 1
      }
    }
    #expect(feasible > 1_000, "the random worlds are mostly infeasible")
  }

  @Test(
    "every plan of every world of up to three groups runs and does what it says",
    arguments: 0..<slices)
  func smallWorlds(slice: Int) {
    var feasible = 0
    var position = -1
    var failures: [String] = []
    SmallWorlds.forEachSmall { world in
      position += 1
      guard position % Self.slices == slice else { return }
      for dialect in Dialects.all where failures.isEmpty {
        guard let failure = Self.disagreement(world, dialect, .coherency) else { continue }
        feasible += 1
        if !failure.isEmpty { failures.append("target \(dialect.name): \(failure)\n\(world)") }
      }
    }
    #expect(failures == [])
    #expect(feasible > 7_000, "the small worlds are mostly infeasible")
  }

  /// Where a run differs from the plan: empty if nowhere, `nil` if there is no plan.
  private static func disagreement(
    _ world: SmallWorld, _ dialect: any Dialect, _ objective: Objective
  ) -> String? {
    var sink = DiagnosticSink()
    let host = world.host
    guard
      let compiled = try? Compilation.compile(
        world.vm(objective), on: host, dialect: dialect, into: &sink)
    else { return nil }
    let kernel = SimulatedKernel(host)
    var interpreter = Interpreter(program: compiled.program, kernel: kernel)
    let report = interpreter.run()
    guard report.isSuccess else {
      return ExecutorDiagnostics.diagnostics(of: report).map(\.message).joined(separator: "\n")
    }
    if let difference = difference(kernel.state(), compiled.plan) { return difference }
    if !interpreter.undo().isComplete { return "the undo is not complete" }
    return kernel.state().isPristine ? "" : "after the undo there is \(kernel.state())"
  }

  /// The first way in which a state is not what a plan says.
  private static func difference(_ state: SimulatorState, _ plan: IOASIDPlan) -> String? {
    guard state.devices.map(\.address) == plan.devices.map(\.address) else {
      return "attached are \(state.devices.map(\.address))"
    }
    var tableOf = [Int?](repeating: nil, count: plan.pageTables.count)
    for (real, planned) in zip(state.devices, plan.devices) {
      let known = tableOf[planned.pageTable]
      tableOf[planned.pageTable] = known ?? real.pageTable
      if (known ?? real.pageTable) != real.pageTable { return "\(planned.name) is apart" }
      if real.isEffective != planned.isEffective { return "\(planned.name) is \(real)" }
      let isEnforced = plan.pageTables[planned.pageTable].snoopPolicy == .enforced
      if state.pageTables[real.pageTable].enforcesSnoop != isEnforced {
        return "the table of \(planned.name) has the other format"
      }
    }
    if Set(tableOf).count != tableOf.count { return "tables were merged" }
    if state.pageTables.count != tableOf.count { return "there are more tables" }
    let belief = state.vms.contains(where: \.allowsIncoherentDMA)
    if belief != plan.coherency.allowsIncoherentDMA { return "KVM believes \(belief)" }
    let mismatches = CoherencyCheck.mismatches(in: state)
    let expected: [CoherencyCheck.Mismatch] =
      plan.coherency.reason == .override ? [.needlessFlushes] : []
    return mismatches == expected ? nil : "mismatches \(mismatches)"
  }
}
