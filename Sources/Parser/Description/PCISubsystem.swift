/// Whose card or board a PCI device is part of, and which one: `1462:7b48`.
///
/// Two cards with the same chip have the same vendor and device ids, and differ in these.
public struct PCISubsystem: Hashable, Sendable, CustomStringConvertible {
  /// The subsystem vendor id.
  public let vendor: UInt16
  /// The subsystem id, which its vendor gives.
  public let device: UInt16

  /// Makes a pair of ids.
  public init(vendor: UInt16, device: UInt16) {
    self.vendor = vendor
    self.device = device
  }

  /// The ids as `lspci -nn` prints them: `vvvv:dddd`.
  public var description: String {
    hexDigits(UInt64(vendor), 4) + ":" + hexDigits(UInt64(device), 4)
  }

  /// Reads `vvvv:dddd`, four hexadecimal digits each, in either case; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    let read = Array(text.utf8).withUnsafeBufferPointer { PCISubsystem(utf8: $0) }
    guard let read else { return nil }
    self = read
  }

  /// Reads ids from UTF-8 bytes without making a string.
  public init?(utf8: UnsafeBufferPointer<UInt8>) {
    guard utf8.count == 9, utf8[4] == UInt8(ascii: ":"), let vendor = Hex.number(utf8[..<4]),
      let device = Hex.number(utf8[5...])
    else { return nil }
    self.init(
      vendor: UInt16(truncatingIfNeeded: vendor), device: UInt16(truncatingIfNeeded: device))
  }
}
