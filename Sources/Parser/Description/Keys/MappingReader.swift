/// Reads mappings of the keys of a table.
struct MappingReader<Subject> {
  private let table: KeyTable<Subject>
  fileprivate var mapping: MappingDecoder
  /// Which keys the mapping read last has, a bit each.
  private var present: UInt64 = 0

  fileprivate init(_ table: KeyTable<Subject>, _ mapping: MappingDecoder) {
    self.table = table
    self.mapping = mapping
  }

  /// Reads a mapping into a subject; `false`, reported, if the node is none, or if it lacks
  /// something without which it counts for nothing.
  mutating func read(
    _ node: YAMLTree.Node, into subject: inout Subject, _ decoder: inout NodeDecoder
  ) -> Bool {
    guard mapping.read(node, &decoder) else { return false }
    present = 0
    var sound: UInt64 = 0
    for index in table.keys.indices {
      guard let value = mapping[index] else { continue }
      present |= 1 << UInt64(index)
      if table.keys[index].read(value, &decoder, &subject) { sound |= 1 << UInt64(index) }
    }
    guard table.keepsIncomplete || table.needs.allSatisfy({ $0 & sound != 0 }) else { return false }
    return table.check(subject, self, &decoder)
  }

  /// How many of some keys the mapping read last has.
  func count(of mask: UInt64) -> Int { (present & mask).nonzeroBitCount }

  /// Where a key's value stands in the mapping read last.
  func span(_ name: StaticString, in tree: YAMLTree) -> SourceSpan? {
    table.index(of: name).flatMap { mapping[$0] }.map(tree.span)
  }
}

extension NodeDecoder {
  /// Reads mappings of a table's keys; what is prepared for its first mapping serves all of a file.
  mutating func reading<Subject, Result>(
    _ table: KeyTable<Subject>,
    _ body: (inout MappingReader<Subject>, inout NodeDecoder) -> Result
  ) -> Result {
    let id = ObjectIdentifier(table)
    var reader = MappingReader(
      table, shapes.removeValue(forKey: id) ?? MappingDecoder(tree, table))
    let result = body(&reader, &self)
    shapes[id] = reader.mapping
    return result
  }
}

extension MappingDecoder {
  /// Declares the keys of a table; the index of a key is its place there.
  fileprivate init(_ tree: YAMLTree, _ table: KeyTable<some Any>) {
    self.init(tree, table.what)
    let keys = table.keys
    for index in keys.indices {
      declare(keys[index].text, isRequired: keys[index].isRequired)
    }
    for index in keys.indices where !keys[index].substitutes.isEmpty {
      substitute(index, by: keys[index].substitutes.compactMap(table.index))
    }
  }
}
