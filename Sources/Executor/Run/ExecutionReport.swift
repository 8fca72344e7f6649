import Parser
import Planner

/// What happened when a program ran, and what was undone.
public struct ExecutionReport: Hashable, Sendable {
  /// Why a program stopped.
  public struct Failure: Hashable, Sendable {
    /// What went wrong.
    public enum Cause: Hashable, Sendable {
      /// The kernel refused the call.
      case errno(Errno)
      /// An `expect` step found another value.
      case mismatch(expected: UInt64, actual: UInt64)
      /// Somebody asked for the run to end before the step was made.
      case interrupted
    }

    /// 0-based position of the failing step.
    public var step: Int
    /// What went wrong.
    public var cause: Cause
    /// The part of the user's file the step comes from.
    public var origin: SourceSpan
  }

  /// A value a step made.
  public struct ResultValue: Hashable, Sendable {
    /// The kernel's name of the member it came in, or `return`.
    public var field: String
    /// Which result of the program it is.
    public var id: ResultID
    /// The value: a descriptor number, an id, an address or a plain number.
    public var value: UInt64
  }

  /// The program that ran.
  public var program: Program
  /// How many steps succeeded: the first so many of the program.
  public var completed: Int
  /// What the steps made, by result; meaningful for those of completed steps.
  public var values: [UInt64]
  /// Why it stopped; `nil` if every step succeeded.
  public var failure: Failure?
  /// What was undone, if anything was.
  public var rollback: Rollback

  /// Whether every step succeeded.
  public var isSuccess: Bool { failure == nil }
  /// The steps that were undone, in the order in which that was done.
  public var rolledBack: [Int] { rollback.outcomes.filter { $0.errno == nil }.map(\.step) }
  /// What is left although it was to be undone.
  public var leftovers: [Leftover] { rollback.leftovers }

  /// The errno of a step: `nil` if it succeeded, did not run, or failed an expectation.
  public func errno(ofStep index: Int) -> Errno? {
    guard let failure, failure.step == index, case .errno(let errno) = failure.cause else {
      return nil
    }
    return errno
  }

  /// What a completed step made, in field order; empty for other steps.
  public func results(ofStep index: Int) -> [ResultValue] {
    guard index >= 0, index < completed else { return [] }
    return program.steps[index].action.results.map {
      ResultValue(field: $0.member, id: $0.id, value: values[Int($0.id.index)])
    }
  }
}

/// What taking a program's effects back came to.
public struct Rollback: Hashable, Sendable {
  /// Every undo that was tried, in that order: the reverse of the program's.
  public var outcomes: [UndoOutcome] = []
  /// What is left, by step.
  public var leftovers: [Leftover] = []

  /// Whether something is left.
  public var isComplete: Bool { leftovers.isEmpty }
}

/// The undo of one step.
public struct UndoOutcome: Hashable, Sendable {
  /// 0-based position of the step that was undone.
  public var step: Int
  /// What the kernel said; `nil` if it was undone.
  public var errno: Errno?
}

/// An effect of a program that is still there after a rollback.
public struct Leftover: Hashable, Sendable {
  /// Why it is still there.
  public enum Reason: Hashable, Sendable {
    /// Its undo was refused.
    case refused(Errno)
    /// Its file was closed, but the file that a step opened, and that is left, holds on to it.
    case heldBy(step: Int)
  }

  /// 0-based position of the step whose effect it is.
  public var step: Int
  /// Why it is still there.
  public var reason: Reason
}
