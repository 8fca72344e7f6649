/// Finds keys that a mapping has twice.
///
/// A mapping's keys are looked at when it ends, so mappings inside it are done already and one
/// mark per distinct key of the file is enough: linear, whatever the size of a mapping.
struct DuplicateKeyCheck {
  /// Per key number: the mapping that had it last, and where.
  private var last: [(mapping: Int, key: Int)] = []

  /// The keys of a mapping that were there before, by index, in the order of the file.
  @inline(__always)
  mutating func check(
    mapping: Int, _ records: borrowing ContiguousArray<YAMLTree.Record>, keyCount: Int
  ) -> [(first: Int, second: Int)]? {
    var found: [(first: Int, second: Int)]?
    while last.count < keyCount { last.append((-1, 0)) }
    var index = mapping &+ 1
    let end = Int(records[mapping].first)
    while index < end {
      let number = Int(records[index].key)
      if number != 0 {
        if last[number].mapping == mapping {
          if found == nil { found = [] }
          found?.append((last[number].key, index))
        } else {
          last[number] = (mapping, index)
        }
      }
      index = Self.next(records, Self.next(records, index))
    }
    return found
  }

  @inline(__always)
  private static func next(
    _ records: borrowing ContiguousArray<YAMLTree.Record>, _ index: Int
  ) -> Int {
    let isCollection = records[index].form == .sequence || records[index].form == .mapping
    return isCollection ? Int(records[index].first) : index &+ 1
  }
}
