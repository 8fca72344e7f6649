import Executor
import Parser
import Planner

extension ApplyCommand {
  /// Lists a program that is on its own, or runs it on the simulator; the status of the process.
  func apply(
    _ program: Program, _ inputs: Inputs, _ findings: inout Findings
  ) throws(CommandFailure) -> ExitCode {
    if let misuse { throw .programAlone(misuse, inputs) }
    // Which devices a plan would keep unopened nobody says here; the simulator takes no harm.
    let violations = ProgramVerifier.verify(program, unopened: program.devicesWithChangedDriver)
    guard violations.isEmpty else {
      throw CommandFailure(
        violations.map { ProgramDiagnostics.violation($0, in: program) }, .cannotCompile,
        files: inputs.files)
    }
    if mode == .dryRun { return try list(program) }
    let inputs = try inputs.onThisMachine()
    findings.add(inputs.warnings, files: inputs.files)
    guard let host = inputs.host else { preconditionFailure("this machine, if no other") }
    let run = try Simulation.run(program, on: host, fail: fail, failUndo: failUndo)
    return try show(run, onHost: host.name, &findings)
  }

  /// What only a plan can give and was asked for; `nil` if nothing was.
  private var misuse: ProgramMisuse? {
    if plan.target.name != nil || plan.objective != nil || plan.policy != nil
      || !required.require.isEmpty
    {
      return .compiledAlready
    }
    guard mode == .simulate || mode == .dryRun, !handOver, command.isEmpty,
      sockets.iommufdFrom == nil
    else { return .kernel }
    return mode == .dryRun && format == .json ? .listedAsJSON : nil
  }

  private func list(_ program: Program) throws(CommandFailure) -> ExitCode {
    let context = EmitterContext(
      files: [], screen: options.style.screen(for: Destination.standard))
    try Destination.standard.write(pieces: { ListingEmitter.list(program, context, to: $0) })
    return .done
  }
}
