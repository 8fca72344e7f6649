/// Reads mappings of one shape: finds values by key, reports unknown and missing keys.
///
/// Declare the fields once, then call `read` for each mapping and take the values with the
/// subscript. Keys are compared by their numbers in the tree, so a mapping costs a table look-up
/// per key and allocates nothing.
public struct MappingDecoder: Sendable {
  /// A key that was declared; the index of its value.
  public struct Field: Sendable {
    fileprivate let slot: Int
  }

  private static let noSlot = UInt8.max
  private static let missing = UInt32.max

  private let tree: YAMLTree
  private let what: String
  private var names: [String] = []
  private var isRequired: [Bool] = []
  /// The keys that may stand in the place of each required one.
  private var substitutes: [[Field]] = []
  private var values: [UInt32] = []
  /// The slot of each key number of the tree.
  private var slots: [UInt8]

  /// Begins a shape without fields; `what` names it in messages, for example `a device`.
  public init(_ tree: YAMLTree, _ what: String) {
    self.tree = tree
    self.what = what
    slots = [UInt8](repeating: Self.noSlot, count: tree.keys.count)
  }

  /// Declares a key that every mapping must have, unless one of some others is there.
  public mutating func require(_ name: String, unless substitutes: Field...) -> Field {
    let field = declare(name, isRequired: true)
    self.substitutes[field.slot] = substitutes
    return field
  }

  /// Declares a key that may be left out.
  public mutating func allow(_ name: String) -> Field { declare(name, isRequired: false) }

  /// Declares a key.
  @discardableResult
  mutating func declare(_ name: String, isRequired required: Bool) -> Field {
    precondition(names.count < Int(Self.noSlot), "too many fields")
    let number = Int(tree.keyNumber(name))
    if number != 0 { slots[number] = UInt8(names.count) }
    names.append(name)
    isRequired.append(required)
    values.append(Self.missing)
    substitutes.append([])
    return Field(slot: names.count - 1)
  }

  /// Says which keys, by the order of declaration, may stand in the place of one.
  mutating func substitute(_ index: Int, by others: [Int]) {
    substitutes[index] = others.map { Field(slot: $0) }
  }

  /// Reads the keys of a mapping; `false`, reported, if the node is none.
  ///
  /// Missing keys are reported together, but for those that a misspelt one stands in for. Keys of
  /// the mapping win over merged ones.
  public mutating func read(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> Bool {
    for slot in values.indices { values[slot] = Self.missing }
    guard tree.kind(of: node) == .mapping else {
      decoder.reportKind(of: node, expected: what + " with keys")
      return false
    }
    var claimed: Set<String> = []
    take(node, &claimed, &decoder)
    if hasGap { reportMissing(node, claimed, &decoder) }
    return true
  }

  /// The value of a key in the mapping read last; `nil` if it has none.
  ///
  /// An optional key whose value is `null` or `~` counts as left out.
  public subscript(_ field: Field) -> YAMLTree.Node? { self[field.slot] }

  /// The value of a key by the order of declaration.
  subscript(_ slot: Int) -> YAMLTree.Node? {
    let index = values[slot]
    return index == Self.missing ? nil : YAMLTree.Node(index: index)
  }

  private mutating func take(
    _ node: YAMLTree.Node, _ claimed: inout Set<String>, _ decoder: inout NodeDecoder
  ) {
    let record = tree.records[Int(node.index)]
    var index = node.index &+ 1
    while index < record.first {
      let key = index
      let value = tree.index(after: key)
      index = tree.index(after: value)
      let slot = slots[Int(tree.records[Int(key)].key)]
      if slot != Self.noSlot {
        fill(Int(slot), tree.node(value))
      } else if !(record.hasMerge && tree.isMergeKey(YAMLTree.Node(index: key))) {
        reportUnknown(YAMLTree.Node(index: key), &claimed, &decoder)
      }
    }
    guard record.hasMerge else { return }
    for merged in tree.merged(into: node) { take(merged, &claimed, &decoder) }
  }

  /// Whether a required key had no value in the mapping read last.
  private var hasGap: Bool { values.indices.contains(where: isGap) }

  private func isGap(_ slot: Int) -> Bool {
    isRequired[slot] && values[slot] == Self.missing
      && !substitutes[slot].contains { values[$0.slot] != Self.missing }
  }

  private func reportMissing(
    _ node: YAMLTree.Node, _ claimed: Set<String>, _ decoder: inout NodeDecoder
  ) {
    let missing = values.indices.filter(isGap).map { names[$0] }.filter { !claimed.contains($0) }
    guard !missing.isEmpty else { return }
    decoder.report(ParserDiagnostics.missingKeys(missing, in: what, at: tree.headSpan(of: node)))
  }

  @inline(__always)
  private mutating func fill(_ slot: Int, _ value: YAMLTree.Node) {
    guard values[slot] == Self.missing else { return }
    if !isRequired[slot], tree.isWrittenNull(value) { return }
    values[slot] = value.index
  }

  private func reportUnknown(
    _ key: YAMLTree.Node, _ claimed: inout Set<String>, _ decoder: inout NodeDecoder
  ) {
    let name = tree.string(of: key)
    let meant = Spelling.nearest(to: name, among: names)
    if let meant { claimed.insert(meant) }
    decoder.sink.report(
      ParserDiagnostics.unknownKey(
        name, in: what, meant: meant, known: names, at: tree.span(of: key)))
  }
}
