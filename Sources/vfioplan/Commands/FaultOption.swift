import ArgumentParser
import Executor
import Parser
import Planner

/// `STEP=ERRNO`: a step of the program, as the plan's text numbers it, and what it is to fail with.
struct FaultOption: ExpressibleByArgument {
  /// 1-based number of the step.
  let step: Int
  /// What the kernel answers.
  let errno: Errno

  init?(argument: String) {
    let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, let step = Int(parts[0]), step > 0,
      let errno = Errno(name: parts[1].uppercased())
    else { return nil }
    self.step = step
    self.errno = errno
  }
}

/// Where among all calls of a run the faults of some steps and undos lie.
///
/// The simulated kernel counts calls; a program counts steps. They differ because `expect` makes no
/// call, and because what is undone depends on where a run stops.
struct FaultPositions {
  private let program: Program

  /// Prepares the positions of a program.
  init(_ program: Program) { self.program = program }

  /// The call that a 0-based step makes; `nil` if it makes none.
  func call(ofStep step: Int) -> Int? {
    guard isCall(step) else { return nil }
    return (0..<step).count(where: isCall)
  }

  /// The call that undoes a step, after a run that ended before or in the step `stop`.
  func call(undoingStep step: Int, stoppedAt stop: Int, failed: Bool) -> Int? {
    guard step < stop, hasUndo(step, before: stop) else { return nil }
    let made = (0..<min(stop + (failed ? 1 : 0), program.steps.count)).count(where: isCall)
    return made + (step + 1..<stop).count { hasUndo($0, before: stop) }
  }

  private func isCall(_ step: Int) -> Bool {
    if case .expect = program.steps[step].action { false } else { true }
  }

  /// Whether undoing a step makes a call: files that a step closed are not closed again.
  private func hasUndo(_ step: Int, before stop: Int) -> Bool {
    switch program.undo(of: program.steps[step]) {
    case .nothing: false
    case .close(let file):
      !program.steps[..<stop].contains {
        if case .close(file) = $0.action { true } else { false }
      }
    case .ioctl, .unmapMemory, .revert: true
    }
  }
}
