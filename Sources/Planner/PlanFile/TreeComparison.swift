import Parser

/// Compares what a file says with what it must say, value by value.
///
/// The order of keys and how a value is quoted do not matter; the order of lists does.
struct TreeComparison {
  /// One value that is not as expected.
  struct Difference {
    /// Keys and positions that lead to the value, from where the comparison started.
    var path: String
    /// What the file says.
    var found: String
    /// What it must say.
    var expected: String
    /// Where it says so.
    var span: SourceSpan
  }

  private let saved: YAMLTree
  private let expected: YAMLTree
  /// Whether the outermost mapping may have a key `line` with a number.
  private let mayHaveLine: Bool
  /// What was found so far, in the order of the expected values.
  private(set) var differences: [Difference] = []

  /// Prepares a comparison; a step of the saved tree may say its line besides.
  init(saved: YAMLTree, expected: YAMLTree, mayHaveLine: Bool = false) {
    self.saved = saved
    self.expected = expected
    self.mayHaveLine = mayHaveLine
  }

  /// Compares all values of the expected mapping with those of the same keys of the saved one.
  mutating func compareMembers(_ node: YAMLTree.Node, _ wanted: YAMLTree.Node, path: String = "") {
    var wantedMembers = expected.children(of: wanted)
    var position = saved.children(of: node)
    while let key = wantedMembers.next(), let value = wantedMembers.next() {
      let name = expected.string(of: key)
      let inside = path.isEmpty ? name : "\(path).\(name)"
      if let found = find(key, in: node, from: &position) {
        compare(found, value, path: inside)
      } else {
        let span = saved.headSpan(of: node)
        differences.append(
          Difference(path: inside, found: "nothing", expected: shown(value), span: span))
      }
    }
  }

  /// Compares two values.
  mutating func compare(_ node: YAMLTree.Node, _ wanted: YAMLTree.Node, path: String = "") {
    guard saved.kind(of: node) == expected.kind(of: wanted) else {
      return report(node, wanted, path)
    }
    switch expected.kind(of: wanted) {
    case .scalar:
      let isSame = saved.withText(of: node) { text in
        expected.withText(of: wanted) { text.elementsEqual($0) }
      }
      if !isSame { report(node, wanted, path) }
    case .sequence: compareLists(node, wanted, path)
    case .mapping:
      compareMembers(node, wanted, path: path)
      reportExtraKeys(node, wanted, path)
    }
  }

  private mutating func compareLists(
    _ node: YAMLTree.Node, _ wanted: YAMLTree.Node, _ path: String
  ) {
    let (count, wantedCount) = (saved.childCount(of: node), expected.childCount(of: wanted))
    guard count == wantedCount else {
      differences.append(
        Difference(
          path: path, found: Self.entries(count), expected: Self.entries(wantedCount),
          span: saved.headSpan(of: node)))
      return
    }
    for (index, pair) in zip(saved.children(of: node), expected.children(of: wanted)).enumerated() {
      compare(pair.0, pair.1, path: "\(path)[\(index)]")
    }
  }

  /// A count of list entries in words.
  static func entries(_ count: Int) -> String { "\(count) \(count == 1 ? "entry" : "entries")" }

  /// Finds the value of a key; the next one in order is tried first, because that is where it is.
  private func find(
    _ key: YAMLTree.Node, in node: YAMLTree.Node, from position: inout YAMLTree.Children
  ) -> YAMLTree.Node? {
    func isWanted(_ other: YAMLTree.Node) -> Bool {
      expected.withText(of: key) { text in
        saved.withText(of: other) { text.elementsEqual($0) }
      }
    }
    guard saved.kind(of: node) == .mapping else { return nil }
    if let next = position.next(), let value = position.next(), isWanted(next) { return value }
    var children = saved.children(of: node)
    while let other = children.next(), let value = children.next() {
      if isWanted(other) { return value }
    }
    return nil
  }

  private mutating func reportExtraKeys(
    _ node: YAMLTree.Node, _ wanted: YAMLTree.Node, _ path: String
  ) {
    guard saved.childCount(of: node) != expected.childCount(of: wanted) else { return }
    let known = Set(
      expected.children(of: wanted).enumerated().lazy
        .filter { $0.offset.isMultiple(of: 2) }.map { [expected] in expected.string(of: $0.element)
        })
    var children = saved.children(of: node)
    while let key = children.next(), let value = children.next() {
      let name = saved.string(of: key)
      if known.contains(name) || path.isEmpty && isLine(name, value) { continue }
      differences.append(
        Difference(
          path: path.isEmpty ? name : "\(path).\(name)", found: Self.shown(value, in: saved),
          expected: "nothing", span: saved.headSpan(of: key)))
    }
  }

  private func isLine(_ name: String, _ value: YAMLTree.Node) -> Bool {
    mayHaveLine && name == "line" && UInt32(saved.string(of: value)) != nil
  }

  private mutating func report(_ node: YAMLTree.Node, _ wanted: YAMLTree.Node, _ path: String) {
    differences.append(
      Difference(
        path: path, found: Self.shown(node, in: saved), expected: shown(wanted),
        span: saved.headSpan(of: node)))
  }

  private func shown(_ node: YAMLTree.Node) -> String { Self.shown(node, in: expected) }

  private static func shown(_ node: YAMLTree.Node, in tree: YAMLTree) -> String {
    switch tree.kind(of: node) {
    case .scalar: QuotedText.quote(tree.string(of: node))
    case .sequence: "a list of \(entries(tree.childCount(of: node)))"
    case .mapping: "a mapping"
    }
  }
}
