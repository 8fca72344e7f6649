/// What devices a row of a policy is about; what is left out may be anything.
public struct DevicePattern: Hashable, Sendable, CustomStringConvertible {
  /// PCI vendor id.
  public var vendor: UInt16?
  /// PCI device id.
  public var device: UInt16?
  /// The class code, or a range of class codes.
  public var classCode: ClassPattern?
  /// The ids of the card or board it is part of.
  public var subsystem: PCISubsystem?
  /// The PCI bus, in any domain.
  public var bus: UInt8?

  /// Makes a pattern.
  public init(
    vendor: UInt16? = nil, device: UInt16? = nil, classCode: ClassPattern? = nil,
    subsystem: PCISubsystem? = nil, bus: UInt8? = nil
  ) {
    self.vendor = vendor
    self.device = device
    self.classCode = classCode
    self.subsystem = subsystem
    self.bus = bus
  }

  /// Whether a device of the host is one of these; what is not known of it is nothing asked for.
  public func matches(_ fact: HostDevice) -> Bool {
    (vendor == nil || vendor == fact.vendor) && (device == nil || device == fact.device)
      && classCode?.matches(fact.classCode) != false
      && (subsystem == nil || subsystem == fact.subsystem)
      && (bus == nil || bus == fact.address.bus)
  }

  /// Whether every device of another pattern is one of these.
  public func covers(_ other: DevicePattern) -> Bool {
    func admits<Value: Equatable>(_ mine: Value?, _ theirs: Value?) -> Bool {
      mine == nil || mine == theirs
    }
    return admits(vendor, other.vendor) && admits(device, other.device)
      && admits(subsystem, other.subsystem) && admits(bus, other.bus)
      && classCode.map { mine in other.classCode.map(mine.covers) ?? false } != false
  }

  /// The keys that are there with their values: `vendor 0x8086, class 0x03xxxx`.
  public var description: String {
    let parts: [String?] = [
      vendor.map { "vendor \(hexText(UInt64($0), digits: 4))" },
      device.map { "device \(hexText(UInt64($0), digits: 4))" },
      classCode.map { "class \($0)" }, subsystem.map { "subsystem \($0)" },
      bus.map { "bus \(hexText(UInt64($0), digits: 2))" },
    ]
    let said = parts.compactMap { $0 }
    return said.isEmpty ? "any device" : said.joined(separator: ", ")
  }
}

/// A class code of 24 bits, or all that begin with the same bytes: `0x030000`, `0x0300xx`,
/// `0x03xxxx`.
public struct ClassPattern: Hashable, Sendable, CustomStringConvertible {
  /// The bits that count; those that don't are 0.
  public let code: UInt32
  /// How many low bits of the 24 don't count: 0, 8 or 16.
  private let open: UInt32

  /// One class code.
  public init(_ code: UInt32) { (self.code, open) = (code & 0xff_ffff, 0) }

  /// All class codes of a base class, the first of the three bytes.
  public init(base: UInt8) { (code, open) = (UInt32(base) << 16, 16) }

  /// Reads `0x03xxxx` or `0x0300xx`; `nil` for anything else, a class code as well.
  public init?(utf8: UnsafeBufferPointer<UInt8>) {
    guard utf8.count == 8, utf8[0] == UInt8(ascii: "0"), utf8[1] == UInt8(ascii: "x") else {
      return nil
    }
    let first = utf8.firstIndex(of: UInt8(ascii: "x"), from: 2)
    guard first == 4 || first == 6, utf8[first...].allSatisfy({ $0 == UInt8(ascii: "x") }),
      let bytes = Hex.number(utf8[2..<first])
    else { return nil }
    open = UInt32(8 - first) * 4
    code = UInt32(truncatingIfNeeded: bytes) << open
  }

  /// Whether a class code is one of these.
  public func matches(_ other: UInt32) -> Bool { other >> open == code >> open }

  /// Whether all of another pattern are of these.
  func covers(_ other: ClassPattern) -> Bool { other.open <= open && matches(other.code) }

  /// The pattern as it is read.
  public var description: String {
    let digits = Int(24 - open) / 4
    return hexText(UInt64(code >> open), digits: digits)
      + String(repeating: "x", count: 6 - digits)
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The first place of a byte at or after an offset; the end if there is none.
  fileprivate func firstIndex(of byte: UInt8, from start: Int) -> Int {
    self[start...].firstIndex(of: byte) ?? count
  }
}
