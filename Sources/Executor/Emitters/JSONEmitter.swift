import Planner

/// The plan file, which can be saved, reviewed, compared and applied: docs/plan-format.md.
public struct JSONEmitter: Emitter {
  /// How many pieces each of the two threads makes before they meet.
  private static let run = 8

  /// Makes an emitter.
  public init() {}

  /// Writes the plan file piece by piece, the pieces of a large plan made two at a time.
  public func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let writer = SavedPlanWriter(plan, files: context.files)
    let count = writer.pieceCount
    var next = 0
    while count - next > 2 * Self.run {
      let (here, there) = (next..<next + Self.run, next + Self.run..<next + 2 * Self.run)
      let others = context.concurrently(
        { for index in here { writer.withPiece(index, write) } },
        { there.map { index in writer.withPiece(index) { [UInt8]($0) } } })
      for bytes in others { bytes.withUnsafeBytes(write) }
      next = there.upperBound
    }
    for index in next..<count { writer.withPiece(index, write) }
  }
}
