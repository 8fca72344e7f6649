import Planner

/// The canonical text of the program alone, as docs/program-format.md describes it.
public struct ProgramEmitter: Emitter {
  /// Makes an emitter.
  public init() {}

  /// Writes the text of the program.
  public func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    Array(ProgramText.print(plan.program).utf8).withUnsafeBytes(write)
  }
}
