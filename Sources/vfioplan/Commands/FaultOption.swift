import ArgumentParser
import Executor
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

  /// Reads what was typed, or says what is expected.
  static func reading(_ argument: String) throws(ValidationError) -> FaultOption {
    guard let fault = FaultOption(argument: argument) else {
      throw ValidationError("it is the number of a step and an errno's name, such as 4=EINVAL")
    }
    return fault
  }
}
