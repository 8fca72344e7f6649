extension BDF {
  /// The address as Linux prints it: `0000:65:00.0`.
  public var description: String {
    var text = ""
    text.reserveCapacity(12)
    let digits = max(4, (UInt32.bitWidth - domain.leadingZeroBitCount + 3) / 4)
    text.appendHex(UInt64(domain), digits: digits)
    text.append(":")
    text.appendHex(UInt64(bus), digits: 2)
    text.append(":")
    text.appendHex(UInt64(device), digits: 2)
    text.append(".")
    text.appendHex(UInt64(function), digits: 1)
    return text
  }

  /// Reads `dddd:bb:dd.f`, with 4 to 8 digits of domain, in either case; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    let read = Array(text.utf8).withUnsafeBufferPointer { BDF(utf8: $0) }
    guard let read else { return nil }
    self = read
  }

  /// Reads an address from UTF-8 bytes without making a string.
  public init?(utf8: UnsafeBufferPointer<UInt8>) {
    let domainDigits = utf8.count - 8
    guard (4...8).contains(domainDigits),
      utf8[domainDigits] == UInt8(ascii: ":"), utf8[domainDigits + 3] == UInt8(ascii: ":"),
      utf8[domainDigits + 6] == UInt8(ascii: "."),
      let domain = Hex.number(utf8[..<domainDigits]),
      let bus = Hex.number(utf8[(domainDigits + 1)..<(domainDigits + 3)]),
      let device = Hex.number(utf8[(domainDigits + 4)..<(domainDigits + 6)]), device < 32,
      let function = Hex.number(utf8[(domainDigits + 7)..<(domainDigits + 8)]), function < 8
    else { return nil }
    self.init(
      domain: UInt32(domain), bus: UInt8(bus), device: UInt8(device), function: UInt8(function))
  }
}
