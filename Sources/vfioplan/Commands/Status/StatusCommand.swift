import ArgumentParser
import Executor
import Parser

/// `vfioplan status`: what is in force on this machine, and what was left behind.
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", _superCommandName: "vfioplan",
    abstract: "Show what is in force on this machine, and what an interrupted run left.",
    discussion: """
      Reads the journals of drivers and their locks: which devices are away from their drivers, \
      since when and for which process or VM, and the command that mends what was left. Then the \
      processes that have devices of VFIO open, vfioplan's or not; of a VMM what its command line \
      makes of them. Nothing is changed, and no device opened. \
      Run it as root: others can't read journals, nor see what other users' processes have open.
      """)

  @Option(help: "text for people, json for programs.")
  var format = DiagnosticFormat.text

  @OptionGroup var options: OutputOptions

  func run() {
    options.style.run { (findings) throws(CommandFailure) in
      let journals = try journals()
      let open = VFIOUsers()
      let users = open.users
      let status = MachineStatus(
        journals: journals, users: users, vms: RunningVM.all(of: users), blindness: open.blindness)
      switch format {
      case .text:
        try Destination.standard.write(
          StatusText(status).page(options.style.screen(for: Destination.standard)))
      case .json: try Destination.standard.write(bytes: StatusJSON(status).json())
      }
      return .done
    }
  }

  private func journals() throws(CommandFailure) -> [JournalStatus] {
    let waiting = DriverJournal.Waiting(
      isInterrupted: { Signals.isEndPending }, announce: options.style.announceWait(for:))
    do throws(DriverJournal.Failure) {
      return try JournalStatus.all(waiting)
    } catch {
      if case .unusable(let path, let errno) = error, errno.isDenial {
        let finding = Diagnostic(
          KernelDiagnostics.notPermitted, "journals in '\(path)' can't be read: \(errno)", at: nil,
          help: "run as root")
        throw CommandFailure([finding], .notPermitted)
      }
      let finding = KernelDiagnostics.diagnostic(of: error) { ($0.description, nil) }
      throw CommandFailure([finding], .leftovers)
    }
  }
}
