import Planner

/// The plan file, which can be saved, reviewed, compared and applied: docs/plan-format.md.
public struct JSONEmitter: Emitter {
  /// Makes an emitter.
  public init() {}

  /// Writes the plan file piece by piece.
  public func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let writer = SavedPlanWriter(plan, files: context.files)
    for index in 0..<writer.pieceCount { writer.withPiece(index, write) }
  }
}
