extension BAR {
  /// The registers that a function may have windows behind; resources after them are not BARs.
  private static let count = 6
  /// Flags of resources (`include/linux/ioport.h`, IORESOURCE_MEM, _PREFETCH and _MEM_64).
  private static let (memory, prefetch, wide): (UInt64, UInt64, UInt64) = (0x200, 0x2000, 0x10_0000)

  /// Reads the lines of a device's `resource` in sysfs: first and last address, flags.
  ///
  /// Of a register that is not there all is zero. One that got no address has a size all the same.
  ///
  /// - Returns: The windows of memory; `nil` if the text is not such lines.
  static func all(in text: String) -> [BAR]? {
    let lines = text.split(separator: "\n", maxSplits: count, omittingEmptySubsequences: false)
    guard lines.count >= count else { return nil }
    var bars: [BAR] = []
    for (index, line) in lines.prefix(count).enumerated() {
      let words = line.split(separator: " ")
      let numbers = words.compactMap { Hex.prefixed($0) }
      guard words.count == 3, numbers.count == 3 else { return nil }
      let (start, last, flags) = (numbers[0], numbers[1], numbers[2])
      guard flags & memory != 0 else { continue }
      guard last >= start, last - start < .max else { return nil }
      bars.append(
        BAR(
          index: index, size: last - start + 1, isPrefetchable: flags & prefetch != 0,
          is64Bit: flags & wide != 0))
    }
    return bars
  }
}
