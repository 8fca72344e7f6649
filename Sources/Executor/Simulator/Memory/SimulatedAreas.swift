import Parser

/// An inclusive range of I/O virtual addresses.
struct AddressRange: Hashable, Comparable {
  /// First address.
  var start: UInt64
  /// Last address, inclusive.
  var last: UInt64

  /// Whether the ranges have an address in common.
  func overlaps(_ other: AddressRange) -> Bool { start <= other.last && other.start <= last }

  /// Whether every address of the other range lies in this one.
  func contains(_ other: AddressRange) -> Bool { start <= other.start && other.last <= last }

  /// Orders by start, then by end.
  static func < (left: AddressRange, right: AddressRange) -> Bool {
    (left.start, left.last) < (right.start, right.last)
  }

  /// Every address.
  static let everything = AddressRange(start: 0, last: .max)
}

/// A mapping: I/O virtual addresses and the memory they reach.
struct SimulatedArea {
  /// The I/O virtual addresses.
  var range: AddressRange
  /// The address in a process, or the offset in a file, of the first byte.
  var source: UInt64
  /// Whether the memory was first mapped for writing, which a later copy must respect.
  var isWriteable: Bool
  /// Whether devices may read or write at all.
  var isAccessible = true
  /// What an iommufd pins for it.
  var pages: SimulatedPages?
  /// What `/dev/ioasid` has pinned: for it alone, or for all that maps what is registered.
  var pinned: PinnedMemory?
  /// Whether its source is good: `VFIO_DMA_UNMAP_FLAG_VADDR` takes it away for a while.
  var hasSource = true

  /// The length in bytes, 0 for all 2^64.
  var length: UInt64 { range.last &- range.start &+ 1 }
}

/// The mappings of one address space, by address, never overlapping.
struct SimulatedAreas {
  /// The mappings, ascending.
  private(set) var areas: [SimulatedArea] = []

  /// Whether nothing is mapped.
  var isEmpty: Bool { areas.isEmpty }

  /// How many bytes are mapped.
  var byteCount: UInt64 { areas.reduce(0) { $0 &+ $1.length } }

  /// Position of the first mapping that ends at or after an address; a binary search.
  func firstIndex(endingAtOrAfter address: UInt64) -> Int {
    areas.partitioningIndex { $0.range.last >= address }
  }

  /// The positions of the mappings that touch a range.
  func indices(touching range: AddressRange) -> Range<Int> {
    let first = firstIndex(endingAtOrAfter: range.start)
    var end = first
    while end < areas.count, areas[end].range.start <= range.last { end += 1 }
    return first..<end
  }

  /// Whether a mapping touches a range.
  func touches(_ range: AddressRange) -> Bool {
    let index = firstIndex(endingAtOrAfter: range.start)
    return index < areas.count && areas[index].range.start <= range.last
  }

  /// Adds a mapping that touches no other.
  mutating func insert(_ area: SimulatedArea) {
    areas.insert(area, at: firstIndex(endingAtOrAfter: area.range.start))
  }

  /// Gives a mapping another source, or none for now.
  mutating func setSource(of index: Int, to source: UInt64?) {
    areas[index].hasSource = source != nil
    if let source { areas[index].source = source }
  }

  /// Removes mappings and says how many bytes they were.
  mutating func remove(_ indices: Range<Int>) -> UInt64 {
    let bytes = areas[indices].reduce(UInt64(0)) { $0 &+ $1.length }
    areas.removeSubrange(indices)
    return bytes
  }
}

/// Ranges nobody may map, each as often as there are devices that have it.
struct ReservedRanges {
  /// The ranges, ascending, without duplicates.
  private(set) var ranges: [AddressRange] = []
  private var counts: [Int] = []

  /// Whether a reserved range touches a range.
  func touches(_ range: AddressRange) -> Bool { ranges.contains { $0.overlaps(range) } }

  /// Adds one use of a range.
  mutating func add(_ range: AddressRange) {
    let index = position(range)
    if index < ranges.count, ranges[index] == range {
      counts[index] += 1
    } else {
      ranges.insert(range, at: index)
      counts.insert(1, at: index)
    }
  }

  /// Takes one use of a range away.
  mutating func remove(_ range: AddressRange) {
    let index = position(range)
    guard index < ranges.count, ranges[index] == range else { return }
    counts[index] -= 1
    guard counts[index] == 0 else { return }
    ranges.remove(at: index)
    counts.remove(at: index)
  }

  /// The complement up to a last address: what may be mapped.
  func complement(upTo last: UInt64) -> [AddressRange] {
    var usable: [AddressRange] = []
    var next: UInt64 = 0
    for range in ranges where range.last >= next {
      if range.start > last { break }
      if range.start > next { usable.append(AddressRange(start: next, last: range.start - 1)) }
      if range.last >= last { return usable }
      next = range.last + 1
    }
    usable.append(AddressRange(start: next, last: last))
    return usable
  }

  private func position(_ range: AddressRange) -> Int {
    ranges.partitioningIndex { $0 >= range }
  }
}
