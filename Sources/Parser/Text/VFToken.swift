/// The secret that the user of a physical function on vfio-pci shares with those of its virtual
/// functions: a UUID.
public struct VFToken: Hashable, Sendable, CustomStringConvertible {
  /// Its 16 bytes, in the order of the text, as the kernel's `uuid_t` has them.
  public let bytes: [UInt8]

  /// The UUID as RFC 9562 writes it, in small letters.
  public var description: String {
    var text = ""
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text += "-" }
      text.appendHex(UInt64(byte), digits: 2)
    }
    return text
  }

  /// Reads 8, 4, 4, 4 and 12 hexadecimal digits with dashes between, in either case; `nil` for
  /// anything else.
  public init?(_ text: some StringProtocol) {
    let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard parts.map(\.count) == [8, 4, 4, 4, 12] else { return nil }
    guard let bytes = Hex.bytes(Array(parts.joined())) else { return nil }
    self.bytes = bytes
  }

  /// Takes 16 bytes; `nil` for any other number of them.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 16 else { return nil }
    self.bytes = bytes
  }
}
