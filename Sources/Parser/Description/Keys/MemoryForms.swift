/// An address or a size in memory that is mapped: whole pages.
struct PagesForm: ValueForm {
  /// What is counted in pages.
  enum Kind {
    case address
    case size
    case hugePage
  }

  /// The smallest page; everything that is mapped is a multiple of it.
  private static let pageBytes: UInt64 = 4096
  /// The smallest huge page, that of Arm's contiguous entries; all are powers of two.
  private static let smallestHugePage: UInt64 = 64 << 10

  let kind: Kind

  var schema: JSONSchema { .reference("quantity") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> UInt64? {
    guard let value = decoder.bytes(node, what) else { return nil }
    if isSound(value) { return value }
    let (text, span) = (decoder.tree.string(of: node), decoder.tree.span(of: node))
    decoder.report(
      kind == .hugePage
        ? ParserDiagnostics.hugePage(text, at: span)
        : ParserDiagnostics.pageMultiple(kind == .size ? "size" : "address", text, at: span))
    return nil
  }

  private var what: String {
    switch kind {
    case .address: "an address"
    case .size: "a size"
    case .hugePage: "a huge page size"
    }
  }

  private func isSound(_ value: UInt64) -> Bool {
    switch kind {
    case .address: value % Self.pageBytes == 0
    case .size: value > 0 && value % Self.pageBytes == 0
    case .hugePage: value >= Self.smallestHugePage && value & (value - 1) == 0
    }
  }

  func write(_ value: UInt64, to writer: inout JSONWriter) { writer.hex(value) }

  func yaml(_ value: UInt64) -> String {
    kind == .address ? hexText(value) : ByteSize.written(value)
  }

  func shown(_ value: UInt64) -> String { hexText(value) }

  /// Reports a range that runs past the last 64-bit address.
  static func checkEnd(
    of start: UInt64, _ length: UInt64, _ what: String, _ span: SourceSpan,
    _ decoder: inout NodeDecoder
  ) {
    guard start.addingReportingOverflow(length).overflow else { return }
    decoder.report(ParserDiagnostics.endOverflow(start, length, what, at: span))
  }
}

/// The memory of a VM: a size, or regions.
struct MemoryForm: ValueForm {
  /// What is said of it.
  enum Memory: Equatable {
    /// A size for the machine to lay out, and where it stands.
    case size(UInt64, SourceSpan)
    /// Regions.
    case regions([MemoryRegion])
  }

  private static let size = PagesForm(kind: .size)
  private static let regions = MappingsForm(
    table: VMKeys.region, what: "a list of memory regions", isNeverEmpty: true
  ) { MemoryRegion(gpa: 0, size: 0, span: $0) }

  var schema: JSONSchema { .either([Self.size.schema, Self.regions.schema]) }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Memory? {
    let tree = decoder.tree
    guard tree.kind(of: node) == .scalar, !tree.string(of: node).isEmpty else {
      return Self.regions.read(node, &decoder).map { .regions($0) }
    }
    return Self.size.read(node, &decoder).map { .size($0, tree.span(of: node)) }
  }

  func write(_ memory: Memory, to writer: inout JSONWriter) {
    switch memory {
    case .size(let bytes, _): Self.size.write(bytes, to: &writer)
    case .regions(let regions): Self.regions.write(regions, to: &writer)
    }
  }

  func yaml(_ memory: Memory) -> String {
    switch memory {
    case .size(let bytes, _): Self.size.yaml(bytes)
    case .regions(let regions): Self.regions.yaml(regions)
    }
  }
}

/// The name of a preset, or all four metrics in order.
struct ObjectiveForm: ValueForm {
  private let presets = WordList(
    "objective", Objective.presets.map { ($0.name, $0.objective) })
  private let metrics = WordList("metric", of: Metric.self)

  var schema: JSONSchema {
    let count = UInt64(Metric.allCases.count)
    let order = JSONSchema.type("array").with("minItems", .number(count))
      .with("maxItems", .number(count)).with("uniqueItems", .flag(true))
      .with("items", .words(metrics.names))
    return .either([.words(presets.names), order])
  }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Objective? {
    guard decoder.tree.kind(of: node) == .sequence else { return decoder.word(node, presets) }
    var order: [(metric: Metric, span: SourceSpan)] = []
    var isSound = true
    let tree = decoder.tree
    for item in tree.children(of: node) {
      let span = tree.span(of: item)
      guard let metric = decoder.word(item, metrics) else {
        isSound = false
        continue
      }
      if let first = order.first(where: { $0.metric == metric }) {
        decoder.report(
          ParserDiagnostics.metricTwice(metric.rawValue, at: span, first: first.span))
        isSound = false
      } else {
        order.append((metric, span))
      }
    }
    let missing = Metric.allCases.filter { metric in !order.contains { $0.metric == metric } }
    if isSound, !missing.isEmpty {
      decoder.report(
        ParserDiagnostics.metricsMissing(missing.map(\.rawValue), at: tree.headSpan(of: node)))
    }
    return Objective(order: order.map(\.metric))
  }

  func write(_ objective: Objective, to writer: inout JSONWriter) {
    writer.beginArray()
    for metric in objective.order { writer.string(metric.rawValue) }
    writer.endArray()
  }

  func yaml(_ objective: Objective) -> String {
    "[" + objective.order.map(\.rawValue).joined(separator: ", ") + "]"
  }
}
