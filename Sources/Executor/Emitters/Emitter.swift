import Parser
import Planner

/// A form a compiled plan is written in; adding one is one file and one line in `Emitters`.
public protocol Emitter: Sendable {
  /// Writes the whole of a plan, piece by piece and in order.
  ///
  /// A form for people marks its text with the decorator; a form for programs ignores it.
  func emit(
    _ plan: CompiledPlan, decorator: Decorator, to write: (UnsafeRawBufferPointer) -> Void)
}
