import Parser
import Planner

/// Runs a program on a kernel, step by step, and undoes what it did.
///
/// One loop for the simulator and the real kernel. When a step fails, everything before it is
/// undone in exact reverse order; an undo that fails does not stop the others. The program must
/// have passed the verifier.
public struct Interpreter {
  /// The program.
  public let program: Program
  private let kernel: any Kernel
  private var values: [UInt64]
  private var completed = 0
  private var closed: Set<ResultID> = []

  /// Prepares a run; nothing happens yet.
  public init(program: Program, kernel: any Kernel) {
    self.program = program
    self.kernel = kernel
    values = [UInt64](repeating: 0, count: program.results.count)
  }

  /// Runs the steps that have not run; on a failure undoes all of them.
  ///
  /// After a success the effects stand until `undo()`. `isInterrupted` is asked before every step.
  public mutating func run(isInterrupted: () -> Bool = { false }) -> ExecutionReport {
    while completed < program.steps.count {
      let action = program.steps[completed].action
      if let cause = isInterrupted() ? .interrupted : perform(action) {
        let failure = ExecutionReport.Failure(
          step: completed, cause: cause, origin: program.steps[completed].origin)
        let ran = completed
        return report(ran, failure, undo())
      }
      completed += 1
    }
    return report(completed, nil, Rollback())
  }

  /// Takes back every step that ran, last one first, and says what is left.
  ///
  /// A second call does nothing.
  public mutating func undo() -> Rollback {
    var rollback = Rollback()
    let ran = completed
    while completed > 0 {
      completed -= 1
      if let outcome = undo(completed) { rollback.outcomes.append(outcome) }
    }
    if rollback.outcomes.contains(where: { $0.errno != nil }) {
      rollback.leftovers =
        LeftoverAnalysis(
          program, ran: ran, outcomes: rollback.outcomes, closed: closed
        ).leftovers
    }
    closed = []
    return rollback
  }

  /// What a step that ran has made.
  public func value(of id: ResultID) -> UInt64 { values[Int(id.index)] }

  private func report(
    _ ran: Int, _ failure: ExecutionReport.Failure?, _ rollback: Rollback
  ) -> ExecutionReport {
    ExecutionReport(
      program: program, completed: ran, values: values, failure: failure, rollback: rollback)
  }

  private mutating func perform(_ action: Action) -> ExecutionReport.Failure.Cause? {
    if case .expect(let id, let mask, let operand) = action {
      let expected = RequestCodec.resolve(operand, values: values)
      let actual = values[Int(id.index)] & (mask ?? .max)
      return actual == expected ? nil : .mismatch(expected: expected, actual: actual)
    }
    do throws(Errno) {
      try call(action)
      return nil
    } catch {
      return .errno(error)
    }
  }

  private mutating func call(_ action: Action) throws(Errno) {
    switch action {
    case .open(let path, let id): values[Int(id.index)] = number(try kernel.open(path))
    case .memory(let memory, let file, let address):
      let made = try kernel.makeMemory(memory, isMapped: address != nil)
      values[Int(file.index)] = number(made.file)
      if let address { values[Int(address.index)] = made.address ?? 0 }
    case .sysfs(let write): try kernel.write(write)
    case .close(let id):
      try kernel.close(file(id))
      closed.insert(id)
    case .ioctl(let receiver, let request, let arguments, let results):
      let answer = try issue(receiver, request, arguments)
      for (id, value) in zip(results, answer) {
        if let id { values[Int(id.index)] = value }
      }
    case .expect: break
    }
  }

  private func issue(
    _ receiver: ResultID, _ request: RequestDescriptor, _ arguments: [Operand]
  ) throws(Errno) -> [UInt64] {
    var argument = RequestCodec.encode(request, arguments, values: values)
    let returned = try kernel.ioctl(file(receiver), request.code.command, &argument)
    return RequestCodec.decode(request, argument, returned: returned)
  }

  private func undo(_ index: Int) -> UndoOutcome? {
    let action = program.undo(of: program.steps[index])
    if case .nothing = action { return nil }
    if case .close(let id) = action, closed.contains(id) { return nil }
    do throws(Errno) {
      try perform(action)
      return UndoOutcome(step: index, errno: nil)
    } catch {
      return UndoOutcome(step: index, errno: error)
    }
  }

  private func perform(_ action: UndoAction) throws(Errno) {
    switch action {
    case .nothing: break
    case .close(let id): try kernel.close(file(id))
    case .ioctl(let receiver, let request, let arguments):
      _ = try issue(receiver, request, arguments)
    case .releaseMemory(let id, let address, let size):
      let address = address.map { values[Int($0.index)] }
      try kernel.releaseMemory(OpenMemory(file: file(id), address: address), size: size)
    case .revert(let write): try kernel.revert(write)
    }
  }

  private func file(_ id: ResultID) -> Int32 { Int32(truncatingIfNeeded: values[Int(id.index)]) }

  private func number(_ file: Int32) -> UInt64 { UInt64(UInt32(bitPattern: file)) }
}
