/// Which input a span lies in.
///
/// A compilation reads a handful of files, a check thousands; each gets its own number so that a
/// span stays small enough to be stored per step of a program.
public struct SourceID: RawRepresentable, Hashable, Sendable {
  /// The number of the input.
  public let rawValue: UInt32

  /// Makes the id with the given number.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The VM description, or the saved plan that stands in for it.
  public static let vm = SourceID(rawValue: 0)
  /// The host description.
  public static let host = SourceID(rawValue: 1)
  /// The second operand of `diff`.
  public static let other = SourceID(rawValue: 2)
  /// The host description of the second operand of `diff`.
  public static let otherHost = SourceID(rawValue: 3)
  /// The policy.
  public static let policy = SourceID(rawValue: 4)
  /// The policy of the second operand of `diff`.
  public static let otherPolicy = SourceID(rawValue: 5)
  /// The first of many VM descriptions that are read at once; the others have the next numbers.
  public static let firstOfMany = SourceID(rawValue: 16)
}

/// A half-open range of bytes in one input file.
///
/// Offsets count UTF-8 bytes from the start of the file, 0-based; inputs are limited to
/// `SourceFile.maximumBytes`, so 32 bits are enough.
public struct SourceSpan: Hashable, Sendable {
  /// The file the range lies in.
  public var source: SourceID
  /// Offset of the first byte.
  public var start: UInt32
  /// Offset of the byte after the last one; equal to `start` for a point.
  public var end: UInt32

  /// Makes a span from byte offsets.
  public init(source: SourceID, start: UInt32, end: UInt32) {
    self.source = source
    self.start = start
    self.end = end
  }

  /// The start of the VM description: the origin of what no single line asked for.
  public static let wholeVM = SourceSpan(source: .vm, start: 0, end: 0)
  /// The start of the host description.
  public static let wholeHost = SourceSpan(source: .host, start: 0, end: 0)
}
