import ArgumentParser
import Glibc
import Parser

// A reader that goes away is seen as EPIPE where something is written, not as a signal.
signal(SIGPIPE, SIG_IGN)

// A well-formed command line is read by the command that it names: going down from the tool's own
// options takes longer than compiling a small description. All else is left to the whole tool,
// which knows what to say.
let words = Array(CommandLine.arguments.dropFirst())
let named = VFIOPlan.configuration.subcommands
  .first { $0.configuration.commandName == words.first }
if let named, var command = try? named.parseAsRoot(Array(words.dropFirst())),
  type(of: command) == named
{
  try command.run()
  exit(0)
}

do {
  var command = try VFIOPlan.parseAsRoot(words)
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
