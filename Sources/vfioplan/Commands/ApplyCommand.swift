import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan apply`: runs a plan's program.
struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", _superCommandName: "vfioplan",
    abstract: "Run a plan's program on the simulator, or list its calls.",
    discussion: """
      A description is compiled first; a saved plan is taken as it is, for the host whose facts it \
      carries or, with --host, for one where the same facts hold.
      """)

  /// What is done with the program.
  enum Mode: String, EnumerableFlag {
    case simulate
    case dryRun
    case check

    static func help(for value: Mode) -> ArgumentHelp? {
      switch value {
      case .simulate: "Run it on the simulator, show what each step gives, undo everything."
      case .dryRun: "List every system call with its arguments, run nothing."
      case .check: "Run it on this machine's kernel, then undo everything."
      }
    }
  }

  @Argument(help: "A VM description or a saved plan; - reads standard input.")
  var input: String

  @Flag var mode: Mode?

  @OptionGroup var plan: PlanOptions

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "With --simulate: let a step fail, for example 4=EINVAL. May be repeated.",
      valueName: "step=errno"))
  var fail: [FaultOption] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "With --simulate: let the undo of a step fail. May be repeated.", valueName: "step=errno"))
  var failUndo: [FaultOption] = []

  @Option(help: "text or json.")
  var format = DiagnosticFormat.text

  @Argument(
    parsing: .postTerminator, help: ArgumentHelp("A command to start.", visibility: .hidden))
  var command: [String] = []

  @OptionGroup var options: OutputOptions

  func validate() throws {
    if input == FileInput.standardInput, plan.host == FileInput.standardInput {
      throw ValidationError("Standard input can be only one of the inputs.")
    }
    if mode != .simulate, !(fail + failUndo).isEmpty {
      throw ValidationError("--fail and --fail-undo need --simulate.")
    }
    if mode != nil, !command.isEmpty {
      throw ValidationError("A command is started on the real machine only.")
    }
  }

  func run() {
    options.run { (findings) throws(CommandFailure) in
      guard let mode else { throw .noKernelBackend }
      let inputs = try Inputs.load(input, host: plan.host)
      let compiled = try inputs.compiled(target: plan.target.name, objective: plan.objective)
      compiled.stopUnlessLawful()
      findings.add(compiled.diagnostics, files: inputs.files)
      findings.add(try inputs.hostFindings(for: compiled))
      switch mode {
      case .dryRun: return try list(compiled, inputs.files)
      case .simulate: return try simulate(compiled, &findings)
      case .check: return try KernelCheck.run(compiled, &findings)
      }
    }
  }

  private func list(_ plan: CompiledPlan, _ files: [SourceFile]) throws(CommandFailure) -> ExitCode
  {
    let decorator = options.decorator(for: Destination.standard)
    let context = EmitterContext(files: files, decorator: decorator)
    let emitter: any Emitter = format == .json ? JSONEmitter() : ListingEmitter()
    try Destination.standard.write(plan, as: emitter, context)
    return .done
  }

  private func simulate(
    _ plan: CompiledPlan, _ findings: inout Findings
  ) throws(CommandFailure) -> ExitCode {
    let run = try Simulation.run(plan, fail: fail, failUndo: failUndo)
    switch format {
    case .json: try Destination.standard.write(bytes: run.json())
    case .text:
      try Destination.standard.write(
        RunText(run).page(options.decorator(for: Destination.standard)))
    }
    findings.add(run.diagnostics)
    if run.isSuccess { return .done }
    return run.undo.isComplete ? .rolledBack : .leftovers
  }
}
