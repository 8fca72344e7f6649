import Parser

/// The findings of the command line itself.
enum CommandDiagnostics {
  /// An input could not be read.
  static let unreadableInput = DiagnosticCode(
    "VP1901", .error, "an input can't be read",
    """
    The named file does not exist, is a directory, may not be read, or is larger than 1 GiB. \
    vfioplan reads each input whole before it looks at it. Check the name and the rights of the \
    file; `-` reads standard input, which only one of the inputs can be. The exit status is 66.
    """)

  /// The live machine is not read by this version.
  static let noLiveHost = DiagnosticCode(
    "VP4901", .error, "the live machine can't be read",
    """
    A plan needs the facts of a host: its IOMMUs, their abilities, the groups. This version of \
    vfioplan takes them from a host description only. Write one (examples/ has several) and name \
    it with --host.
    """)

  /// Running on the real kernel is not part of this version.
  static let noKernelBackend = DiagnosticCode(
    "VP4902", .error, "programs can't be run on this machine's kernel",
    """
    This version of vfioplan runs programs on its simulator only. `apply --simulate` shows what \
    each step gives and the state at the end, `apply --dry-run` lists every system call.
    """)

  /// A saved plan was to be compiled for another target or objective.
  static let fixedPlan = DiagnosticCode(
    "VP3901", .error, "a saved plan has its target and its objective",
    """
    A saved plan is the result of a compilation: it is for one target and optimal in one \
    objective. --target and --objective apply to VM descriptions. Compile the description again.
    """)

  /// A simulated program was told to fail at a step it does not have.
  static let noSuchStep = DiagnosticCode(
    "VP5901", .error, "a fault is asked for at a step that does not exist",
    """
    --fail and --fail-undo take the number of a step as the plan's text shows it, starting at 1, \
    and an errno by name: --fail 4=EINVAL.
    """)

  /// An output could not be written.
  static let unwritableOutput = DiagnosticCode(
    "VP5902", .error, "an output can't be written",
    """
    A file named with -o is written beside its place and then moved there, so that it is either \
    whole or as it was; the directory must exist and be writable. Standard output may be full. \
    The exit status is 73.
    """)

  /// Every code, in order.
  static let all = [
    unreadableInput, fixedPlan, noLiveHost, noKernelBackend, noSuchStep, unwritableOutput,
  ]
}

extension CommandFailure {
  /// An input could not be read.
  static func unreadable(_ path: String, _ error: SystemError) -> CommandFailure {
    let name = path == FileInput.standardInput ? "standard input" : "'\(path)'"
    return CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.unreadableInput, "can't read \(name): \(error.message)", at: nil)
      ], .inputUnreadable)
  }

  /// An output could not be written.
  static func unwritable(_ path: String?, _ error: SystemError) -> CommandFailure {
    let name = path.map { "'\($0)'" } ?? "standard output"
    return CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.unwritableOutput, "can't write \(name): \(error.message)", at: nil)
      ], .outputUnwritable)
  }

  /// `--host` was left out.
  static let noLiveHost = CommandFailure(
    [
      Diagnostic(
        CommandDiagnostics.noLiveHost, "this version can't read the facts of the live machine",
        at: nil, help: "name a host description: --host HOST.yaml")
    ], .hostUnable)

  /// Neither `--simulate` nor `--dry-run` was given.
  static let noKernelBackend = CommandFailure(
    [
      Diagnostic(
        CommandDiagnostics.noKernelBackend,
        "this version can't run a program on this machine's kernel", at: nil,
        help: "use --simulate to run it on the simulator, or --dry-run to see every system call")
    ], .hostUnable)

  /// A fault is asked for at a step that the program does not have.
  static func noSuchStep(_ step: Int, of count: Int) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.noSuchStep,
          "a fault is asked for at step \(step), but the program has steps 1 to \(count)", at: nil)
      ], .wrongUsage)
  }

  /// A fault is asked for at a step that only checks a value.
  static func stepMakesNoCall(_ step: Int) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.noSuchStep,
          "a fault is asked for at step \(step), which makes no system call", at: nil)
      ], .wrongUsage)
  }

  /// `--target` or `--objective` was given for a saved plan.
  static let fixedPlan = CommandFailure(
    [
      Diagnostic(
        CommandDiagnostics.fixedPlan, "a saved plan can't get another target or objective",
        at: nil, help: "compile the description with --target or --objective")
    ], .wrongUsage)
}
