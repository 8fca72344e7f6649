/// The elements of an XML document, with their places in the file.
struct XMLTree {
  /// The position of an element.
  typealias Index = Int

  /// An attribute of an element.
  struct Attribute {
    /// Its name; with a namespace, the namespace's name, a space and the name.
    var name: String
    /// Its value, references resolved.
    var value: String
    /// Where the value stands, without its quotes.
    var span: SourceSpan
  }

  /// An element.
  struct Element {
    /// Its name, as an attribute's.
    var name: String
    /// Its attributes, in order.
    var attributes: [Attribute]
    /// Its elements, in order.
    var children: [Index] = []
    /// The characters directly in it.
    var text = ""
    /// Where its start tag stands.
    var span: SourceSpan
    /// Where the characters between its tags stand.
    var textSpan: SourceSpan
  }

  /// All elements, in the order of their start tags; the first is the root.
  var elements: [Element] = []

  /// The elements of a name in an element.
  func children(of parent: Index, _ name: String) -> [Index] {
    elements[parent].children.filter { elements[$0].name == name }
  }

  /// The first element at a path of names below an element.
  func first(_ path: String..., in parent: Index) -> Index? {
    var place: Index? = parent
    for name in path {
      place = place.flatMap { parent in
        elements[parent].children.first { elements[$0].name == name }
      }
    }
    return place
  }

  /// An attribute's value and place.
  func attribute(_ name: String, of index: Index?) -> SourceWord? {
    guard let index, let found = elements[index].attributes.first(where: { $0.name == name })
    else { return nil }
    return SourceWord(text: found.value, span: found.span)
  }

  /// The characters in an element, without white space around them.
  func text(of index: Index?) -> SourceWord? {
    guard let index else { return nil }
    let text = elements[index].text.trimmed
    return SourceWord(text: text, span: text.isEmpty ? span(of: index) : elements[index].textSpan)
  }

  /// Where an element's start tag stands.
  func span(of index: Index) -> SourceSpan { elements[index].span }
}

/// A piece of a configuration, and where it stands.
struct SourceWord: Hashable, Sendable {
  /// What it says, quotes and references resolved.
  var text: String
  /// Where it stands.
  var span: SourceSpan
}

extension StringProtocol {
  /// The text without white space at its ends.
  var trimmed: String {
    let start = drop { $0.isWhitespace }
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
  }
}
