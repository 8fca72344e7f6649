import Parser

/// Reads a plan file back.
///
/// A plan file is a record, not a program to be trusted: what it is made from (`description`,
/// `host`, `policy`, `target`, `objective`) is read, compiled again, and everything else in the
/// file must be what comes out. So what runs is what this version of vfioplan would write for those
/// facts and what a reviewer saw, no matter who had the file in between. Only `diagnostics` and the
/// `line` of a step are not compared: they are about files that are not here.
public struct SavedPlanReader {
  let tree: YAMLTree
  var sink = DiagnosticSink()
  private var decoder: NodeDecoder

  init(_ tree: YAMLTree) {
    self.tree = tree
    decoder = NodeDecoder(tree)
  }

  /// Reads a plan.
  ///
  /// Places in the result lie in the plan file; its host holds the facts the plan rests on, its
  /// `diagnostics` are the warnings of the new compilation.
  ///
  /// - Parameters:
  ///   - tree: The plan file.
  ///   - sink: Gets everything found if the file is refused, else nothing.
  /// - Returns: The plan, made anew.
  /// - Throws: Everything found, if anything in the file is not as it must be.
  public static func read(
    _ tree: YAMLTree, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> CompiledPlan {
    do throws(DiagnosticsError) {
      return try read(tree)
    } catch {
      sink.report(error.diagnostics)
      throw error
    }
  }

  private static func read(_ tree: YAMLTree) throws(DiagnosticsError) -> CompiledPlan {
    var reader = SavedPlanReader(tree)
    let members = try reader.members()
    var compiled = try reader.compile(members)
    reader.compareHead(compiled, members)
    reader.compareDevices(compiled, members)
    reader.compareSteps(&compiled, members.steps)
    try reader.sink.throwIfErrors()
    return compiled
  }

  /// The members of the file that are looked at one by one.
  struct Members {
    var description: YAMLTree.Node
    var host: YAMLTree.Node
    var policy: YAMLTree.Node?
    var target: String
    var objective: Objective
    var devices: YAMLTree.Node
    var steps: YAMLTree.Node
    var companions: YAMLTree.Node?
    /// Plans of 0.1 have none.
    var hasBudget: Bool
  }
}

// MARK: - What the plan is made from

extension SavedPlanReader {
  mutating func members() throws(DiagnosticsError) -> Members {
    try checkFormat()
    var fields = MappingDecoder(tree, "a plan")
    _ = ["format", "vm", "metrics", "ioasids", "kvm", "addressSpaces", "diagnostics", "summary"]
      .map { fields.require($0) }
    let companions = fields.allow("companions")
    let budget = fields.allow("budget")
    let target = fields.require("target")
    let objective = fields.require("objective")
    let devices = fields.require("devices")
    let description = fields.require("description")
    let host = fields.require("host")
    let policy = fields.allow("policy")
    let steps = fields.require("steps")
    _ = fields.read(tree.root, &decoder)
    let dialects = WordList("target", Dialects.all.map { ($0.name, $0.name) })
    let members = Members(
      description: fields[description] ?? tree.root, host: fields[host] ?? tree.root,
      policy: fields[policy], target: decoder.word(fields[target], dialects) ?? "",
      objective: self.objective(fields[objective]) ?? .coherency,
      devices: fields[devices] ?? tree.root, steps: fields[steps] ?? tree.root,
      companions: fields[companions], hasBudget: fields[budget] != nil)
    try decoder.sink.throwIfErrors()
    return members
  }

  private mutating func objective(_ node: YAMLTree.Node?) -> Objective? {
    guard let node, let items = decoder.list(node, "a list of metrics") else { return nil }
    let metrics = WordList("metric", of: Metric.self)
    let order = items.compactMap { decoder.word($0, metrics) }
    let objective = Objective(order: order)
    if objective == nil {
      decoder.report(SavedPlanDiagnostics.metrics(at: tree.headSpan(of: node)))
    }
    return objective
  }

  private mutating func checkFormat() throws(DiagnosticsError) {
    let format = tree.value(of: "format", in: tree.root)
    if let format, tree.text(of: format, is: "vfioplan.plan/v1") { return }
    throw sink.stop(
      SavedPlanDiagnostics.format(
        format.map(tree.string), at: tree.headSpan(of: format ?? tree.root)))
  }

