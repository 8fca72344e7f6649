import ArgumentParser
import Executor
import Parser

/// `vfioplan restore`: gives back what an interrupted apply left behind.
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", _superCommandName: "vfioplan",
    abstract: "Give devices back to the drivers they had before an interrupted apply.",
    discussion: """
      Reads the journals of runs that were killed, and brings each device back to the driver and \
      the driver_override it had, in reverse order. Runs that are still going on are left alone, \
      and so are devices that somebody uses, or that have got another driver since, and what a \
      hook has taken for a VM that has a device open. With --owner only that VM's devices are \
      given back, as its hook does when it has ended. Doing it again is harmless. Needs root.
      """)

  @Option(
    help: ArgumentHelp(
      "Give back only what is of this VM, which has ended: libvirt:NAME, proxmox:NUMBER or the "
        + "name alone."))
  var owner: String?

  @OptionGroup var patience: UnbindOptions

  @OptionGroup var options: OutputOptions

  func run() {
    options.style.run { (findings) throws(CommandFailure) -> ExitCode in
      guard DriverRestoration.isPermitted else {
        throw CommandFailure([KernelDiagnostics.restoreNeedsRoot], .notPermitted)
      }
      // So that no device is left between two drivers; what came has its effect at the end.
      _ = Signals.hold()
      let restoration = try restored()
      findings.add(KernelDiagnostics.diagnostics(of: restoration))
      do throws(CommandFailure) {
        try Destination.standard.write(bytes: Array(Self.text(of: restoration).utf8))
      } catch {
        if restoration.isComplete { throw error }
        findings.add(error.diagnostics)
      }
      return restoration.isComplete ? .done : .leftovers
    }
  }

  private func restored() throws(CommandFailure) -> DriverRestoration {
    let waiting = DriverJournal.Waiting(
      isInterrupted: { Signals.isEndPending }, announce: options.style.announceWait(for:))
    do throws(DriverJournal.Failure) {
      return try DriverRestoration.run(
        patience: patience.unbindTimeout,
        owner: owner.map { wanted in { $0.description == wanted || $0.name == wanted } }, waiting)
    } catch {
      let finding = KernelDiagnostics.diagnostic(of: error) { ($0.description, nil) }
      throw CommandFailure([finding], Self.status(of: error))
    }
  }

  /// What is behind journals that can't be looked at is left, as far as anybody knows.
  private static func status(of failure: DriverJournal.Failure) -> ExitCode {
    switch failure {
    case .unusable(_, let errno) where errno.isDenial: .notPermitted
    case .interrupted: .rolledBack
    default: .leftovers
    }
  }

  /// One line for each thing that was found.
  private static func text(of restoration: DriverRestoration) -> String {
    var lines = restoration.outcomes.filter(\.isGivenBack).map { outcome in
      "\(outcome.record.address): "
        + (outcome.record.driver.map { "given back to \($0)" } ?? "has no driver, as before")
    }
    lines += restoration.running.map(\.text)
    if restoration.outdatedCount > 0 {
      lines.append("the machine was restarted since, which gave its drivers back")
    }
    if lines.isEmpty, restoration.isComplete { lines = ["nothing to give back"] }
    return lines.map { $0 + "\n" }.joined()
  }
}
