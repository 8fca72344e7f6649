extension RandomAccessCollection {
  /// The first place from which on a condition holds, the end if it holds nowhere: a binary search.
  ///
  /// It must hold of everything after an element of which it holds.
  @inlinable @inline(__always)
  public func partitioningIndex(where isBehind: (Element) -> Bool) -> Index {
    var (low, count) = (startIndex, self.count)
    while count > 0 {
      let half = count / 2
      let middle = index(low, offsetBy: half)
      if isBehind(self[middle]) {
        count = half
      } else {
        low = index(after: middle)
        count -= half + 1
      }
    }
    return low
  }
}

extension Sequence where Element: Hashable {
  /// Its elements, each once, in the order in which they come first.
  public var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}

extension [String] {
  /// Its elements in one text; the library's function for every list of texts searches all
  /// conformances of the program when it is first called.
  public func joined(separator: String) -> String {
    var text = ""
    for index in indices {
      if index > 0 { text += separator }
      text += self[index]
    }
    return text
  }
}
