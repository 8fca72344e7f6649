/// The nodes of one YAML file, flat and in the order of the file.
///
/// A node is 24 bytes and holds no text of its own: texts are ranges of the file, or of one side
/// buffer where the file spells them differently (escapes, folded lines). Aliases refer to their
/// node and are followed by everything here; the composer has made sure that this ends.
public struct YAMLTree: Sendable {
  /// One node; valid for the tree it came from.
  public struct Node: Hashable, Sendable {
    let index: UInt32
  }

  /// What a node is.
  public enum Kind: UInt8, Sendable {
    /// Text: a word, a number, quoted or not.
    case scalar
    /// A list.
    case sequence
    /// Keys with values.
    case mapping
  }

  /// How a scalar is written.
  enum Style: UInt8 {
    case plain, quoted, block
  }

  /// A node as it is stored.
  struct Record: Equatable {
    /// What is stored.
    enum Form: UInt8 {
      case scalar, sequence, mapping, alias
    }

    /// Byte range in the file.
    var start: UInt32
    var end: UInt32
    /// Where the text of a scalar starts (see `YAMLTexts`), or an index.
    ///
    /// Of a collection the index after its last descendant, 0 while it is open; of an alias that
    /// of its node.
    var first: UInt32
    /// Length of a scalar's text in bytes, or number of children of a collection.
    var second: UInt32
    /// Number of the key if the node is one, see `YAMLKeyTable`.
    var key = YAMLKeyTable.none
    var form: Form
    var style = Style.plain
    /// Whether the collection is written in brackets.
    var isFlow = false
    /// Whether the mapping has a key `<<`.
    var hasMerge = false
  }

  /// The file the tree was made of.
  public let file: SourceFile
  let records: ContiguousArray<Record>
  let side: [UInt8]
  let keys: YAMLKeyTable

  /// Which node `root` is.
  private(set) var rootIndex: UInt32 = 0

  /// The outermost node.
  public var root: Node { node(rootIndex) }

  /// The same file with one of its nodes as the root, so that a document inside another is read as
  /// if it stood alone; places stay those of the file.
  public func subtree(at node: Node) -> YAMLTree {
    var tree = self
    tree.rootIndex = node.index
    return tree
  }

  /// How many nodes there are, keys and values and collections.
  public var count: Int { records.count }

  /// What a node is.
  public func kind(of node: Node) -> Kind {
    switch records[Int(node.index)].form {
    case .sequence: .sequence
    case .mapping: .mapping
    case .scalar, .alias: .scalar
    }
  }

  /// Where a node stands; its anchor and tag are left out.
  public func span(of node: Node) -> SourceSpan {
    let record = records[Int(node.index)]
    return SourceSpan(source: file.id, start: record.start, end: record.end)
  }

  /// Where to point for a node as a whole: its first key or item if it spans lines by indentation.
  public func headSpan(of node: Node) -> SourceSpan {
    let record = records[Int(node.index)]
    guard record.form != .scalar, !record.isFlow, record.second > 0 else { return span(of: node) }
    return headSpan(of: Node(index: node.index + 1))
  }

  /// How many children a collection has; keys and values of a mapping count each.
  public func childCount(of node: Node) -> Int {
    let record = records[Int(node.index)]
    return record.form == .scalar ? 0 : Int(record.second)
  }

  /// The items of a list, or keys and values of a mapping in turn; nothing for a scalar.
  public func children(of node: Node) -> Children { Children(self, node) }

  /// The children of a node in the order of the file, aliases followed.
  public struct Children: Sequence, IteratorProtocol {
    private let tree: YAMLTree
    private var index: UInt32
    private let end: UInt32

    @inline(__always)
    fileprivate init(_ tree: YAMLTree, _ node: Node) {
      self.tree = tree
      let record = tree.records[Int(node.index)]
      index = node.index + 1
      end = record.form == .scalar ? index : record.first
    }

    /// The next child.
    @inline(__always)
    public mutating func next() -> Node? {
      guard index < end else { return nil }
      let child = tree.node(index)
      index = tree.index(after: index)
      return child
    }
  }

  /// The node at an index, or the one it is an alias of.
  @inline(__always)
  func node(_ index: UInt32) -> Node {
    let record = records[Int(index)]
    return Node(index: record.form == .alias ? record.first : index)
  }

  /// The index of the node after one and all below it.
  @inline(__always)
  func index(after index: UInt32) -> UInt32 {
    let record = records[Int(index)]
    let isCollection = record.form == .sequence || record.form == .mapping
    return isCollection ? record.first : index &+ 1
  }

  /// Calls a closure with the text of a scalar, escapes resolved; empty for a collection.
  @inline(__always)
  public func withText<Result>(
    of node: Node, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    let record = records[Int(node.index)]
    guard record.form == .scalar else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
    let first = Int(record.first & ~YAMLTexts.sideBit)
    let range = first..<first &+ Int(record.second)
    return record.first & YAMLTexts.sideBit == 0
      ? file.bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
      : side.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
  }

  /// The text of a scalar as a string; empty for a collection.
  @inline(__always)
  public func string(of node: Node) -> String {
    withText(of: node) { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether a node is a scalar with exactly this text.
  public func text(of node: Node, is text: StaticString) -> Bool {
    withText(of: node) {
      $0.count == text.utf8CodeUnitCount
        && YAMLBytes.equal(
          $0, UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
  }

  /// Whether a node says that there is no value: `~`, `null`, or nothing at all.
  public func isNull(_ node: Node) -> Bool {
    let record = records[Int(node.index)]
    guard record.form == .scalar, record.style == .plain else { return false }
    return record.second == 0 || text(of: node, is: "~") || text(of: node, is: "null")
  }

  /// The value of a key of a mapping, `nil` if there is none; for a first look, linear.
  ///
  /// Merged mappings are not looked into.
  public func value(of key: StaticString, in node: Node) -> Node? {
    guard kind(of: node) == .mapping else { return nil }
    var children = children(of: node)
    while let name = children.next(), let value = children.next() {
      if text(of: name, is: key) { return value }
    }
    return nil
  }

  /// The number of a key, or `none` if no mapping of the file has it.
  func keyNumber(_ name: String) -> UInt32 {
    var name = name
    return name.withUTF8 { name in
      file.bytes.withUnsafeBufferPointer { source in
        side.withUnsafeBufferPointer { side in
          keys.find(name, in: YAMLTexts(source: source, side: side))
        }
      }
    }
  }
}
