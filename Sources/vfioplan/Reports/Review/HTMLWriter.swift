import Parser

/// Writes HTML whose markup stands in the source: what comes from a file can only be text or the
/// value of an attribute.
struct HTMLWriter {
  /// An attribute and its value.
  typealias Attribute = (name: StaticString, value: String)

  /// What was written so far, in UTF-8.
  private(set) var bytes: [UInt8] = []

  /// Writes markup.
  mutating func markup(_ markup: StaticString) {
    markup.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  /// Writes text.
  mutating func text(_ text: String) {
    for byte in text.visible.utf8 {
      switch byte {
      case UInt8(ascii: "&"): markup("&amp;")
      case UInt8(ascii: "<"): markup("&lt;")
      case UInt8(ascii: ">"): markup("&gt;")
      case UInt8(ascii: "\""): markup("&quot;")
      case UInt8(ascii: "'"): markup("&#39;")
      default: bytes.append(byte)
      }
    }
  }

  /// Writes an element around what a body writes.
  mutating func element(
    _ name: StaticString, _ attributes: [Attribute] = [], _ body: (inout HTMLWriter) -> Void
  ) {
    open(name, attributes)
    body(&self)
    markup("</")
    markup(name)
    markup(">")
  }

  /// Writes an element around a text.
  mutating func element(_ name: StaticString, _ text: String) { element(name, [], text) }

  /// Writes an element with attributes around a text.
  mutating func element(_ name: StaticString, _ attributes: [Attribute], _ text: String) {
    element(name, attributes) { $0.text(text) }
  }

  /// Writes the start of an element.
  mutating func open(_ name: StaticString, _ attributes: [Attribute] = []) {
    markup("<")
    markup(name)
    for attribute in attributes {
      markup(" ")
      markup(attribute.name)
      markup("=\"")
      text(attribute.value)
      markup("\"")
    }
    markup(">")
  }

  /// Writes bytes of this program's own: the style and the script.
  mutating func resource(_ bytes: [UInt8]) { self.bytes.append(contentsOf: bytes) }

  /// Hands out what was written and starts anew.
  mutating func drain(to write: (UnsafeRawBufferPointer) -> Void) {
    bytes.withUnsafeBytes(write)
    bytes.removeAll(keepingCapacity: true)
  }
}
