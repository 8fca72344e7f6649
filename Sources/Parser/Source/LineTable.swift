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

  /// Scans a file once, linear in its length.
  public init(_ file: SourceFile) {
    bytes = file.bytes
    lineStarts = bytes.withUnsafeBufferPointer { bytes in
      var starts: [UInt32] = [bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0]
      for index in bytes.indices {
        let isReturn = bytes[index] == 13 && (index + 1 == bytes.count || bytes[index + 1] != 10)
        if bytes[index] == 10 || isReturn { starts.append(UInt32(index + 1)) }
      }
      return starts
    }
  }

  /// The 1-based line and column of an offset; columns count characters (Unicode scalars).
  ///
  /// An offset past the end counts as the end of the file.
  public func position(of offset: UInt32) -> (line: Int, column: Int) {
    let offset = min(offset, UInt32(bytes.count))
    let line = lineIndex(of: offset)
    let start = Int(lineStarts[line])
    let column = bytes[start..<max(start, Int(offset))].count { $0 & 0xC0 != 0x80 }
    return (line + 1, column + 1)
  }

  /// The 0-based index into `lineStarts` of the line that holds an offset.
  public func lineIndex(of offset: UInt32) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
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
