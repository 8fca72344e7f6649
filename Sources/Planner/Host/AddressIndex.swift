import Parser

/// Finds host devices by address: addresses in order, with their positions.
///
/// Snapshots list devices in bus order, so there is mostly nothing to sort, and neighbours of a
/// file are neighbours here.
struct AddressIndex: Sendable {
  private struct Entry {
    var packed: UInt64
    var position: HostDeviceIndex
  }

  private let entries: [Entry]

  /// Indexes devices.
  init(_ devices: [HostDevice]) {
    var entries: [Entry] = []
    entries.reserveCapacity(devices.count)
    var isSorted = true
    for position in devices.indices {
      let packed = devices[position].address.packed
      if let last = entries.last, last.packed >= packed { isSorted = false }
      entries.append(Entry(packed: packed, position: HostDeviceIndex(position)))
    }
    if !isSorted {
      entries.sort { ($0.packed, $0.position.offset) < ($1.packed, $1.position.offset) }
    }
    self.entries = entries
  }

  /// The first device at an address.
  func position(of address: BDF) -> Int? {
    let index = entries.partitioningIndex { $0.packed >= address.packed }
    guard index < entries.count, entries[index].packed == address.packed else { return nil }
    return entries[index].position.position
  }

  /// Positions of devices whose address an earlier device has, with the first of those.
  var duplicates: [(first: Int, later: Int)] {
    var pairs: [(first: Int, later: Int)] = []
    var first = 0
    for index in entries.indices.dropFirst() {
      if entries[index].packed != entries[first].packed {
        first = index
      } else {
        pairs.append((entries[first].position.offset, entries[index].position.offset))
      }
    }
    return pairs
  }
}

/// Finds names that were seen before.
///
/// A hash table of positions with open addressing: no allocation per name.
struct NameIndex {
  private var slots: [PositionIndex<String>]
  private let mask: Int

  /// Makes room for a number of names.
  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    slots = [PositionIndex](repeating: .none, count: size)
    mask = size - 1
  }

  /// The position under which a name was added before; adds it if there is none.
  ///
  /// `name` gives back the name at a position.
  mutating func insert(
    _ position: Int, _ text: String, name: (Int) -> String
  ) -> Int? {
    var slot = Self.hash(text) & mask
    while let known = slots[slot].position {
      if name(known) == text { return known }
      slot = (slot + 1) & mask
    }
    slots[slot] = PositionIndex(position)
    return nil
  }

  /// FNV-1a with a final mix, so that names with a common start and a number spread well.
  private static func hash(_ text: String) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return Int(truncatingIfNeeded: hash ^ (hash >> 32))
  }
}
