import ArgumentParser
import Glibc
import Parser

// A reader that goes away is seen as EPIPE where something is written, not as a signal.
signal(SIGPIPE, SIG_IGN)

do {
  var command = try VFIOPlan.command(of: Array(CommandLine.arguments.dropFirst()))
  try command.run()
} catch {
  // Usage errors repeat what was typed; it is made visible like all text of users.
  let isHelp = VFIOPlan.exitCode(for: error).isSuccess
  let text = VFIOPlan.fullMessage(for: error)
    .split(separator: "\n", omittingEmptySubsequences: false)
    .map { String($0).visible }.joined(separator: "\n")
  try? (isHelp ? FileOutput.standard : .error).write(text + "\n")
  exit(VFIOPlan.exitCode(for: error).rawValue)
}
