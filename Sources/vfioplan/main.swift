import ArgumentParser
import Glibc
import Parser

// Before anything opens a file.
do throws(SystemError) { try StandardStreams.occupy() } catch {
  CommandFailure.streamNotOccupied(error).end()
}
Arguments.restoreEnvironment()
Signals.prepare()

do {
  try VFIOPlan.run(Arguments.given)
} catch {
  let status = VFIOPlan.exitCode(for: error)
  let form = FindingsFormat.asked(for: Arguments.given)
  if !status.isSuccess, form != .text {
    CommandFailure.wrongUsage(
      VFIOPlan.message(for: error), VFIOPlan.fullMessage(for: error)
    ).end(as: form)
  }
  // Usage errors repeat what was typed; it is made visible like all text of users. Help is laid out
  // already.
  let text = VFIOPlan.fullMessage(for: error)
    .split(separator: "\n", omittingEmptySubsequences: false)
    .map { status.isSuccess ? String($0).visible : UsageText.wrapped(String($0)) }
    .joined(separator: "\n")
  do throws(SystemError) {
    try (status.isSuccess ? FileOutput.standard : .error).write(text + "\n")
  } catch {
    if status.isSuccess { CommandFailure.unwritable(nil, error).end() }
  }
  exit(status.rawValue)
}
