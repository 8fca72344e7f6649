import Executor
import Parser

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

  /// The command line is wrong: what ArgumentParser says, and that with the usage.
  static func wrongUsage(_ message: String, _ full: String) -> CommandFailure {
    let usage = full.split(separator: "\n").first { $0.hasPrefix("Usage: ") }
    return CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.wrongUsage, message, at: nil,
          help: usage.map { "usage: " + $0.dropFirst("Usage: ".utf8.count) })
      ], .wrongUsage)
  }

  /// `--as today` of a description that was not made from a configuration.
  static func notConfigured(_ vm: DescribedVM<some DevicePlace>) -> CommandFailure {
    let finding = Diagnostic(
      CommandDiagnostics.wrongUsage,
      "nothing tells what starts VM \(QuotedText.quote(vm.name)) today", at: nil,
      help: "name a VMM, such as '--as libvirt', or say 'vmm' in the description")
    return CommandFailure([finding], .wrongUsage)
  }

  /// There is nothing to check.
  static func noVM(in inputs: [String], skipped: Int) -> CommandFailure {
    let names = inputs.prefix(3).map { QuotedText.quote($0) }.joined(separator: ", ")
    let found = skipped == 0 ? "" : ": \(counted(skipped, "file")) of another kind"
    return CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.noVM, "no VM description in \(names)\(found)", at: nil,
          help: "name a VM description, or a folder with files that end in .yaml or .yml")
      ], .inputUnreadable)
  }

  /// No device of a host fits the words.
  static func noSuchDevice(_ words: [String], classes: [String]) -> CommandFailure {
    let text = words.map(QuotedText.quote).joined(separator: " and ")
    let has = classes.isEmpty ? "it has no devices" : "it has " + classes.joined(separator: ", ")
    return CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.noSuchDevice, "no device of the host fits \(text)", at: nil,
          help: "\(has); words fit classes, names, drivers, addresses, ids and groups")
      ], .hostUnable)
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

  /// A closed stream could not be replaced.
  static func streamNotOccupied(_ error: SystemError) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.streamNotOccupied,
          "can't open /dev/null in place of a closed standard stream: \(error.message)", at: nil)
      ], .rolledBack)
  }

  /// The command does not exist, can't be executed, or could not be started.
  static func notStarted(_ name: String, _ failure: CommandFile.Failure) -> CommandFailure {
    let quoted = QuotedText.quote(name)
    let (message, status): (String, ExitCode) =
      switch failure {
      case .notFound:
        ("there is no command \(quoted) that may be executed", .commandNotFound)
      case .notExecutable(let error):
        ("can't execute \(quoted): \(error.message)", .commandNotExecutable)
      case .system(let error): ("can't start \(quoted): \(error.message)", .rolledBack)
      }
    return CommandFailure(
      [Diagnostic(CommandDiagnostics.commandNotStarted, message, at: nil)], status)
  }

  /// A program could not be run on an emulated machine.
  static func notEmulated(
    _ name: String, at path: String, _ failure: EmulationFailure
  ) -> CommandFailure {
    if case .execution(let error) = failure {
      return .notStarted(name, CommandFile.failure(error, of: path))
    }
    return CommandFailure([EmulationDiagnostics.finding(of: failure)], .hostUnable)
  }

  /// A placeholder is not a name of the program.
  static func unknownPlaceholder(_ name: String, known: [String]) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.unknownPlaceholder, "'{\(name)}' stands for nothing", at: nil,
          help: "names are \(known.joined(separator: ", ")); for the braces write '{{\(name)}}'")
      ], .wrongUsage)
  }

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

  /// The program has no iommufd.
  static func noIOMMUFD(target: String) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.noIOMMUFD, "the plan for target '\(target)' has no iommufd", at: nil,
          help: "compile for target 'iommufd'; --send-fds hands over the files of any target")
      ], .hostUnable)
  }

  /// The socket could not be made.
  static func notListening(_ path: String, _ error: SystemError) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.notListening,
          "can't make the socket '\(path)': \(error.message)", at: nil)
      ], .outputUnwritable)
  }

  /// The files were not taken.
  static func notSent(_ path: String, _ failure: UnixSocket.Failure) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.notSent,
          "no process took the files from '\(path)': \(failure.message)", at: nil)
      ], .rolledBack)
  }

  /// No iommufd came, or something else did.
  static func notReceived(_ path: String, _ failure: UnixSocket.Failure) -> CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.notReceived,
          "no iommufd came from '\(path)': \(failure.message)", at: nil)
      ], .hostUnable)
  }

  /// `--target` or `--objective` was given for a saved plan.
  static let fixedPlan = CommandFailure(
    [
      Diagnostic(
        CommandDiagnostics.fixedPlan,
        "a saved plan can't get another target, objective, release or policy", at: nil,
        help: "compile the description again with that option")
    ], .wrongUsage)
}

extension CommandFailure {
  /// A review was asked for of steps that no decision stands behind.
  static var noReview: CommandFailure {
    let finding = Diagnostic(
      CommandDiagnostics.programAlone, "a program has steps and no decision to review", at: nil,
      help: "use --format text or json, or compare descriptions or saved plans")
    return CommandFailure([finding], .wrongUsage)
  }
}

extension Diagnostic {
  /// The iommufd was sent, and no answer came.
  static func notAcknowledged(_ path: String) -> Diagnostic {
    Diagnostic(
      CommandDiagnostics.notAcknowledged,
      "the process that took the iommufd from '\(path)' did not answer", at: nil)
  }
}
