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
      let domain = Self.hex(utf8, 0..<domainDigits),
      let bus = Self.hex(utf8, domainDigits + 1..<domainDigits + 3),
      let device = Self.hex(utf8, domainDigits + 4..<domainDigits + 6), device < 32,
      let function = Self.hex(utf8, domainDigits + 7..<domainDigits + 8), function < 8
    else { return nil }
    self.init(
      domain: domain, bus: UInt8(bus), device: UInt8(device), function: UInt8(function))
  }

  /// Hexadecimal digits as a number, up to eight of them; `nil` if one is none.
  static func hex(_ utf8: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> UInt32? {
    var value: UInt32 = 0
    for index in range {
      let byte = utf8[index]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 48)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - 87)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - 55)
      default: return nil
      }
    }
    return value
  }
}

extension String {
  /// Appends a number in hexadecimal, padded with zeros to `digits`; higher digits are dropped.
  public mutating func appendHex(_ value: UInt64, digits: Int) {
    for shift in stride(from: (digits - 1) * 4, through: 0, by: -4) {
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15
      append(Character(UnicodeScalar(nibble < 10 ? nibble + 48 : nibble + 87)))
    }
  }
}
