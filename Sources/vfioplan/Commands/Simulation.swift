import Executor
import Parser
import Planner

/// A run on the simulator with the faults the user asked for.
enum Simulation {
  /// Runs a program, of a plan or on its own; throws if a fault names a step that can't fail.
  static func run(
    _ program: Program, of plan: CompiledPlan? = nil, on host: HostDescription,
    fail: [FaultOption], failUndo: [FaultOption]
  ) throws(CommandFailure) -> RunReport {
    let faults = try faults(of: program, fail: fail, failUndo: failUndo)
    let kernel = SimulatedKernel(host, hasProposal: program.usesProposal, faults: faults)
    return RunReport.run(program, of: plan, on: kernel)
  }

  /// The calls that are to fail, by position; throws if a fault names a step that can't fail.
  static func faults(
    of program: Program, fail: [FaultOption], failUndo: [FaultOption]
  ) throws(CommandFailure) -> [Int: Errno] {
    for fault in fail + failUndo where fault.step > program.steps.count {
      throw .noSuchStep(fault.step, of: program.steps.count)
    }
    let undos = Dictionary(failUndo.map { ($0.step - 1, $0.errno) }, uniquingKeysWith: { $1 })
    // A run stops at its first failure, so the others are never reached.
    guard let first = fail.min(by: { $0.step < $1.step }) else {
      return FaultInjection.failingUndos(undos, in: program)
    }
    let faults = FaultInjection.failing(
      first.step - 1, with: first.errno, in: program, undos: undos)
    guard let faults else { throw .stepMakesNoCall(first.step) }
    return faults
  }
}
