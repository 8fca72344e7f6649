/// Text on one line.
struct TextForm: ValueForm {
  /// What it says, for messages: `a reason`.
  let what: String
  /// Whether it is quoted even where it need not be.
  var isQuoted = false
  /// What JSON Schema says instead of the definition.
  var ownSchema: (@Sendable () -> JSONSchema)?
  var schema: JSONSchema { ownSchema?() ?? .reference("text") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> String? {
    decoder.text(node, what)
  }

  func write(_ text: String, to writer: inout JSONWriter) { writer.string(text) }

  func yaml(_ text: String) -> String {
    isQuoted ? YAMLText.quoted(text) : YAMLText.scalar(text)
  }

  func shown(_ text: String) -> String { text }
}

/// A name of a thing that steps of a plan refer to.
struct NameForm: ValueForm {
  /// What it is, for messages: `a driver's name`.
  let what: String
  /// What JSON Schema says instead of the definition.
  var ownSchema: (@Sendable () -> JSONSchema)?
  var schema: JSONSchema { ownSchema?() ?? .reference("name") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> String? {
    decoder.name(node, what)
  }

  func write(_ name: String, to writer: inout JSONWriter) { writer.string(name) }
  func yaml(_ name: String) -> String { YAMLText.scalar(name) }
  func shown(_ name: String) -> String { name }
}

/// One of the words of a type, by its raw values.
struct WordForm<Value: CaseIterable & RawRepresentable & Equatable & Sendable>: ValueForm
where Value.RawValue == String {
  private let words: WordList<Value>

  /// `what` says what the words say, for messages.
  init(_ what: String, of type: Value.Type) { words = WordList(what, of: type) }

  /// Only some of the words.
  init(_ what: String, _ values: [Value]) {
    words = WordList(what, values.map { $0.rawValue }, values)
  }

  var schema: JSONSchema { .words(words.names) }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Value? {
    decoder.word(node, words)
  }

  func write(_ value: Value, to writer: inout JSONWriter) { writer.string(value.rawValue) }
  func yaml(_ value: Value) -> String { value.rawValue }
}

/// `true`, `false`, or `unknown`.
struct FactForm: ValueForm {
  private let words = WordList("fact", of: Fact.self)

  var schema: JSONSchema { .reference("fact") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Fact? {
    decoder.word(node, words)
  }

  func write(_ fact: Fact, to writer: inout JSONWriter) { writer.value(fact) }
  func yaml(_ fact: Fact) -> String { fact.rawValue }
  func isKnown(_ fact: Fact) -> Bool { fact != .unknown }
}

/// `true` or `false`, of what is unknown if it is left out.
struct StatementForm: ValueForm {
  var schema: JSONSchema { .type("boolean") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Fact? {
    decoder.bool(node).map { Fact($0) }
  }

  func write(_ fact: Fact, to writer: inout JSONWriter) { writer.value(fact) }
  func yaml(_ fact: Fact) -> String { fact.rawValue }
}

/// `true` or `false`.
struct FlagForm: ValueForm {
  var schema: JSONSchema { .type("boolean") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Bool? { decoder.bool(node) }
  func write(_ flag: Bool, to writer: inout JSONWriter) { writer.bool(flag) }
  func yaml(_ flag: Bool) -> String { "\(flag)" }
}

/// How wide the address of a window is: 32 bits, or 64, which is `true`.
struct WidthForm: ValueForm {
  private let widths = WordList("width of an address", [("32", false), ("64", true)])

  var schema: JSONSchema { .object([.init("enum", .list([.number(32), .number(64)]))]) }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Bool? {
    decoder.word(node, widths)
  }

  func write(_ is64Bit: Bool, to writer: inout JSONWriter) { writer.integer(is64Bit ? 64 : 32) }
  func yaml(_ is64Bit: Bool) -> String { is64Bit ? "64" : "32" }
}

extension JSONWriter {
  /// Writes a fact: `true`, `false` or `"unknown"`.
  public mutating func value(_ fact: Fact) {
    switch fact {
    case .yes: bool(true)
    case .no: bool(false)
    case .unknown: string(fact.rawValue)
    }
  }
}

/// What every file of a kind says.
struct ConstantForm: ValueForm {
  let word: String

  var schema: JSONSchema { .object([.init("const", .text(word))]) }

  /// `DocumentCheck` has looked at it.
  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> String? { word }
  func write(_ word: String, to writer: inout JSONWriter) { writer.string(word) }
  func yaml(_ word: String) -> String { word }
}
