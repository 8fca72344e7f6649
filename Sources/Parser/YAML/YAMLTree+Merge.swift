extension YAMLTree {
  /// The mappings a mapping's `<<` brings in, first the one whose keys win.
  ///
  /// A value that is not a mapping, and an item that is none, is left out; the composer has
  /// reported it.
  func merged(into node: Node) -> [Node] {
    mergeValues(of: node).flatMap { value in
      kind(of: value) == .mapping
        ? [value] : children(of: value).filter { kind(of: $0) == .mapping }
    }
  }

  /// The first node in the value of a `<<` that should be a mapping and is not.
  private func mergeMistake(in node: Node) -> Node? {
    for value in mergeValues(of: node) where kind(of: value) != .mapping {
      guard kind(of: value) == .sequence else { return value }
      if let item = children(of: value).first(where: { kind(of: $0) != .mapping }) { return item }
    }
    return nil
  }

  /// Reports what should be merged into mappings and is none.
  func reportMistakes(inMergesOf mappings: [UInt32], into sink: inout DiagnosticSink) {
    for mapping in mappings {
      guard let mistake = mergeMistake(in: Node(index: mapping)) else { continue }
      sink.report(ParserDiagnostics.mergeValue(shown(mistake), at: headSpan(of: mistake)))
    }
  }

  /// The values of the plain keys `<<`.
  private func mergeValues(of node: Node) -> [Node] {
    var values: [Node] = []
    var children = children(of: node)
    while let key = children.next(), let value = children.next() {
      if isMergeKey(key) { values.append(value) }
    }
    return values
  }

  /// Whether a key is a plain `<<`.
  func isMergeKey(_ key: Node) -> Bool {
    records[Int(key.index)].style == .plain && text(of: key, is: "<<")
  }
}
