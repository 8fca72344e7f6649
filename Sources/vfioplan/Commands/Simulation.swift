import Executor
import Planner

/// A run on the simulator with the faults the user asked for.
struct Simulation {
  private let plan: CompiledPlan
  private let fail: [FaultOption]
  private let failUndo: [FaultOption]
  private let positions: FaultPositions

  /// Prepares a run; throws if a fault names a step that the program does not have.
  init(
    _ plan: CompiledPlan, fail: [FaultOption], failUndo: [FaultOption]
  ) throws(CommandFailure) {
    self.plan = plan
    self.fail = fail
    self.failUndo = failUndo
    positions = FaultPositions(plan.program)
    let count = plan.program.steps.count
    for fault in fail + failUndo where fault.step > count {
      throw .noSuchStep(fault.step, of: count)
    }
    for fault in fail where positions.call(ofStep: fault.step - 1) == nil {
      throw .stepMakesNoCall(fault.step)
    }
  }

  /// Runs the program; with faults in the undo twice, because where they lie depends on where the
  /// first run stops.
  func run() -> RunReport {
    var faults: [Int: Errno] = [:]
    for fault in fail {
      if let call = positions.call(ofStep: fault.step - 1) { faults[call] = fault.errno }
    }
    let first = RunReport.run(plan, on: SimulatedKernel(plan.host, faults: faults))
    if failUndo.isEmpty { return first }
    for fault in failUndo {
      let call = positions.call(
        undoingStep: fault.step - 1, stoppedAt: first.execution.completed,
        failed: first.execution.failure != nil)
      if let call { faults[call] = fault.errno }
    }
    return RunReport.run(plan, on: SimulatedKernel(plan.host, faults: faults))
  }
}