  mutating func compile(_ members: Members) throws(DiagnosticsError) -> CompiledPlan {
    let vm = try DescriptionReader.vm(tree.subtree(at: members.description), into: &sink)
    let host = try DescriptionReader.host(tree.subtree(at: members.host), into: &sink)
    var policy = Policy()
    if let node = members.policy {
      policy = try DescriptionReader.policy(tree.subtree(at: node), into: &sink)
    }
    return try Compilation.compile(
      vm, on: host, target: members.target, objective: members.objective, policy: policy,
      into: &sink)
  }
}

// MARK: - What must come out

extension SavedPlanReader {
  /// Compares what the decision is but for its devices.
  mutating func compareHead(_ compiled: CompiledPlan, _ members: Members) {
    let plan = SavedPlanWriter(compiled, files: [])
    var writer = JSONWriter()
    writer.beginObject()
    plan.writeHead(to: &writer)
    plan.writeKVM(to: &writer)
    plan.writeMappings(to: &writer)
    if members.hasBudget { plan.writeBudget(to: &writer) }
    plan.writeSummary(to: &writer)
    writer.endObject()
    guard let decision = compose(writer.bytes) else { return }
    var comparison = TreeComparison(saved: tree, expected: decision)
    comparison.compareMembers(tree.root, decision.root)
    for difference in comparison.differences { report(difference) }
    // What a plan without companions leaves out must not be there either.
    if let companions = members.companions, compiled.plan.companions.isEmpty {
      _ = hasCount(0, companions, "companions")
    }
  }

  private mutating func compareDevices(_ compiled: CompiledPlan, _ members: Members) {
    let plan = SavedPlanWriter(compiled, files: [])
    guard hasCount(compiled.plan.devices.count, members.devices, "devices") else { return }
    compareElements(members.devices, compiled.plan.devices.count, mayHaveLine: false) { run in
      var writer = Self.listWriter()
      plan.writeDevices(run, to: &writer)
      return writer
    } report: { reader, index, differences in
      for var difference in differences {
        difference.path = "devices[\(index)].\(difference.path)"
        reader.report(difference)
      }
      return true
    }
  }

  /// Compares the steps up to the first that differs, and makes them the origins of the program's.
  private mutating func compareSteps(_ compiled: inout CompiledPlan, _ node: YAMLTree.Node) {
    let plan = SavedPlanWriter(compiled, files: [])
    let count = compiled.program.steps.count
    var isSame = true
    compareElements(node, count, mayHaveLine: true) { run in
      plan.steps(run, Self.listWriter())
    } report: { reader, index, differences in
      guard let first = differences.first else { return true }
      isSame = false
      reader.sink.report(
        SavedPlanDiagnostics.step(
          index + 1, first.path, says: first.found, expected: first.expected, at: first.span))
      return false
    }
    guard isSame, hasCount(count, node, "steps") else { return }
    for (index, step) in tree.children(of: node).enumerated() {
      compiled.program.steps[index].origin = tree.span(of: step)
    }
  }

  private mutating func report(_ difference: TreeComparison.Difference) {
    sink.report(
      SavedPlanDiagnostics.decision(
        difference.path, says: difference.found, expected: difference.expected,
        at: difference.span))
  }

  private mutating func hasCount(_ count: Int, _ node: YAMLTree.Node, _ what: String) -> Bool {
    let found = tree.childCount(of: node)
    guard tree.kind(of: node) != .sequence || found != count else { return true }
    let says = tree.kind(of: node) == .sequence ? TreeComparison.entries(found) : "no list"
    sink.report(
      SavedPlanDiagnostics.decision(
        what, says: says, expected: TreeComparison.entries(count), at: tree.headSpan(of: node)))
    return false
  }

  /// Compares the elements of a list with what a function writes for runs of them.
  ///
  /// Run by run, so that what is expected never is in memory as a whole. It ends where one of the
  /// lists ends, or when `report` says so.
  private mutating func compareElements(
    _ node: YAMLTree.Node, _ count: Int, mayHaveLine: Bool,
    write: (Range<Int>) -> JSONWriter,
    report: (inout SavedPlanReader, Int, [TreeComparison.Difference]) -> Bool
  ) {
    guard tree.kind(of: node) == .sequence else { return }
    var elements = tree.children(of: node)
    for run in SavedPlanWriter.runs(count) {
      var writer = write(run)
      writer.endArray()
      guard let expected = compose(writer.bytes) else { return }
      for (index, wanted) in zip(run, expected.children(of: expected.root)) {
        guard let element = elements.next() else { return }
        var comparison = TreeComparison(
          saved: tree, expected: expected, mayHaveLine: mayHaveLine)
        comparison.compare(element, wanted)
        guard report(&self, index, comparison.differences) else { return }
      }
    }
  }

  private static func listWriter() -> JSONWriter {
    var writer = JSONWriter()
    writer.beginArray()
    return writer
  }

  /// Reads back what was written to compare with; if that fails the file is not accepted.
  private mutating func compose(_ bytes: [UInt8]) -> YAMLTree? {
    var ignored = DiagnosticSink()
    let file = SourceFile(id: tree.file.id, name: tree.file.name, bytes: bytes)
    if let composed = try? DescriptionReader.tree(of: file, into: &ignored) { return composed }
    sink.report(SavedPlanDiagnostics.incomparable(at: tree.headSpan(of: tree.root)))
    return nil
  }
}
