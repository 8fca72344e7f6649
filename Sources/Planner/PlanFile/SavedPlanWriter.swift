import Parser

/// Writes a compiled plan as a plan file: complete, so that it can be reviewed, compared and run.
///
/// The format is `vfioplan.plan/v1`; docs/plan-format.md describes it, schemas/plan.schema.json
/// checks it. Large plans are written piece by piece: a piece is a pure function of the plan and
/// its number, so pieces can be made on several threads and never need to be in memory all at once.
public struct SavedPlanWriter: Sendable {
  /// What stands in one piece; the ranges are elements of an array.
  private enum Piece: Sendable {
    case toDevices
    case devices(Range<Int>)
    case toDescribedDevices
    case describedDevices(Range<Int>)
    case toHostDevices
    case hostDevices(Range<Int>)
    case toSteps
    case steps(Range<Int>)
    case toEnd
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
    lines = files.first { $0.id == compiled.vm.$name.source }.map { LineTable($0) }
    var pieces: [Piece] = [.toDevices]
    pieces += Self.runs(compiled.plan.devices.count).map { .devices($0) }
    pieces.append(.toDescribedDevices)
    pieces += Self.runs(compiled.vm.devices.count).map { .describedDevices($0) }
    pieces.append(.toHostDevices)
    pieces += Self.runs(facts.devices.count).map { .hostDevices($0) }
    pieces.append(.toSteps)
    pieces += Self.runs(compiled.program.steps.count).map { .steps($0) }
    pieces.append(.toEnd)
    self.pieces = pieces
  }

  /// How many pieces the text has.
  public var pieceCount: Int { pieces.count }

  /// Makes one piece; the text is all pieces in order.
  public func piece(_ index: Int) -> JSONBytes { JSONBytes(written(index)) }

  /// Makes one piece and passes its bytes on.
  public func withPiece<Result>(
    _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let writer = written(index)
    return try writer.withBytes(body)
  }

  /// The whole text, in memory; for small plans and tests.
  public static func text(_ compiled: CompiledPlan, files: [SourceFile]) -> [UInt8] {
    let plan = SavedPlanWriter(compiled, files: files)
    var text: [UInt8] = []
    for index in 0..<plan.pieceCount { plan.withPiece(index) { text.append(contentsOf: $0) } }
    return text
  }

  /// Cuts an array into runs of elements that make up a piece.
  static func runs(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: elementsPerPiece).map {
      $0..<min($0 + elementsPerPiece, count)
    }
  }
}

extension SavedPlanWriter {
  /// Depth of the elements of `devices` and `steps`, and of those inside `description` and `host`.
  private static let (outerDepth, innerDepth) = (2, 3)

  private func written(_ index: Int) -> JSONWriter {
    switch pieces[index] {
    case .toDevices: return toDevices()
    case .devices(let run):
      var writer = continued(run, depth: Self.outerDepth, bytesPerElement: 512)
      writeDevices(run, to: &writer)
      return writer
    case .toDescribedDevices: return toDescribedDevices()
    case .describedDevices(let run):
      var writer = continued(run, depth: Self.innerDepth)
      for index in run { VMKeys.write(compiled.vm.devices[index], to: &writer) }
      return writer
    case .toHostDevices: return toHostDevices()
    case .hostDevices(let run):
      var writer = continued(run, depth: Self.innerDepth)
      for index in run {
        HostKeys.write(compiled.host.devices[facts.devices[index]], to: &writer)
      }
      return writer
    case .toSteps: return toSteps()
    case .steps(let run):
      return steps(run, continued(run, depth: Self.outerDepth))
    case .toEnd: return toEnd()
    }
  }

  private func continued(
    _ run: Range<Int>, depth: Int, bytesPerElement: Int = 256
  ) -> JSONWriter {
    JSONWriter(
      capacity: run.count * bytesPerElement, insideBlocks: depth, isFirstMember: run.lowerBound == 0
    )
  }

  private func toDevices() -> JSONWriter {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writeHead(to: &writer)
    writer.key("devices")
    writer.beginArray(.block)
    return writer
  }

  private func toDescribedDevices() -> JSONWriter {
    var writer = JSONWriter(
      insideBlocks: Self.outerDepth, isFirstMember: compiled.plan.devices.isEmpty)
    writer.endArray()
    writeKVM(to: &writer)
    writeMappings(to: &writer)
    writeBudget(to: &writer)
    beginDescription(to: &writer)
    writer.key("devices")
    writer.beginArray(.block)
    return writer
  }

  private func toHostDevices() -> JSONWriter {
    var writer = JSONWriter(
      insideBlocks: Self.innerDepth, isFirstMember: compiled.vm.devices.isEmpty)
    writer.endArray()
    endDescription(to: &writer)
    beginHost(to: &writer)
    writer.key("devices")
    writer.beginArray(.block)
    return writer
  }

  private func toSteps() -> JSONWriter {
    var writer = JSONWriter(insideBlocks: Self.innerDepth, isFirstMember: facts.devices.isEmpty)
    writer.endArray()
    writer.endObject()
    if !compiled.policy.isEmpty {
      writer.key("policy")
      PolicyJSON.write(compiled.policy, to: &writer)
    }
    writer.key("steps")
    writer.beginArray(.block)
    return writer
  }

  private func toEnd() -> JSONWriter {
    var writer = JSONWriter(
      insideBlocks: Self.outerDepth, isFirstMember: compiled.program.steps.isEmpty)
    writer.endArray()
    writer.key("diagnostics")
    var findings = DiagnosticJSON(files: files)
    findings.write(compiled.diagnostics, to: &writer)
    writeSummary(to: &writer)
    writer.endObject()
    writer.endText()
    return writer
  }
}
