/// The first 256 bytes of a function's configuration space, or as many of them as were read.
///
/// Offsets and ids are those of `linux/pci_regs.h`; the PCI specification fixes them.
struct ConfigurationSpace {
  /// The capabilities that matter here.
  enum Capability: UInt8 {
    case vitalProductData = 0x03
    case pciX = 0x07
    case pciExpress = 0x10
  }

  /// What a bridge makes of requests from below.
  enum Bridge {
    /// From PCI Express to conventional PCI or PCI-X (PCI_EXP_TYPE_PCI_BRIDGE).
    case toConventional
    /// From one conventional bus to another.
    case conventional
    /// Another, such as a port, or one that nothing is known of.
    case unknown
  }

  /// Whether the list of capabilities was followed to its end: then what is not in it is not there.
  ///
  /// It is not if the space was cut off, if the device has left the bus, so that every byte is
  /// ones or zero, and if the list goes in circles, points into the header, or ends in bytes that
  /// nobody wrote or anywhere but at pointer 0.
  private(set) var isWhole = false
  private let bytes: [UInt8]
  private var positions: [(id: UInt8, position: Int)] = []

  /// The header, which everybody may read.
  private static let headerLength = 64
  private static let length = 256
  /// As many capabilities as there is room for.
  private static let maximumCapabilities = 48

  /// Follows the list of capabilities.
  init(_ bytes: [UInt8]) {
    self.bytes = Array(bytes.prefix(Self.length))
    guard bytes.count > Self.headerLength else { return }
    guard bytes[6] & 0x10 != 0 else {
      isWhole = bytes[..<Self.headerLength].contains { $0 != 0 }
      return
    }
    var next = bytes[0x34]
    while next >= Self.headerLength, positions.count < Self.maximumCapabilities {
      // The kernel masks the two bits, which are reserved.
      let position = Int(next & 0xfc)
      guard position + 2 <= self.bytes.count, bytes[position] != 0xff,
        bytes[position] != 0 || bytes[position + 1] != 0
      else { return }
      positions.append((bytes[position], position))
      next = bytes[position + 1]
    }
    isWhole = next == 0
  }

  /// Why nothing can be concluded from the bytes; `nil` if they are credible.
  ///
  /// The first two words are the ids, which sysfs keeps from when the device was found. Only root
  /// sees more than the header.
  func flaw(vendor: UInt16, device: UInt16) -> String? {
    if bytes.isEmpty { return "no configuration space" }
    if bytes.count == Self.headerLength { return NoSnoopFact.rootOnly }
    if bytes.count < Self.length { return "the configuration space is cut short" }
    if bytes.allSatisfy({ $0 == 0xff }) { return "the configuration space is all ones" }
    if bytes.allSatisfy({ $0 == 0 }) { return "the configuration space is all zeros" }
    guard (word(at: 0), word(at: 2)) == (vendor, device) else {
      return "the configuration space is another device's"
    }
    return isWhole ? nil : "the list of capabilities has no end"
  }

  /// Two bytes, the lower one first.
  func word(at place: Int) -> UInt16 { UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8 }

  /// What kind of bridge it is, if it is one: what its secondary bus is; one whose bytes are not
  /// credible is of no known kind.
  func bridge(vendor: UInt16, device: UInt16) -> Bridge? {
    guard bytes.count >= Self.headerLength, bytes[0x0e] & 0x7f == 1 else { return nil }
    guard flaw(vendor: vendor, device: device) == nil else { return .unknown }
    guard let express = capability(.pciExpress) else { return .conventional }
    return word(at: express + 2) >> 4 & 0xf == 7 ? .toConventional : .unknown
  }

  /// The number of the bus below a bridge.
  var secondaryBus: UInt8 { bytes[0x19] }

  /// Where a capability is.
  func capability(_ wanted: Capability) -> Int? {
    positions.first { $0.id == wanted.rawValue }?.position
  }

  /// Where Device Control of PCI Express is.
  var deviceControl: Int? {
    guard let express = capability(.pciExpress), express + 10 <= bytes.count else { return nil }
    return express + 8
  }

  /// The bytes without what vital product data, serial numbers among them, was read last.
  var withoutVitalProductData: [UInt8] {
    guard let position = capability(.vitalProductData) else { return bytes }
    // Where a list is damaged, other capabilities may overlap it.
    let places = positions.map(\.position) + (deviceControl.map { [$0] } ?? [])
    let kept = Set(places.flatMap { [$0, $0 + 1] })
    return bytes.indices.map {
      position + 2..<position + 8 ~= $0 && !kept.contains($0) ? 0 : bytes[$0]
    }
  }
}
