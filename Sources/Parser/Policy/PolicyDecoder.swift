/// Reads a policy out of a tree.
///
/// It checks one entry at a time, as `VMDecoder` does: whether a row can ever decide is the
/// planner's question.
struct PolicyDecoder: DocumentDecoder {
  static let kind = DocumentKind.policy
  private let tree: YAMLTree
  private(set) var decoder: NodeDecoder

  init(_ tree: YAMLTree) {
    self.tree = tree
    decoder = NodeDecoder(tree)
  }

  mutating func document() -> Policy {
    let root = tree.root
    var policy = Policy()
    _ = decoder.reading(PolicyKeys.document) { $0.read(root, into: &policy, &$1) }
    let lines = LineTable(tree.file)
    for index in policy.rows.indices where policy.rows[index].place.isEmpty {
      policy.rows[index].place = place(of: policy.rows[index].span, lines)
    }
    return policy
  }

  /// File and line; the file is 'policy' where its name can't stand in a plan file.
  private func place(of span: SourceSpan, _ lines: LineTable) -> String {
    let line = lines.position(of: span.start).line
    let place = "\(tree.file.name):\(line)"
    return NodeDecoder.takesText(place) ? place : "policy:\(line)"
  }
}
