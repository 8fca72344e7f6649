/// Finds names that occur twice among many that do not.
///
/// Two small bitmaps, by hash, say which names might; only those few are put into a set. A set of
/// all names would be ten times as slow: it does not fit into a cache.
enum RepeatedNames {
  /// Positions of the names that some earlier position has too, ascending; linear in their number.
  static func positions(in results: [ResultDefinition]) -> [Int] {
    var bits: UInt = 1024
    while bits < UInt(results.count) * 16 { bits *= 2 }
    var once = [UInt64](repeating: 0, count: Int(bits / 64))
    var twice = once
    let hashes = hashes(of: results)
    for hash in hashes {
      let (word, bit) = place(hash, bits)
      twice[word] |= once[word] & bit
      once[word] |= bit
    }
    var seen: Set<String> = []
    return results.indices.filter { index in
      let (word, bit) = place(hashes[index], bits)
      return twice[word] & bit != 0 && !seen.insert(results[index].name).inserted
    }
  }

  private static func place(_ hash: UInt, _ bits: UInt) -> (word: Int, bit: UInt64) {
    let position = hash & (bits - 1)
    return (Int(position / 64), 1 << UInt64(position % 64))
  }

  private static func hashes(of results: [ResultDefinition]) -> [UInt] {
    // Seeded by the process, so that nobody can write a file whose names collide; once, because
    // seeding costs as much as hashing a name.
    let seeded = Hasher()
    return results.map { result in
      var hasher = seeded
      var name = result.name
      name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
      return UInt(bitPattern: hasher.finalize())
    }
  }
}
