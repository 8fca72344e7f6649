import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Unwinding when the unwinding fails, too: all of it in `make exhaust`, a sample every day.
struct ExhaustiveUnwindTests {
  /// Every step, every errno, every second failure: nothing is left but what is listed.
  @Test(.enabled(if: Exhaustive.isAsked))
  func everyStepEveryErrnoEverySecondFailureNothingIsLeftButWhatIsListed() {
    let start = ContinuousClock.now
    var runs = 0
    for sample in SweepCase.examples {
      for step in sample.compiled.program.steps.indices {
        runs += UnwindSweep(sample).failures(at: step, errnos: .max)
      }
      runs += UnwindSweep(sample).failures(at: nil, errnos: .max)
    }
    Exhaustive.report(
      "unwinding: \(SweepCase.examples.count) programs, \(runs) runs with two failures",
      since: start)
  }

  @Test(arguments: SweepCase.examples)
  func aSampleOfStepsWithASecondAndAThirdFailure(sample: SweepCase) {
    let sweep = UnwindSweep(sample)
    let last = sample.compiled.program.steps.count - 1
    _ = sweep.failures(at: last, errnos: 1)
    _ = sweep.failures(at: last * 2 / 3, errnos: 1)
    _ = sweep.manyFailures(seeds: 1...10)
  }

  /// Any number of undos may fail: nothing is left but what is listed.
  @Test(.enabled(if: Exhaustive.isAsked))
  func anyNumberOfUndosMayFailNothingIsLeftButWhatIsListed() {
    let start = ContinuousClock.now
    let runs = SweepCase.examples.reduce(0) { $0 + UnwindSweep($1).manyFailures(seeds: 1...2_000) }
    Exhaustive.report("unwinding: \(runs) runs in which every undo may fail", since: start)
  }
}

/// The runs of one program with chosen failures.
struct UnwindSweep {
  private let program: Program
  private let sample: SweepCase

  init(_ sample: SweepCase) {
    self.sample = sample
    program = sample.compiled.program
  }

  /// Fails a step with each of its first errnos (or none, and then undoes all), and with it each
  /// undo with each of its first errnos; returns the number of runs.
  func failures(at step: Int?, errnos: Int) -> Int {
    let causes = step.map { program.steps[$0].action.errnos } ?? [:]
    let firsts: [Errno?] = step == nil ? [nil] : causes.prefix(errnos).map(\.errno)
    var runs = 0
    for first in firsts {
      for undo in 0..<(step ?? program.steps.count) {
        for second in undoErrnos(of: undo).prefix(errnos) {
          runs += 1
          guard check(step, first, [undo: second]) else { return runs }
        }
      }
    }
    return runs
  }

  /// Fails a random step and a random set of undos; returns the number of runs.
  func manyFailures(seeds: ClosedRange<UInt64>) -> Int {
    for seed in seeds {
      var random = SeededNumbers(seed: seed)
      let step = Int.random(in: 0..<program.steps.count, using: &random)
      let first = program.steps[step].action.errnos.first?.errno
      var undos: [Int: Errno] = [:]
      let rarity = Int.random(in: 1...6, using: &random)
      for undo in 0..<step where Int.random(in: 0..<rarity, using: &random) == 0 {
        undos[undo] = undoErrnos(of: undo).first
      }
      guard first == nil || check(step, first, undos, "seed \(seed)") else { return 0 }
    }
    return seeds.count
  }

  /// The errnos that the undo of a step can give.
  private func undoErrnos(of step: Int) -> [Errno] {
    switch program.undo(of: program.steps[step]) {
    case .nothing: []
    case .close(let id): Action.close(id).errnos.map(\.errno)
    case .releaseMemory(let id, _, _): Action.close(id).errnos.map(\.errno)
    case .ioctl(_, let request, _): request.errnos.map(\.errno)
    case .revert(let write): Action.sysfs(write).errnos.map(\.errno)
    }
  }

  /// Runs once and compares the report with the kernel; false if they disagree.
  private func check(
    _ step: Int?, _ errno: Errno?, _ undos: [Int: Errno], _ label: String = ""
  ) -> Bool {
    let faults: [Int: Errno]?
    if let step, let errno {
      faults = FaultInjection.failing(step, with: errno, in: program, undos: undos)
    } else {
      faults = FaultInjection.failingUndos(undos, in: program)
    }
    let kernel = SimulatedKernel(sample.compiled.host, faults: faults ?? [:])
    var interpreter = Interpreter(program: program, kernel: kernel)
    var report = interpreter.run()
    if step == nil { report.rollback = interpreter.undo() }
    let difference =
      LeftoverComparison(report: report, kernel: kernel).difference ?? EffectComparison(
        report: report, kernel: kernel
      ).difference
      ?? unlisted(report, undos)
    guard let difference else { return true }
    let place = "\(sample.name) \(label): step \(step.map { "\($0 + 1)" } ?? "none")"
    Issue.record("\(place), undos \(undos): \(difference)")
    return false
  }

  /// Every undo was tried once, in reverse order, and those that failed are those that were to.
  private func unlisted(_ report: ExecutionReport, _ undos: [Int: Errno]) -> String? {
    let outcomes = report.rollback.outcomes
    let refused = Dictionary(
      uniqueKeysWithValues: outcomes.compactMap { outcome in
        outcome.errno.map { (outcome.step, $0) }
      })
    let missing = undos.filter { refused[$0.key] == nil }
    if !missing.isEmpty { return "undos \(missing.keys.sorted()) did not fail" }
    let steps = outcomes.map(\.step)
    return zip(steps, steps.dropFirst()).allSatisfy { $0 > $1 } ? nil : "out of order: \(steps)"
  }
}
