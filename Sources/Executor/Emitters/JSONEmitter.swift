import Parser
import Planner

/// Writes a compiled plan as a plan file: complete, so that it can be reviewed, compared and run.
///
/// The format is `vfioplan.plan/v1`; docs/plan-format.md describes it, schemas/plan.schema.json
/// checks it. Large plans are written piece by piece: a piece is a pure function of the plan and its
/// number, so pieces can be made on several threads and never need to be in memory all at once.
public struct JSONEmitter: Sendable {
  /// What stands in one piece; the ranges are elements of an array.
  enum Piece: Sendable {
    case head
    case devices(Range<Int>)
    case decision
    case hostDevices(Range<Int>)
    case hostEnd
    case steps(Range<Int>)
    case tail
  }

  /// How many elements of an array one piece holds.
  static let elementsPerPiece = 2048

  let compiled: CompiledPlan
  let files: [SourceFile]
  let facts: RelevantFacts
  let lines: LineTable?
  private let pieces: [Piece]

  /// Prepares to write a plan.
  ///
  /// The files are the inputs of the compilation: they give lines to steps and findings.
  public init(_ compiled: CompiledPlan, files: [SourceFile]) {
    self.compiled = compiled
    self.files = files
    facts = RelevantFacts(to: compiled.plan, in: compiled.host)
    lines = files.first { $0.id == compiled.vm.nameSpan.source }.map { LineTable($0) }
    var pieces: [Piece] = [.head]
    pieces += Self.ranges(compiled.plan.devices.count).map { .devices($0) }
    pieces.append(.decision)
    pieces += Self.ranges(facts.devices.count).map { .hostDevices($0) }
    pieces.append(.hostEnd)
    pieces += Self.ranges(compiled.program.steps.count).map { .steps($0) }
    pieces.append(.tail)
    self.pieces = pieces
  }

  /// How many pieces the text has.
  public var pieceCount: Int { pieces.count }

  /// Makes one piece and passes its bytes on; the text is all pieces in order.
  public func withPiece<Result>(
    _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let writer = piece(index)
    return try writer.withBytes(body)
  }

  /// The whole text, in memory; for small plans and tests.
  public static func text(_ compiled: CompiledPlan, files: [SourceFile]) -> [UInt8] {
    let emitter = JSONEmitter(compiled, files: files)
    var text: [UInt8] = []
    for index in 0..<emitter.pieceCount { emitter.withPiece(index) { text.append(contentsOf: $0) } }
    return text
  }

  private static func ranges(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: elementsPerPiece).map {
      $0..<min($0 + elementsPerPiece, count)
    }
  }

  private func piece(_ index: Int) -> JSONWriter {
    switch pieces[index] {
    case .head: head()
    case .devices(let range): devices(range)
    case .decision: decision()
    case .hostDevices(let range): hostDevices(range)
    case .hostEnd: hostEnd()
    case .steps(let range): steps(range)
    case .tail: tail()
    }
  }
}

extension JSONEmitter {
  /// From the start of the text to the start of `devices`.
  private func head() -> JSONWriter {
    let plan = compiled.plan
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", SavedPlan.format)
    writer.member("vm", compiled.vm.name)
    writer.member("target", plan.target)
    writer.member("objective", plan.objective.order.map(\.rawValue))
    writer.key("metrics")
    writer.beginObject()
    writer.member("wbinvd", plan.metrics.wbinvd)
    writer.member("incoherentDevices", plan.metrics.incoherentDevices)
    writer.member("pageTables", plan.metrics.pageTables)
    writer.member("blockedNoSnoop", plan.metrics.blockedNoSnoop)
    writer.endObject()
    writer.key("ioasids")
    writer.beginArray(.block)
    for table in plan.pageTables { write(table, to: &writer) }
    writer.endArray()
    writer.key("devices")
    writer.beginArray(.block)
    return writer
  }

  private func write(_ table: PageTable, to writer: inout JSONWriter) {
    let plan = compiled.plan
    writer.beginObject()
    writer.member("name", table.name)
    writer.member("addressSpace", plan.addressSpaces[table.addressSpace].name)
    writer.member("enforceSnoop", table.snoopPolicy == .enforced)
    writer.member("iommus", table.iommus)
    writer.key("devices")
    writer.beginArray()
    for device in table.devices { writer.string(plan.devices[device].name) }
    writer.endArray()
    writer.member("leader", plan.devices[table.leader].name)
    writer.endObject()
  }

  /// From the end of `steps` to the end of the text.
  private func tail() -> JSONWriter {
    var writer = JSONWriter(insideBlocks: 2, isFirstMember: compiled.program.steps.isEmpty)
    writer.endArray()
    writer.key("diagnostics")
    var findings = DiagnosticJSON(files: files)
    findings.write(compiled.diagnostics, to: &writer)
    writer.key("summary")
    writeSummary(to: &writer)
    writer.endObject()
    writer.endText()
    return writer
  }

  private func writeSummary(to writer: inout JSONWriter) {
    var ioctls = 0
    var opens = 0
    for step in compiled.program.steps {
      switch step.action {
      case .ioctl: ioctls += 1
      case .open: opens += 1
      default: break
      }
    }
    writer.beginObject()
    writer.member("devices", compiled.plan.devices.count)
    writer.member("pageTables", compiled.plan.pageTables.count)
    writer.member("steps", compiled.program.steps.count)
    writer.member("ioctls", ioctls)
    writer.member("opens", opens)
    writer.endObject()
  }
}
