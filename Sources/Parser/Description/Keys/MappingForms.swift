/// A mapping in a mapping.
struct MappingForm<Subject: Equatable & Sendable>: ValueForm {
  /// Its keys, which are not looked at before there is a mapping.
  private let keys: @Sendable () -> KeyTable<Subject>
  /// Makes a subject without values for a mapping at a place.
  private let empty: @Sendable (SourceSpan) -> Subject

  init(
    table: @autoclosure @escaping @Sendable () -> KeyTable<Subject>,
    empty: @escaping @Sendable (SourceSpan) -> Subject
  ) {
    keys = table
    self.empty = empty
  }

  private var table: KeyTable<Subject> { keys() }

  var schema: JSONSchema { table.schema }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Subject? {
    var subject = empty(decoder.tree.span(of: node))
    let isRead = decoder.reading(table) { $0.read(node, into: &subject, &$1) }
    return isRead ? subject : nil
  }

  func write(_ subject: Subject, to writer: inout JSONWriter) { table.write(subject, to: &writer) }
  func yaml(_ subject: Subject) -> String { table.flow(subject) }
}

/// A list of mappings.
struct MappingsForm<Subject: Equatable & Sendable>: ValueForm {
  /// The keys of each, which are not looked at before there is a list.
  private let keys: @Sendable () -> KeyTable<Subject>
  private let what: String
  private let isNeverEmpty: Bool
  private let most: UInt64?
  private let element: @Sendable (Subject) -> String
  private let empty: @Sendable (SourceSpan) -> Subject

  /// Describes a list.
  ///
  /// - Parameters:
  ///   - table: The keys of each mapping.
  ///   - what: What the list is, for messages: `a list of BARs`.
  ///   - isNeverEmpty: Whether there must be one.
  ///   - most: How many there may be, for the schema; the planner looks at it.
  ///   - element: An element in messages.
  ///   - empty: Makes a subject without values for a mapping at a place.
  init(
    table: @autoclosure @escaping @Sendable () -> KeyTable<Subject>, what: String,
    isNeverEmpty: Bool = false, most: UInt64? = nil,
    element: @escaping @Sendable (Subject) -> String = { _ in "" },
    empty: @escaping @Sendable (SourceSpan) -> Subject
  ) {
    keys = table
    (self.what, self.isNeverEmpty, self.most) = (what, isNeverEmpty, most)
    (self.element, self.empty) = (element, empty)
  }

  private var table: KeyTable<Subject> { keys() }

  var schema: JSONSchema {
    let array = JSONSchema.array(of: table.schema, atLeast: isNeverEmpty ? 1 : 0)
    return most.map { array.with("maxItems", .number($0)) } ?? array
  }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> [Subject]? {
    let list = isNeverEmpty ? decoder.listOfSome(node, what) : decoder.list(node, what)
    guard let items = list else { return nil }
    let tree = decoder.tree
    return decoder.reading(table) { reader, decoder in
      var subjects: [Subject] = []
      subjects.reserveCapacity(tree.childCount(of: node))
      for item in items {
        var subject = empty(tree.span(of: item))
        if reader.read(item, into: &subject, &decoder) { subjects.append(subject) }
      }
      return subjects
    }
  }

  func write(_ subjects: [Subject], to writer: inout JSONWriter) {
    writer.beginArray()
    let table = table
    for subject in subjects { table.write(subject, to: &writer) }
    writer.endArray()
  }

  func yaml(_ subjects: [Subject]) -> String {
    "[" + subjects.map(table.flow).joined(separator: ", ") + "]"
  }

  func shown(_ subjects: [Subject]) -> String {
    "[" + subjects.map(element).joined(separator: ", ") + "]"
  }

  func isSame(_ one: [Subject], _ other: [Subject]) -> Bool {
    one.count == other.count && zip(one, other).allSatisfy(table.isSame)
  }

  func lines(_ subjects: [Subject]) -> [String]? {
    subjects.isEmpty ? nil : subjects.map { "- " + table.flow($0) }
  }
}
