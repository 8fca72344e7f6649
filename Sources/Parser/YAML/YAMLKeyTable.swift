/// Gives each distinct key of a file a small number, so that keys are compared as integers.
///
/// Entries of a list mostly have the same keys in the same order, so the key that followed last
/// time is tried first; only a miss is hashed. The hash is seeded per process, which keeps files
/// made to collide linear.
struct YAMLKeyTable: Sendable {
  /// The number of no key.
  static let none: UInt32 = 0

  private struct Entry {
    /// Where the text stands, see `YAMLTree.Record`.
    var textStart: UInt32
    var length: UInt32
    var hash: Int
    /// The key that followed this one last time.
    var next = YAMLKeyTable.none
    /// The first key of the last mapping below this one.
    var firstBelow = YAMLKeyTable.none
  }

  private var entries = [Entry(textStart: 0, length: 0, hash: 0)]
  /// Open addressing; 0 is free, the size is a power of two.
  private var slots = [UInt32](repeating: 0, count: 64)

  /// One more than the largest number given.
  var count: Int { entries.count }

  /// The number of a key, new if it was not seen before.
  ///
  /// - Parameters:
  ///   - key: the key's text.
  ///   - start: where the text stands in source or side buffer.
  ///   - previous: the key before it in its mapping, or `none`.
  ///   - above: the key the mapping stands under.
  ///   - texts: the two buffers that keys stand in.
  /// - Returns: the key's number, never `none`.
  @inline(__always)
  mutating func intern(
    _ key: UnsafeBufferPointer<UInt8>, at start: UInt32, after previous: UInt32,
    under above: UInt32, in texts: borrowing YAMLTexts
  ) -> UInt32 {
    let guess =
      previous == Self.none
      ? entries[Int(above)].firstBelow : entries[Int(previous)].next
    if guess != Self.none, matches(guess, key, texts) { return guess }
    let id = lookUpOrAdd(key, at: start, in: texts)
    if previous == Self.none {
      entries[Int(above)].firstBelow = id
    } else {
      entries[Int(previous)].next = id
    }
    return id
  }

  /// The number of a key, or `none` if no mapping of the file has it.
  func find(_ key: UnsafeBufferPointer<UInt8>, in texts: borrowing YAMLTexts) -> UInt32 {
    slots[slot(of: key, hash: Self.hash(key), texts)]
  }

  private mutating func lookUpOrAdd(
    _ key: UnsafeBufferPointer<UInt8>, at start: UInt32, in texts: borrowing YAMLTexts
  ) -> UInt32 {
    let hash = Self.hash(key)
    let found = slot(of: key, hash: hash, texts)
    if slots[found] != Self.none { return slots[found] }
    let id = UInt32(entries.count)
    entries.append(Entry(textStart: start, length: UInt32(key.count), hash: hash))
    slots[found] = id
    if entries.count * 2 > slots.count { grow() }
    return id
  }

  private func slot(
    of key: UnsafeBufferPointer<UInt8>, hash: Int, _ texts: borrowing YAMLTexts
  ) -> Int {
    var slot = hash & (slots.count - 1)
    while slots[slot] != Self.none {
      if entries[Int(slots[slot])].hash == hash, matches(slots[slot], key, texts) { break }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: slots.count * 4)
    for id in entries.indices.dropFirst() {
      var slot = entries[id].hash & (slots.count - 1)
      while slots[slot] != Self.none { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(id)
    }
  }

  @inline(__always)
  private func matches(
    _ id: UInt32, _ key: UnsafeBufferPointer<UInt8>, _ texts: borrowing YAMLTexts
  ) -> Bool {
    let entry = entries[Int(id)]
    guard Int(entry.length) == key.count else { return false }
    return YAMLBytes.equal(texts.text(at: entry.textStart, length: entry.length), key)
  }

  private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(key))
    return hasher.finalize()
  }
}

/// The two buffers that scalar texts stand in, while a tree is made or read.
struct YAMLTexts {
  /// Set in a text's start if it stands in the side buffer; files are smaller than this.
  static let sideBit: UInt32 = 1 << 31

  /// The file.
  var source: UnsafeBufferPointer<UInt8>
  /// Texts that do not stand in the file as such.
  var side: UnsafeBufferPointer<UInt8>

  /// The text at a place.
  @inline(__always)
  borrowing func text(at start: UInt32, length: UInt32) -> UnsafeBufferPointer<UInt8> {
    let base = start & Self.sideBit == 0 ? source : side
    let first = Int(start & ~Self.sideBit)
    return UnsafeBufferPointer(rebasing: base[first..<first &+ Int(length)])
  }
}
