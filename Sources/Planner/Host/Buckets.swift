/// Positions sorted into numbered buckets, stored flat.
///
/// A counting sort: linear, two allocations, and each bucket keeps the order of its elements.
struct Buckets: Sendable {
  private let starts: [Int32]
  private let elements: [Int32]

  /// Sorts positions `0..<keys.count` by key; negative keys belong to no bucket.
  init(keys: [Int32], count: Int) {
    var starts = [Int32](repeating: 0, count: count + 1)
    for key in keys where key >= 0 { starts[Int(key) + 1] += 1 }
    for bucket in 0..<count { starts[bucket + 1] += starts[bucket] }
    var next = starts
    var elements = [Int32](repeating: 0, count: Int(starts[count]))
    for (position, key) in keys.enumerated() where key >= 0 {
      elements[Int(next[Int(key)])] = Int32(truncatingIfNeeded: position)
      next[Int(key)] += 1
    }
    self.starts = starts
    self.elements = elements
  }

  /// How many buckets there are.
  var count: Int { starts.count - 1 }

  /// The elements of a bucket, ascending.
  subscript(bucket: Int) -> ArraySlice<Int32> {
    elements[Int(starts[bucket])..<Int(starts[bucket + 1])]
  }
}
