/// One input: its name as the user typed it and its bytes.
public struct SourceFile: Sendable, Hashable {
  /// The largest input that is read, in bytes (1 GiB); also what keeps offsets within 32 bits.
  public static let maximumBytes = 1 << 30

  /// The number by which spans refer to this file.
  public let id: SourceID
  /// The name to show, as given on the command line; `<stdin>` for standard input.
  public let name: String
  /// The contents, unchanged.
  public let bytes: [UInt8]

  /// Makes a source file from bytes in memory.
  public init(id: SourceID, name: String, bytes: [UInt8]) {
    self.id = id
    self.name = name
    self.bytes = bytes
  }

  /// Makes a source file from a string.
  public init(id: SourceID, name: String, text: String) {
    self.init(id: id, name: name, bytes: Array(text.utf8))
  }
}
