/// Turns byte offsets of one file into lines and columns.
///
/// Lines end at LF, CR or CR LF. Made once per file when something must be shown; a look-up is a
/// binary search.
public struct LineTable: Sendable {
  private let bytes: [UInt8]
  /// Offset of the first byte of each line, ascending.
  ///
  /// The first is 0, or 3 after a byte-order mark.
  public let lineStarts: [UInt32]

  /// Characters before each block of bytes, if some line is longer than a block; else empty.
  private let blockCounts: [UInt32]
  private static let blockSize = 1 << 12

  /// Scans a file once, linear in its length.
  public init(_ file: SourceFile) {
    bytes = file.bytes
    let starts = bytes.withUnsafeBufferPointer { bytes in
      var starts: [UInt32] = [bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0]
      // Nearly all bytes are none that ends a line.
      for index in bytes.indices where bytes[index] <= 13 {
        let isReturn = bytes[index] == 13 && (index + 1 == bytes.count || bytes[index + 1] != 10)
        if bytes[index] == 10 || isReturn { starts.append(UInt32(index + 1)) }
      }
      return starts
    }
    lineStarts = starts
    let ends = starts.dropFirst() + [UInt32(bytes.count)]
    let isLong = zip(starts, ends).contains { Int($1) - Int($0) > Self.blockSize }
    blockCounts = isLong ? Self.blockCounts(of: bytes) : []
  }

  /// The 1-based line and column of an offset; columns count characters (Unicode scalars).
  ///
  /// An offset past the end counts as the end of the file.
  public func position(of offset: UInt32) -> (line: Int, column: Int) {
    let offset = min(offset, UInt32(bytes.count))
    let line = lineIndex(of: offset)
    let start = Int(lineStarts[line])
    return (line + 1, characters(in: start..<max(start, Int(offset))) + 1)
  }

  /// How many characters begin in a range of bytes; the time does not depend on its length.
  private func characters(in range: Range<Int>) -> Int {
    if range.count <= Self.blockSize { return Self.count(bytes[range]) }
    return charactersBefore(range.upperBound) - charactersBefore(range.lowerBound)
  }

  private func charactersBefore(_ offset: Int) -> Int {
    let block = offset / Self.blockSize
    return Int(blockCounts[block]) + Self.count(bytes[block * Self.blockSize..<offset])
  }

  private static func count(_ bytes: ArraySlice<UInt8>) -> Int { bytes.count { $0 & 0xC0 != 0x80 } }

  private static func blockCounts(of bytes: [UInt8]) -> [UInt32] {
    var counts: [UInt32] = [0]
    for start in stride(from: 0, through: bytes.count - blockSize, by: blockSize) {
      let characters = count(bytes[start..<start + blockSize])
      counts.append((counts.last ?? 0) + UInt32(characters))
    }
    return counts
  }

  /// The 0-based index into `lineStarts` of the line that holds an offset.
  public func lineIndex(of offset: UInt32) -> Int {
    max(lineStarts.partitioningIndex { $0 > offset } - 1, 0)
  }

  /// The bytes of a line, 0-based, without its line end.
  public func line(_ index: Int) -> ArraySlice<UInt8> {
    let start = Int(lineStarts[index])
    let next = index + 1 < lineStarts.count ? Int(lineStarts[index + 1]) : bytes.count
    var end = next
    while end > start, bytes[end - 1] == 10 || bytes[end - 1] == 13 { end -= 1 }
    return bytes[start..<end]
  }
}
