/// Bytes that only grow, at an address that changes only when something is appended.
struct SideBuffer: ~Copyable {
  private var storage = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
  private var count = 0

  deinit { storage.deallocate() }

  /// What was appended; valid until the next append.
  var contents: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: storage[0..<count])
  }

  /// Appends bytes and gives the offset of the first one.
  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    if count + bytes.count > storage.count { grow(to: count + bytes.count) }
    let start = count
    _ = UnsafeMutableBufferPointer(rebasing: storage[start...]).update(fromContentsOf: bytes)
    count += bytes.count
    return start
  }

  private mutating func grow(to needed: Int) {
    let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(4096, needed * 2))
    larger.initialize(repeating: 0)
    _ = larger.update(fromContentsOf: contents)
    storage.deallocate()
    storage = larger
  }
}
