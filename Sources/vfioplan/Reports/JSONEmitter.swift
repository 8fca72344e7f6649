import Executor
import Parser
import Planner

/// The plan file, which can be saved, reviewed, compared and applied: docs/plan-format.md.
struct JSONEmitter: Emitter {
  /// How many pieces each thread makes before they meet: fewer on the one that also writes.
  private static let (here, there) = (6, 10)

  /// Makes an emitter.
  init() {}

  /// Writes the plan file piece by piece; those of a large plan are made on two threads.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let writer = SavedPlanWriter(plan, files: context.files)
    let count = writer.pieceCount
    var next = 0
    var made: [JSONBytes] = []
    while count - next > Self.here + Self.there {
      let middle = next + Self.here
      let end = middle + Self.there
      made = context.concurrently(
        {
          for bytes in made { bytes.withBytes(write) }
          for index in next..<middle { writer.withPiece(index, write) }
        },
        { (middle..<end).map { writer.piece($0) } })
      next = end
    }
    for bytes in made { bytes.withBytes(write) }
    for index in next..<count { writer.withPiece(index, write) }
  }
}
