import Planner

/// Where to make the simulator fail so that chosen steps, and chosen undos, fail.
public enum FaultInjection {
  /// Calls to fail, for `SimulatedKernel.faults`, so that a step of a program fails with an errno.
  ///
  /// `undos` makes the undo of earlier steps fail as well, by step. `nil` if the step makes no call
  /// (`expect`) or does not exist. Steps count from 0.
  public static func failing(
    _ step: Int, with errno: Errno, in program: Program, undos: [Int: Errno] = [:]
  ) -> [Int: Errno]? {
    guard program.steps.indices.contains(step), makesCall(program.steps[step]) else { return nil }
    let ordinal = program.steps[..<step].count(where: makesCall)
    var faults = undoFaults(program, completed: step, from: ordinal + 1, undos)
    faults[ordinal] = errno
    return faults
  }

  /// Calls to fail so that, after a run in which every step succeeds, the undo of some fails.
  public static func failingUndos(_ undos: [Int: Errno], in program: Program) -> [Int: Errno] {
    let calls = program.steps.count(where: makesCall)
    return undoFaults(program, completed: program.steps.count, from: calls, undos)
  }

  private static func undoFaults(
    _ program: Program, completed: Int, from first: Int, _ undos: [Int: Errno]
  ) -> [Int: Errno] {
    var faults: [Int: Errno] = [:]
    if undos.isEmpty { return faults }
    var ordinal = first
    let closed = Set(program.steps[..<completed].compactMap(closedFile))
    for step in (0..<completed).reversed() {
      let action = program.undo(of: program.steps[step])
      if case .nothing = action { continue }
      if case .close(let id) = action, closed.contains(id) { continue }
      if let errno = undos[step] { faults[ordinal] = errno }
      ordinal += 1
    }
    return faults
  }

  private static func closedFile(_ step: Step) -> ResultID? {
    if case .close(let id) = step.action { id } else { nil }
  }

  private static func makesCall(_ step: Step) -> Bool {
    step.action.verb != .expect
  }
}
