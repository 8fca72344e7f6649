/// A whole number in a range.
struct NumberForm<Value: FixedWidthInteger & Sendable>: ValueForm {
  /// What it is, for messages: `a vendor id`.
  let what: String
  let range: ClosedRange<UInt64>
  /// How many hexadecimal digits are written at least; `nil` for a decimal number.
  let digits: Int?
  /// The definition of schemas that it has; `nil` if its own schema is written out.
  private let definition: String?

  /// A decimal number.
  init(_ what: String, in range: ClosedRange<UInt64>) {
    self.what = what
    self.range = range
    digits = nil
    definition = nil
  }

  /// A hexadecimal number, what a definition of schemas says.
  init(_ what: String, upTo last: UInt64, digits: Int = 1, _ definition: String) {
    self.what = what
    range = 0...last
    self.digits = digits
    self.definition = definition
  }

  /// A hexadecimal number that no other key has.
  init(_ what: String, upTo last: UInt64, digits: Int) {
    self.what = what
    range = 0...last
    self.digits = digits
    definition = nil
  }

  var schema: JSONSchema {
    if let definition { return .reference(definition) }
    guard let digits else { return .integer(range) }
    return Definitions.hexadecimal(upTo: range.upperBound, digits: digits)
  }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Value? {
    decoder.number(node, what, in: range).map { Value(truncatingIfNeeded: $0) }
  }

  func write(_ value: Value, to writer: inout JSONWriter) {
    let number = UInt64(truncatingIfNeeded: value)
    if let digits { writer.hex(number, digits: digits) } else { writer.integer(number) }
  }

  func yaml(_ value: Value) -> String {
    digits.map { hexText(UInt64(truncatingIfNeeded: value), digits: $0) } ?? "\(value)"
  }

  func shown(_ value: Value) -> String {
    digits == nil ? "\(value)" : hexText(UInt64(truncatingIfNeeded: value))
  }
}

/// A number of bytes, or an address.
struct BytesForm: ValueForm {
  /// What it is, for messages: `a size`.
  let what: String
  /// Whether it is an address, which is written in hexadecimal.
  var isAddress = false
  /// Whether it is the size of a page, a power of two.
  var isPage = false

  var schema: JSONSchema { .reference("quantity") }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> UInt64? {
    guard let value = decoder.bytes(node, what) else { return nil }
    guard isPage, value.nonzeroBitCount != 1 else { return value }
    let tree = decoder.tree
    decoder.report(ParserDiagnostics.pageSize(tree.string(of: node), at: tree.span(of: node)))
    return nil
  }

  func write(_ value: UInt64, to writer: inout JSONWriter) { writer.hex(value) }

  func yaml(_ value: UInt64) -> String { isAddress ? hexText(value) : ByteSize.written(value) }

  func shown(_ value: UInt64) -> String { hexText(value) }
}

/// The sizes of a table's pages, ascending and without repeats.
struct PageSizesForm: ValueForm {
  private static let size = BytesForm(what: "a page size", isPage: true)

  var schema: JSONSchema { .array(of: Self.size.schema, atLeast: 1) }

  func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> [UInt64]? {
    guard let items = decoder.listOfSome(node, "a list of page sizes") else { return nil }
    var sizes: [UInt64] = []
    for item in items {
      guard let size = Self.size.read(item, &decoder), !sizes.contains(size) else { continue }
      sizes.append(size)
    }
    return sizes.sorted()
  }

  func write(_ sizes: [UInt64], to writer: inout JSONWriter) {
    writer.beginArray()
    for size in sizes { writer.hex(size) }
    writer.endArray()
  }

  func yaml(_ sizes: [UInt64]) -> String {
    "[" + sizes.map(Self.size.yaml).joined(separator: ", ") + "]"
  }

  func shown(_ sizes: [UInt64]) -> String {
    "[" + sizes.map(Self.size.shown).joined(separator: ", ") + "]"
  }
}
