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
      the driver_override it had, in reverse order. Runs that are still going on are left alone. \
      Doing it again is harmless.
      """)

  @OptionGroup var options: OutputOptions

  func run() {
    options.run { (findings) throws(CommandFailure) -> ExitCode in
      let restoration: DriverRestoration
      do throws(DriverJournal.Failure) {
        restoration = try DriverRestoration.run()
      } catch {
        let finding = KernelDiagnostics.diagnostic(of: error) { ($0.description, nil) }
        throw CommandFailure([finding], .notPermitted)
      }
      try Destination.standard.write(bytes: Array(Self.text(of: restoration).utf8))
      findings.add(KernelDiagnostics.diagnostics(of: restoration))
      return restoration.isComplete ? .done : .leftovers
    }
  }

  /// One line for each thing that was found.
  private static func text(of restoration: DriverRestoration) -> String {
    var lines = restoration.outcomes.filter { $0.errno == nil }.map { outcome in
      "\(outcome.record.address): "
        + (outcome.record.driver.map { "given back to \($0)" } ?? "has no driver, as before")
    }
    lines += restoration.running.map { "process \($0) is still running, its devices stay" }
    if restoration.outdatedCount > 0 {
      lines.append("the machine was restarted since, which gave its drivers back")
    }
    if lines.isEmpty, restoration.isComplete { lines = ["nothing to give back"] }
    return lines.map { $0 + "\n" }.joined()
  }
}
