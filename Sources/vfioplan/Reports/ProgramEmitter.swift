import Executor
import Parser
import Planner

/// The canonical text of the program alone, as docs/program-format.md describes it.
struct ProgramEmitter: Emitter {
  /// How many bytes are collected before they are written.
  private static let chunk = 1 << 16

  /// Makes an emitter.
  init() {}

  /// Writes one step a line, with the place in the user's file that it comes from.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let places = context.files.map { ($0.id, $0.name.visible, LineTable($0)) }
    var bytes: [UInt8] = []
    for (index, step) in plan.program.steps.enumerated() {
      bytes += ProgramText.line(index, of: plan.program).utf8
      if let (_, name, table) = places.first(where: { $0.0 == step.origin.source }) {
        bytes += "  # \(name):\(table.position(of: step.origin.start).line)".utf8
      }
      bytes.append(UInt8(ascii: "\n"))
      if bytes.count > Self.chunk {
        bytes.withUnsafeBytes(write)
        bytes.removeAll(keepingCapacity: true)
      }
    }
    bytes.withUnsafeBytes(write)
  }
}
