/// The memory of the simulated process: what `mapMemory` made, by address.
struct SimulatedMemory {
  private static let first: UInt64 = 0x7f00_0000_0000
  private static let limit: UInt64 = 1 << 62  // far more than any machine has, and no overflow
  private var ranges: [AddressRange] = []
  private var next = SimulatedMemory.first

  /// How many bytes are mapped.
  var byteCount: UInt64 { ranges.reduce(0) { $0 &+ ($1.last - $1.start + 1) } }

  /// Maps a length in bytes; a multiple of 4 KiB, or of the huge page size if one is given.
  mutating func map(size: UInt64, hugePageBytes: UInt64?) throws(Errno) -> UInt64 {
    let page = hugePageBytes ?? 4096
    guard page >= 4096, page & (page - 1) == 0, page <= Self.limit else { throw .einval }
    guard size > 0, size % page == 0 else { throw .einval }
    let alignment = max(page, 1 << 21)
    let start = (next + alignment - 1) & ~(alignment - 1)
    guard size < Self.limit - start else { throw .enomem }
    ranges.append(AddressRange(start: start, last: start + size - 1))
    next = start + size
    return start
  }

  /// Unmaps exactly what `map` made.
  mutating func unmap(_ address: UInt64, size: UInt64) throws(Errno) {
    guard size > 0, let index = ranges.lastIndex(where: { $0.start == address }),
      ranges[index].last - address + 1 == size
    else { throw .einval }
    ranges.remove(at: index)
  }

  /// Checks that a range can be pinned: EFAULT if any of it is not mapped.
  func pin(_ start: UInt64, _ length: UInt64) throws(Errno) {
    let (last, overflow) = start.addingReportingOverflow(length &- 1)
    let wanted = AddressRange(start: start, last: last)
    guard !overflow, let range = range(endingAtOrAfter: start), range.contains(wanted) else {
      throw .efault
    }
  }

  private func range(endingAtOrAfter address: UInt64) -> AddressRange? {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].last < address { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count ? ranges[low] : nil
  }
}
