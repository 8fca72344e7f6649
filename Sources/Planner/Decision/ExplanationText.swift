import Parser

/// Where explanations are written: pieces of fixed text, the user's words and numbers.
///
/// Lets one renderer fill plain text and JSON strings without a string per device in between.
protocol ExplanationText: ~Copyable {
  /// Adds fixed text: printable ASCII without quotation mark or backslash.
  mutating func add(_ text: StaticString)
  /// Adds a name from a file, whatever it contains.
  mutating func add(name: String)
  /// Adds a number.
  mutating func add(number: Int)
}

/// Plain UTF-8.
struct PlainExplanation: ExplanationText {
  var bytes: [UInt8] = []

  mutating func add(_ text: StaticString) {
    bytes.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func add(name: String) { bytes.append(contentsOf: name.utf8) }

  mutating func add(number: Int) { bytes.append(contentsOf: String(number).utf8) }
}

extension JSONWriter: ExplanationText {
  mutating func add(_ text: StaticString) { appendRaw(text) }

  mutating func add(name: String) { appendText(name) }

  mutating func add(number: Int) { appendDigits(UInt64(max(0, number))) }
}
