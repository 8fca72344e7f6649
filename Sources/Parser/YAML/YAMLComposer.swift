/// Makes a tree of libyaml's events.
///
/// It goes on after a duplicate key or a needless tag, and stops at what leaves no sound tree:
/// a syntax error, too deep nesting, too many aliased nodes.
struct YAMLComposer: ~Copyable {
  /// The deepest nesting of collections that is read.
  static let maximumDepth = 64
  /// How many nodes the aliases of a file may add, counted as if they were copies.
  static let maximumAliasedNodes = 1_000_000

  /// A collection that is not closed yet.
  struct Frame {
    var index: UInt32
    var childCount: UInt32 = 0
    /// The last key of this mapping; for a list, of the mapping around it.
    var key: UInt32
    /// The key this mapping stands under.
    var above: UInt32
    var isMapping: Bool
    var isAnchored: Bool
    /// Levels of collections inside.
    var height = 0
    /// What aliases had added when it began.
    var aliasedBefore: Int
  }

  /// What an alias of a node adds.
  struct Target {
    var nodeCount: Int
    var height: Int
  }

  let file: SourceFile
  let source: UnsafeBufferPointer<UInt8>
  var reader: YAMLEventReader
  var records: ContiguousArray<YAMLTree.Record> = []
  private var keys = YAMLKeyTable()
  private var texts: YAMLTexts
  private var side: SideBuffer
  var frames: [Frame] = []
  /// Elements that libyaml does not see, until they are added.
  private var run: PlainRun?
  var anchors: [String: UInt32] = [:]
  var targets: [UInt32: Target] = [:]
  var aliasedNodes = 0
  /// The end of the node that was completed last.
  private var lastEnd: UInt32 = 0
  /// The mappings that have a key `<<`.
  private var merges: [UInt32] = []
  private var duplicates = DuplicateKeyCheck()
  var sink = DiagnosticSink()

