/// A piece of a JSON Schema, or any JSON value, with its members in order.
indirect enum JSONSchema: Hashable, Sendable {
  /// Text.
  case text(String)
  /// A number that is never negative.
  case number(UInt64)
  /// `true` or `false`.
  case flag(Bool)
  /// A list.
  case list([JSONSchema])
  /// An object.
  case object([Member])

  /// A member of an object.
  struct Member: Hashable, Sendable {
    let key: String
    let value: JSONSchema

    init(_ key: String, _ value: JSONSchema) {
      self.key = key
      self.value = value
    }
  }

  /// What a definition says, by its name.
  static func reference(_ name: String) -> JSONSchema {
    .object([Member("$ref", .text("#/definitions/" + name))])
  }

  /// A type of JSON's.
  static func type(_ name: String) -> JSONSchema { .object([Member("type", .text(name))]) }

  /// Text that a pattern describes.
  static func pattern(_ pattern: String) -> JSONSchema {
    type("string").with("pattern", .text(pattern))
  }

  /// A list of names.
  static func names(_ names: [String]) -> JSONSchema { .list(names.map { .text($0) }) }

  /// One of some words.
  static func words(_ words: [String]) -> JSONSchema { .object([Member("enum", .names(words))]) }

  /// A whole number in a range.
  static func integer(_ range: ClosedRange<UInt64>) -> JSONSchema {
    type("integer").with("minimum", .number(range.lowerBound))
      .with("maximum", .number(range.upperBound))
  }

  /// What fits one of several.
  static func either(_ forms: [JSONSchema]) -> JSONSchema {
    .object([Member("oneOf", .list(forms))])
  }

  /// A list.
  static func array(of items: JSONSchema, atLeast count: UInt64 = 0) -> JSONSchema {
    let array = count > 0 ? type("array").with("minItems", .number(count)) : type("array")
    return array.with("items", items)
  }

  /// The same object with one more member.
  func with(_ key: String, _ value: JSONSchema) -> JSONSchema {
    guard case .object(let members) = self else { return self }
    return .object(members + [Member(key, value)])
  }

  /// The same object, and what it says: first where much follows.
  func saying(_ description: String) -> JSONSchema {
    guard case .object(let members) = self else { return self }
    let said = Member("description", .text(description))
    let isLarge = members.contains { ["items", "properties", "oneOf"].contains($0.key) }
    return .object(isLarge ? [said] + members : members + [said])
  }

  /// The schema of a file: a mapping, and the definitions that it refers to.
  static func file(
    _ kind: String, _ title: String, _ description: String, _ mapping: JSONSchema
  ) -> JSONSchema {
    guard case .object(let members) = mapping else { return mapping }
    let used = mapping.references
    let definitions = Definitions.all.filter { used.contains($0.name) }
    return .object(
      [
        Member("$schema", .text("http://json-schema.org/draft-07/schema#")),
        Member("$id", .text("urn:vfioplan:\(kind):v1")), Member("title", .text(title)),
        Member("description", .text(description)),
      ] + members + [
        Member("definitions", .object(definitions.map { Member($0.name, $0.schema) }))
      ])
  }

  /// The names of the definitions that it refers to.
  var references: Set<String> {
    switch self {
    case .text, .number, .flag: []
    case .list(let values): values.reduce(into: []) { $0.formUnion($1.references) }
    case .object(let members):
      members.reduce(into: []) { found, member in
        if member.key == "$ref", case .text(let place) = member.value {
          found.insert(String(place.split(separator: "/").last ?? ""))
        }
        found.formUnion(member.value.references)
      }
    }
  }
}

// MARK: - Text

extension JSONSchema {
  /// How long a line is that holds a whole list or object.
  private static let columns = 120

  /// The text, a list or an object on one line where it fits.
  var fileText: String { text(indentedBy: 0, after: 0) + "\n" }

  /// The text of a value that begins after some columns of its line.
  private func text(indentedBy depth: Int, after used: Int) -> String {
    let line = oneLine
    // A comma may follow.
    if depth > 0, used + line.count < Self.columns { return line }
    let inner = String(repeating: "  ", count: depth + 1)
    let parts: [String]
    let brackets: (String, String)
    switch self {
    case .text, .number, .flag: return line
    case .list(let values):
      brackets = ("[", "]")
      parts = values.map { inner + $0.text(indentedBy: depth + 1, after: inner.count) }
    case .object(let members):
      brackets = ("{", "}")
      parts = members.map { member in
        let head = inner + Self.quoted(member.key) + ": "
        return head + member.value.text(indentedBy: depth + 1, after: head.count)
      }
    }
    return brackets.0 + "\n" + parts.joined(separator: ",\n") + "\n" + inner.dropLast(2)
      + brackets.1
  }

  private var oneLine: String {
    switch self {
    case .text(let text): Self.quoted(text)
    case .number(let number): "\(number)"
    case .flag(let flag): "\(flag)"
    case .list(let values): "[" + values.map(\.oneLine).joined(separator: ", ") + "]"
    case .object(let members) where members.isEmpty: "{}"
    case .object(let members):
      "{ " + members.map { Self.quoted($0.key) + ": " + $0.value.oneLine }.joined(separator: ", ")
        + " }"
    }
  }

  private static func quoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
