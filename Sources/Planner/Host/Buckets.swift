/// Positions sorted into numbered buckets, stored flat.
///
/// A counting sort: linear, two allocations, and each bucket keeps the order of its elements.
struct Buckets<Bucket, Element>: Sendable {
  private let starts: [Int32]
  private let elements: [PositionIndex<Element>]

  /// Sorts positions `0..<keys.count` by key; what has none is in no bucket.
  init(keys: [PositionIndex<Bucket>], count: Int) {
    var starts = [Int32](repeating: 0, count: count + 1)
    for key in keys where !key.isNone { starts[key.offset + 1] += 1 }
    for bucket in 0..<count { starts[bucket + 1] += starts[bucket] }
    var next = starts
    var elements = [PositionIndex<Element>](repeating: .none, count: Int(starts[count]))
    for (position, key) in keys.enumerated() where !key.isNone {
      elements[Int(next[key.offset])] = PositionIndex(position)
      next[key.offset] += 1
    }
    self.starts = starts
    self.elements = elements
  }

  /// How many buckets there are.
  var count: Int { starts.count - 1 }

  /// The elements of a bucket, ascending.
  subscript(bucket: Int) -> ArraySlice<PositionIndex<Element>> {
    elements[Int(starts[bucket])..<Int(starts[bucket + 1])]
  }
}
