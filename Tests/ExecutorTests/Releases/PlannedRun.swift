import Parser
import Planner
import TestSupport

@testable import Executor

/// A description compiled, run on the simulator and undone, next to what its plan says.
enum PlannedRun {
  /// Where a run differs from the plan: empty if nowhere, `nil` if there is no plan.
  static func disagreement(
    _ vm: VMDescription, on host: HostDescription, _ dialect: any Dialect
  ) -> String? {
    var sink = DiagnosticSink()
    guard let compiled = try? Compilation.compile(vm, on: host, dialect: dialect, into: &sink)
    else { return nil }
    let kernel = SimulatedKernel(host, hasProposal: compiled.program.usesProposal)
    var interpreter = Interpreter(program: compiled.program, kernel: kernel)
    let report = interpreter.run()
    guard report.isSuccess else {
      return ExecutorDiagnostics.diagnostics(of: report).map(\.message).joined(separator: "\n")
    }
    let state = kernel.state()
    if let difference = difference(state, compiled.plan) { return difference }
    if state.lockedBytes != compiled.plan.lockedBytes {
      return "\(state.lockedBytes) bytes are locked, not \(compiled.plan.lockedBytes)"
    }
    if !interpreter.undo().isComplete { return "the undo is not complete" }
    return kernel.state().isPristine ? "" : "after the undo there is \(kernel.state())"
  }

  /// The first way in which a state is not what a plan says.
  ///
  /// Where the kernel makes the tables it may make one of several that are to be alike: a unit
  /// takes a table that is narrower than its own would be (§7.24).
  private static func difference(_ state: SimulatorState, _ plan: IOASIDPlan) -> String? {
    let attached = state.devices.sorted { $0.address < $1.address }
    let devices = plan.devices.sorted { $0.address < $1.address }
    guard attached.map(\.address) == devices.map(\.address) else {
      return "attached are \(state.devices.map(\.address))"
    }
    var tableOf = [Int?](repeating: nil, count: plan.pageTables.count)
    for (real, planned) in zip(attached, devices) {
      let known = tableOf[planned.pageTable]
      tableOf[planned.pageTable] = known ?? real.pageTable
      if (known ?? real.pageTable) != real.pageTable { return "\(planned.name) is apart" }
      if real.isEffective != planned.isEffective { return "\(planned.name) is \(real)" }
      let isEnforced = plan.pageTables[planned.pageTable].snoopPolicy == .enforced
      if state.pageTables[real.pageTable].enforcesSnoop != isEnforced {
        return "the table of \(planned.name) has the other format"
      }
    }
    if !mergedAreAlike(tableOf, plan) { return "tables were merged" }
    if state.pageTables.count != Set(tableOf).count { return "there are more tables" }
    let belief = state.vms.contains(where: \.allowsIncoherentDMA)
    if belief != plan.coherency.allowsIncoherentDMA { return "KVM believes \(belief)" }
    let mismatches = CoherencyCheck.mismatches(in: state)
    let expected: [CoherencyCheck.Mismatch] =
      plan.coherency.reason == .override ? [.needlessFlushes] : []
    return mismatches == expected ? nil : "mismatches \(mismatches)"
  }

  /// Whether planned tables that became one have one address space and enforce the same.
  private static func mergedAreAlike(_ tableOf: [Int?], _ plan: IOASIDPlan) -> Bool {
    let merged = Dictionary(grouping: plan.pageTables.indices) { tableOf[$0] }
    return merged.values.allSatisfy { tables in
      Set(tables.map { plan.pageTables[$0].addressSpace }).count == 1
        && Set(tables.map { plan.pageTables[$0].snoopPolicy }).count == 1
    }
  }
}
