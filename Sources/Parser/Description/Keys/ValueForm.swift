/// A form that values have in files: how one is read, written and described.
protocol ValueForm: Sendable {
  /// What is read.
  associatedtype Value: Equatable & Sendable
  /// Reads a value; `nil`, reported, if it does not have the form.
  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Value?
  /// Writes a value as JSON, in the form that `read` takes.
  func write(_ value: Value, to writer: inout JSONWriter)
  /// A value as YAML on one line, in the form that `read` takes.
  func yaml(_ value: Value) -> String
  /// A value as YAML below its key; `nil` if it stands on the key's line.
  func lines(_ value: Value) -> [String]?
  /// A value in messages.
  func shown(_ value: Value) -> String
  /// Whether two values are the same, wherever they stand.
  func isSame(_ one: Value, _ other: Value) -> Bool
  /// Whether a value says something.
  func isKnown(_ value: Value) -> Bool
  /// What JSON Schema says of values.
  var schema: JSONSchema { get }
}

extension ValueForm {
  func lines(_ value: Value) -> [String]? { nil }
  func shown(_ value: Value) -> String { yaml(value) }
  func isSame(_ one: Value, _ other: Value) -> Bool { one == other }
  func isKnown(_ value: Value) -> Bool { true }
}

/// What several keys' values are, by the names of their definitions in schemas.
enum Definitions {
  static let all: [(name: String, schema: JSONSchema)] = [
    (
      "text",
      describing(
        "One line of printable text.",
        .object([
          .init("type", .text("string")), .init("minLength", .number(1)),
          .init("maxLength", .number(255)), .init("pattern", .text("^[^\u{0}-\u{1f}\u{7f}]*$")),
        ]))
    ),
    ("name", .pattern(name)),
    (
      "address",
      describing("A PCI address, dddd:bb:dd.f.", .pattern("\(domain)\(slot)\\.[0-7]$"))
    ),
    (
      "place",
      describing(
        "A PCI address, dddd:bb:dd.f; without its domain, 0000 is meant, and without its function, "
          + "all of them.", .pattern("^([0-9a-fA-F]{4,8}:)?\(slot)(\\.[0-7])?$"))
    ),
    ("fact", .object([.init("enum", .list([.flag(true), .flag(false), .text("unknown")]))])),
    (
      "id",
      describing(
        "A vendor's or a device's number, 16 bits; as text if it is hexadecimal, which JSON has no "
          + "numbers for.", hexadecimal(upTo: 0xffff, digits: 4))
    ),
    (
      "class",
      describing(
        "A class code, 24 bits; as text if it is hexadecimal.",
        hexadecimal(upTo: 0xff_ffff, digits: 6))
    ),
    (
      "subsystem",
      describing(
        "The ids of the card or board a device is part of, vvvv:dddd.",
        .pattern("^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$"))
    ),
    (
      "quantity",
      describing(
        "Bytes: a number, decimal or hexadecimal, or a decimal one with KiB, MiB, GiB or TiB.",
        .either([
          .integer(0...UInt64.max),
          .pattern("^(0x[0-9a-fA-F]+|0|[1-9][0-9]*|(0|[1-9][0-9]*)(KiB|MiB|GiB|TiB))$"),
        ]))
    ),
  ]

  /// The pattern of names.
  static let name = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
  /// The pattern of paths to devices.
  static let path = "\(domain)\(slot)\\.[0-7](/[01][0-9a-fA-F]\\.[0-7])*$"
  private static let domain = "^[0-9a-fA-F]{4,8}:"
  private static let slot = "[0-9a-fA-F]{2}:[01][0-9a-fA-F]"

  /// A number that may be hexadecimal, as text.
  static func hexadecimal(upTo last: UInt64, digits: Int) -> JSONSchema {
    .either([.integer(0...last), .pattern("^0x0*[0-9a-fA-F]{1,\(digits)}$")])
  }

  private static func describing(_ description: String, _ schema: JSONSchema) -> JSONSchema {
    guard case .object(let members) = schema else { return schema }
    return .object([.init("description", .text(description))] + members)
  }
}