  /// Reads a file into a tree; linear in the file's length.
  ///
  /// Hidden parts, if the file is all ASCII, are passed over as if they were not there.
  static func compose(
    _ file: SourceFile, hiding hidden: [Range<Int>] = [], into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> YAMLTree {
    let contents = try YAMLByteCheck.check(file, into: &sink)
    let outcome = file.bytes.withUnsafeBufferPointer { bytes in
      (hidden.isEmpty ? composePlain(file, bytes, contents) : nil)
        ?? composeChecked(file, bytes, contents, hiding: hidden)
    }
    sink.report(outcome.sink.diagnostics)
    guard let tree = outcome.tree, !outcome.sink.hasErrors else {
      throw DiagnosticsError(sink.diagnostics)
    }
    return tree
  }

  /// As `compose`, of bytes that were looked at; a run of plain elements is hidden and added here.
  static func composeChecked(
    _ file: SourceFile, _ bytes: UnsafeBufferPointer<UInt8>,
    _ contents: YAMLByteCheck.Contents, hiding hidden: [Range<Int>], _ run: PlainRun? = nil
  ) -> (tree: YAMLTree?, sink: DiagnosticSink) {
    guard let reader = YAMLEventReader(bytes, isASCII: contents.isASCII, hiding: hidden) else {
      var sink = DiagnosticSink()
      sink.report(ParserDiagnostics.syntax(.init(problem: "not enough memory", offset: 0), file))
      return (nil, sink)
    }
    let shown = run == nil ? hidden.reduce(bytes.count) { $0 - $1.count } : bytes.count
    var composer = YAMLComposer(file, bytes, reader, byteCount: shown)
    composer.run = run
    let isWhole = (try? composer.readStream()) != nil
    YAMLSeparator.check(
      contents.separators, outside: composer.records, of: file, into: &composer.sink)
    if !isWhole || composer.run != nil { return (nil, composer.sink) }
    var sink = composer.sink
    let merges = composer.merges
    let tree = composer.finish()
    tree.reportMistakes(inMergesOf: merges, into: &sink)
    return (tree, sink)
  }

  private init(
    _ file: SourceFile, _ source: UnsafeBufferPointer<UInt8>,
    _ reader: consuming YAMLEventReader, byteCount: Int
  ) {
    self.file = file
    self.source = source
    self.reader = reader
    side = SideBuffer()
    texts = YAMLTexts(source: source, side: side.contents)
    frames.reserveCapacity(Self.maximumDepth)
    // Files of short words have a node for every eight bytes; pages never touched cost nothing.
    records.reserveCapacity(byteCount / 7 + 16)
  }

  private consuming func finish() -> YAMLTree {
    YAMLTree(file: file, records: records, side: Array(side.contents), keys: keys)
  }

  private mutating func readStream() throws(DiagnosticsError) {
    while true {
      guard let kind = reader.next() else {
        throw sink.stop(ParserDiagnostics.syntax(reader.failure, file))
      }
      switch kind {
      case .scalar: try addScalar()
      case .mappingStart: try open(isMapping: true)
      case .sequenceStart: try open(isMapping: false)
      case .collectionEnd: close(at: reader.end)
      case .alias: try addAlias()
      case .documentStart: try checkSingleDocument()
      case .streamEnd: return try checkNotEmpty()
      // What comes next would be read with the next event.
      case .streamStart, .documentEnd: try YAMLDirectives.check(file, from: reader.end, &sink)
      }
    }
  }

  private mutating func checkSingleDocument() throws(DiagnosticsError) {
    guard !records.isEmpty else { return }
    throw sink.stop(ParserDiagnostics.severalDocuments(at: span(reader.start, reader.end)))
  }

  private mutating func checkNotEmpty() throws(DiagnosticsError) {
    let isEmpty = records.first.map { $0.form == .scalar && $0.second == 0 } ?? true
    if isEmpty { throw sink.stop(ParserDiagnostics.emptyFile(file.id)) }
  }

  // MARK: - Scalars

  @inline(__always)
  private mutating func addScalar() throws(DiagnosticsError) {
    let text = reader.text
    let style = reader.style
    var start = reader.start
    let end = reader.end
    let place = locate(text, style, start, end)
    if reader.isDecorated {
      addAnchor()
      checkTag(allowed: ["str", "int", "bool", "float", "null"])
      if place & YAMLTexts.sideBit == 0 { start = style == .plain ? place : place &- 1 }
    }
    add(
      YAMLTree.Record(
        start: start, end: end, first: place, second: UInt32(truncatingIfNeeded: text.count),
        form: .scalar, style: style), text)
  }

  /// Adds a scalar of which everything is known but what it is a key of.
  @inline(__always)
  mutating func add(_ scalar: YAMLTree.Record, _ text: UnsafeBufferPointer<UInt8>) {
    var record = scalar
    if isKeyNext { record.key = intern(text, record) }
    records.append(record)
    countChild(end: record.end)
  }

  /// Where the text of a scalar stands: in the file if it is spelled there as it is.
  @inline(__always)
  private mutating func locate(
    _ text: UnsafeBufferPointer<UInt8>, _ style: YAMLTree.Style, _ start: UInt32, _ end: UInt32
  ) -> UInt32 {
    guard let base = text.baseAddress, !text.isEmpty else { return start }
    let first = Int(end) &- text.count &- (style == .quoted ? 1 : 0)
    if style != .block, first >= Int(start), let file = source.baseAddress,
      YAMLBytes.equal(base, file + first, count: text.count)
    {
      return UInt32(truncatingIfNeeded: first)
    }
    let place = side.append(text)
    texts.side = side.contents
    return UInt32(truncatingIfNeeded: place) | YAMLTexts.sideBit
  }

  @inline(__always)
  private mutating func intern(
    _ text: UnsafeBufferPointer<UInt8>, _ record: YAMLTree.Record
  ) -> UInt32 {
    let top = frames.count &- 1
    let isFirst = frames[top].childCount == 0
    let key = keys.intern(
      text, at: record.first, after: isFirst ? YAMLKeyTable.none : frames[top].key,
      under: frames[top].above, in: texts)
    frames[top].key = key
    if text.count == 2, record.style == .plain, text[0] == UInt8(ascii: "<"), text[1] == text[0] {
      records[Int(frames[top].index)].hasMerge = true
      merges.append(frames[top].index)
    }
    return key
  }

  // MARK: - Collections

  private mutating func open(isMapping: Bool) throws(DiagnosticsError) {
    let start = reader.start
    if let run, run.next == Int(start), isInList(before: run) {
      guard addElements(of: run) else { throw DiagnosticsError(sink.diagnostics) }
      self.run = nil
    }
    let isAnchored = reader.isDecorated
    if isAnchored {
      addAnchor()
      checkTag(allowed: [isMapping ? "map" : "seq"])
    }
    guard frames.count < Self.maximumDepth else {
      throw sink.stop(ParserDiagnostics.tooDeep(Self.maximumDepth, at: span(start, reader.end)))
    }
    open(isMapping: isMapping, isFlow: reader.isFlow, at: start, isAnchored: isAnchored)
  }

  /// Begins a collection; what it holds is added before it is closed.
  @inline(__always)
  mutating func open(isMapping: Bool, isFlow: Bool, at start: UInt32, isAnchored: Bool = false) {
    let index = UInt32(truncatingIfNeeded: records.count)
    records.append(
      YAMLTree.Record(
        start: start, end: start, first: 0, second: 0,
        form: isMapping ? .mapping : .sequence, isFlow: isFlow))
    let above = frames.last?.key ?? YAMLKeyTable.none
    frames.append(
      Frame(
        index: index, key: above, above: above, isMapping: isMapping, isAnchored: isAnchored,
        aliasedBefore: aliasedNodes))
  }

  /// Whether the innermost collection is a list with an element before a run, without brackets, and
  /// not deep.
  private func isInList(before run: PlainRun) -> Bool {
    guard let frame = frames.last, frames.count < Self.maximumDepth / 2 else { return false }
    // libyaml puts the end of a block of text, and of nothing, at what it sees next.
    return !frame.isMapping && frame.childCount > 0 && !records[Int(frame.index)].isFlow
      && Int(lastEnd) <= run.lines.lowerBound
  }

  /// Ends the innermost collection; in brackets it ends at an offset, else with its last node.
  mutating func close(at end: UInt32) {
    guard let frame = frames.popLast() else { return }
    let index = Int(frame.index)
    records[index].first = UInt32(truncatingIfNeeded: records.count)
    records[index].second = frame.childCount
    // libyaml puts the end of an indented one at the next token, lines on.
    records[index].end = records[index].isFlow ? end : max(lastEnd, records[index].start)
    if frame.isMapping { checkKeys(of: index) }
    if frame.isAnchored {
      trimDecoration(index)
      targets[frame.index] = Target(
        nodeCount: records.count - index + aliasedNodes - frame.aliasedBefore,
        height: frame.height + 1)
    }
    let end = records[index].end
    if isKeyNext {
      let found = frame.isMapping ? "a mapping" : "a list"
      sink.report(ParserDiagnostics.keyNotText(found, at: span(records[index].start, end)))
    }
    countChild(end: end, height: frame.height + 1)
  }

  @inline(__always)
  private mutating func checkKeys(of mapping: Int) {
    let found = duplicates.check(mapping: mapping, records, keyCount: keys.count)
    for pair in found ?? [] { reportDuplicate(pair.first, pair.second) }
  }

  private mutating func reportDuplicate(_ first: Int, _ second: Int) {
    let record = records[second]
    let key = String(decoding: texts.text(at: record.first, length: record.second), as: UTF8.self)
    sink.report(
      ParserDiagnostics.duplicateKey(
        key, at: span(record.start, record.end),
        first: span(records[first].start, records[first].end)))
  }

  /// Moves the start of an anchored or tagged collection from the anchor to its contents.
  private mutating func trimDecoration(_ index: Int) {
    let record = records[index]
    if record.isFlow {
      let range = Int(record.start)..<Int(record.end)
      let bracket = source[range].firstIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") }
      records[index].start = bracket.map { UInt32($0) } ?? record.start
    } else if records.count > index + 1 {
      records[index].start = min(record.end, records[index + 1].start)
    }
  }

  /// Whether the next node is a key of the innermost mapping.
  var isKeyNext: Bool {
    @inline(__always) get {
      guard let frame = frames.last else { return false }
      return frame.isMapping && frame.childCount & 1 == 0
    }
  }

  /// Counts a complete node as a child of the innermost collection.
  @inline(__always)
  mutating func countChild(end: UInt32, height: Int = 0) {
    lastEnd = end
    let top = frames.count &- 1
    guard top >= 0 else { return }
    frames[top].childCount &+= 1
    if height > frames[top].height { frames[top].height = height }
  }

  func span(_ start: UInt32, _ end: UInt32) -> SourceSpan {
    SourceSpan(source: file.id, start: start, end: end)
  }
}
