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

  /// A plan was compiled for a host with other facts.
  static let hostDiffers = DiagnosticCode(
    "VP4903", .error, "the host is not as the plan was compiled for",
    """
    A saved plan rests on facts of a host: which devices exist, their groups and drivers, what \
    their IOMMUs can do. On a host where one of them differs the plan may be unsafe, so it is \
    refused; every fact that differs is named. Compile the description again for this host and \
    look at `vfioplan diff` of the two plans.
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
    unreadableInput, noLiveHost, noKernelBackend, hostDiffers, noSuchStep, unwritableOutput,
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
  static func noSuchStep(_ step: Int, of count: Int, option: String) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.noSuchStep,
          "\(option) names step \(step), but the program has steps 1 to \(count)", at: nil)
      ], .wrongUsage)
  }
}
