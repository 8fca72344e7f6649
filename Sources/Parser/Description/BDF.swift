/// A PCI address, `dddd:bb:dd.f`.
///
/// The domain has 4 to 8 hexadecimal digits (Linux numbers domains above 0xffff behind VMD).
public struct BDF: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Domain, bus, device and function packed from high to low bits, so that order is bus order.
  public let packed: UInt64

  /// Makes an address; device is 0 to 31, function 0 to 7.
  public init(domain: UInt32, bus: UInt8, device: UInt8, function: UInt8) {
    precondition(device < 32 && function < 8, "device or function out of range")
    packed =
      UInt64(domain) << 16 | UInt64(bus) << 8 | UInt64(device) << 3 | UInt64(function)
  }

  /// `0000:00:00.0`.
  public static let zero = BDF(domain: 0, bus: 0, device: 0, function: 0)

  /// The PCI domain (segment).
  public var domain: UInt32 { UInt32(truncatingIfNeeded: packed >> 16) }
  /// The bus number.
  public var bus: UInt8 { UInt8(truncatingIfNeeded: packed >> 8) }
  /// The device number, 0 to 31.
  public var device: UInt8 { UInt8(truncatingIfNeeded: packed >> 3) & 31 }
  /// The function number, 0 to 7.
  public var function: UInt8 { UInt8(truncatingIfNeeded: packed) & 7 }

  /// Orders by domain, bus, device, function.
  public static func < (left: BDF, right: BDF) -> Bool { left.packed < right.packed }
}
