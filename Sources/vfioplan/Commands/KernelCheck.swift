import Executor
import Glibc
import Parser
import Planner

/// A run on this machine's kernel that is taken back at once, to see whether it accepts the plan.
enum KernelCheck {
  /// Runs a plan and undoes it; one line on success, findings otherwise.
  static func run(
    _ plan: CompiledPlan, _ findings: inout Findings
  ) throws(CommandFailure) -> ExitCode {
    if Dialects.named(plan.plan.target)?.isProposalOnly == true {
      findings.add([ExecutorDiagnostics.proposalCannotRun(plan.plan.target)])
      return .hostUnable
    }
    var interpreter = Interpreter(program: plan.program, kernel: LinuxKernel())
    let (report, undo) = holdingSignals {
      let report = interpreter.run()
      return (report, report.isSuccess ? interpreter.undo() : report.rollback)
    }
    findings.add(ExecutorDiagnostics.diagnostics(of: report))
    if report.isSuccess, !undo.isComplete {
      findings.add([ExecutorDiagnostics.leftovers(undo.leftovers, of: plan.program, nil)])
    }
    guard undo.isComplete else { return .leftovers }
    guard report.isSuccess else { return .rolledBack }
    try Destination.standard.write(
      bytes: Array("accepted: \(report.completed) steps ran and were taken back\n".utf8))
    return .done
  }

  /// Does some work during which no signal ends the program.
  ///
  /// Signals arrive when everything is taken back; only SIGKILL leaves a host half changed.
  private static func holdingSignals<Result>(_ work: () -> Result) -> Result {
    var all = sigset_t()
    var former = sigset_t()
    sigfillset(&all)
    sigprocmask(SIG_BLOCK, &all, &former)
    defer { sigprocmask(SIG_SETMASK, &former, nil) }
    return work()
  }
}
