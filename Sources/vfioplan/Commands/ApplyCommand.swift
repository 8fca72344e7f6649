import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan apply`: runs a plan's program.
struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", _superCommandName: "vfioplan",
    abstract: "Run a plan's program, on this machine's kernel or on the simulator.",
    discussion: """
      A description is compiled first; a saved plan is taken as it is, and run only where the \
      facts hold that it carries. What --host states is compared with this machine, too, when it \
      is this machine's kernel that runs the plan. Without --simulate, \
      --dry-run or --check the plan is in force until SIGINT or SIGTERM comes, or until COMMAND \
      ends; then everything is undone. COMMAND gets the open files from number 3 on, as \
      LISTEN_FDS and LISTEN_FDNAMES say; {name} in its arguments becomes the number of that file. \
      A process that runs already gets them with --send-fds. A program, as 'compile --format \
      program' writes it and anybody may change it, is checked, and run on the simulator only.
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

  @Argument(
    help: "A VM description, a saved plan or a program; - reads standard input.",
    completion: .file())
  var input: String

  @Flag var mode: Mode?

  @OptionGroup var plan: PlanOptions

  @OptionGroup var required: RequireOptions

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "With --simulate or --check: let a step fail without making its call, for example 4=EINVAL. "
        + "May be repeated.",
      valueName: "step=errno"),
    transform: FaultOption.reading)
  var fail: [FaultOption] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "With --simulate or --check: let the undo of a step fail. May be repeated.",
      valueName: "step=errno"),
    transform: FaultOption.reading)
  var failUndo: [FaultOption] = []

  @Flag(
    help: ArgumentHelp(
      "Prepare only, for a VMM that attaches devices by itself: drivers and, on iommufd, open "
        + "files. 'compile --format qemu' and its like give the VMM's arguments."))
  var handOver = false

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Go on in spite of a finding before the run: \(ForceOption.names). May be repeated.",
      valueName: "code"))
  var force: [ForceOption] = []

  @Flag(
    help: ArgumentHelp(
      "On a terminal: do not ask before the console, the last keyboard or the default route goes."))
  var yes = false

  @OptionGroup var patience: UnbindOptions

  @OptionGroup var strictness: StrictOption

  @Option(help: "text or json.")
  var format = DiagnosticFormat.text

  @Argument(
    parsing: .postTerminator,
    help: "After --: what is started with the open files, with its arguments.")
  var command: [String] = []

  @OptionGroup var sockets: SocketOptions

  @OptionGroup var options: OutputOptions

  func validate() throws {
    try PlanOptions.checkStandardInput(of: [input] + plan.inputs)
    if mode != .simulate, mode != .check, !(fail + failUndo).isEmpty {
      throw ValidationError("--fail and --fail-undo need --simulate or --check.")
    }
    if plan.release != nil, mode != .simulate, mode != .dryRun {
      throw ValidationError(
        "--release is about a kernel that does not run here; use --simulate or --dry-run.")
    }
    if mode == .simulate, handOver {
      throw ValidationError("The simulator has no VMM to hand over to; use --dry-run.")
    }
    if mode == .simulate || mode == .dryRun, !force.isEmpty {
      throw ValidationError("--force is about this machine, which is not touched.")
    }
    if mode == .simulate || mode == .check, !command.isEmpty {
      throw ValidationError("A command is started on the real machine, while the plan is in force.")
    }
    if sockets.isSending, mode != nil || !command.isEmpty {
      throw ValidationError(
        "--send-fds and --send-iommufd hand over the files of a plan that is in force, without "
          + "--simulate, --dry-run, --check and a command.")
    }
    if mode == .simulate, sockets.iommufdFrom != nil {
      throw ValidationError("The simulator makes its own iommufd; --iommufd-from is for a kernel.")
    }
  }

  func run() {
    options.style.runCommand { (findings) throws(CommandFailure) -> Int32 in
      var inputs = try Inputs.load(input, host: plan.host, policy: plan.policy)
        .on(release: plan.release)
      if case .program(let program) = inputs.document {
        return try apply(program, inputs, &findings).rawValue
      }
      if mode == nil || mode == .check { inputs = try inputs.onThisMachine() }
      var compiled = try inputs.compiled(
        target: plan.target.name, objective: plan.objective, needsMemory: !handOver)
      if !command.isEmpty { compiled = compiled.leavingKVMToCommand }
      compiled = try sockets.adapted(compiled)
      if handOver { compiled = compiled.handedOver }
      compiled.stopUnlessLawful()
      findings.add(compiled.diagnostics, files: inputs.files)
      try required.check(compiled, files: inputs.files)
      if mode != nil, mode != .check {
        findings.add(try inputs.hostFindings(for: compiled))
        try findings.stopAtWarnings(if: strictness.strict)
      }
      switch mode {
      case .dryRun: return try list(compiled, inputs.files).rawValue
      case .simulate:
        let run = try Simulation.run(
          compiled.program, of: compiled, on: inputs.host ?? compiled.host, fail: fail,
          failUndo: failUndo)
        return try show(run, onHost: compiled.host.name, &findings).rawValue
      case .check, nil: return try runHere(compiled, inputs, &findings)
      }
    }
  }

  /// Runs a plan on this machine's kernel; the status of the process.
  private func runHere(
    _ compiled: CompiledPlan, _ inputs: Inputs, _ findings: inout Findings
  ) throws(CommandFailure) -> Int32 {
    var run = KernelRun(
      compiled, try runMode(compiled), format, iommufdFrom: sockets.iommufdFrom,
      faults: try Simulation.faults(of: compiled.program, fail: fail, failUndo: failUndo),
      patience: patience.unbindTimeout)
    run.forced = Set(force.map(\.code))
    run.announceWait = options.style.announceWait(for:)
    run.isStrict = strictness.strict
    if !yes { run.confirm = Consent(screen: options.style.screen(for: .error)).ask }
    try run.refuseDevicesOfOthers()
    findings.add(try inputs.hostFindings(for: compiled))
    if compiled.plan.dialect?.isProposalOnly != true {
      findings.add(try inputs.machineFindings(for: compiled))
    }
    return try run.run(&findings)
  }

  /// What a run on this machine waits for before it is undone.
  private func runMode(_ plan: CompiledPlan) throws(CommandFailure) -> KernelRun.Mode {
    if mode == .check { return .check }
    if !command.isEmpty {
      let command = try ChildCommand(command, plan.program)
      try command.refuseUnlessExecutable()
      return .command(command)
    }
    return sockets.server(of: plan.program).map { .server($0) } ?? .hold
  }

  private func list(_ plan: CompiledPlan, _ files: [SourceFile]) throws(CommandFailure) -> ExitCode
  {
    let screen = options.style.screen(for: Destination.standard)
    var context = EmitterContext(files: files, screen: screen)
    if !command.isEmpty {
      context.command = (command, try ChildCommand(command, plan.program).files.map(\.name))
    }
    context.iommufdSource = sockets.iommufdFrom?.description
    context.isHandedOver = handOver
    let emitter: any Emitter = format == .json ? JSONEmitter() : ListingEmitter()
    try Destination.standard.write(plan, as: emitter, context)
    return .done
  }

  /// Writes what came of a simulated run; the status of the process.
  func show(
    _ run: RunReport, onHost host: String, _ findings: inout Findings
  ) throws(CommandFailure) -> ExitCode {
    switch format {
    case .json: try Destination.standard.write(bytes: run.json())
    case .text:
      try Destination.standard.write(
        RunText(run, host: host).page(options.style.screen(for: Destination.standard)))
    }
    findings.add(run.diagnostics)
    if run.isSuccess { return .done }
    return run.undo.isComplete ? .rolledBack : .leftovers
  }
}
