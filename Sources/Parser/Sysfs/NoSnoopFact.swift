/// What a device's configuration space says of no-snoop requests.
///
/// Offsets are those of `linux/pci_regs.h`; the PCI Express specification fixes them.
public struct NoSnoopFact: Hashable, Sendable {
  /// Whether the device may emit them.
  public let fact: Fact
  /// Where that comes from, for people.
  public let source: String

  /// Reads the Enable No Snoop bit of Device Control.
  ///
  /// Set, which it is after a reset, means that the device may. Clear says nothing: software can
  /// have cleared it, or the device has it hard-wired. Without PCI Express or PCI-X there is no
  /// such request. Whoever is not root sees 64 bytes, and no capabilities.
  public init(configuration bytes: [UInt8]) {
    guard bytes.count > 64 else {
      fact = .unknown
      source = bytes.isEmpty ? "no configuration space" : "only root can read the capabilities"
      return
    }
    let space = ConfigurationSpace(bytes)
    if let place = space.deviceControl {
      let control = UInt64(bytes[place]) | UInt64(bytes[place + 1]) << 8
      fact = control & 0x800 != 0 ? .yes : .unknown
      source =
        "Device Control " + hexText(control, digits: 4) + (fact == .yes ? "" : ", bit 11 clear")
    } else if space.capability(.pciX) != nil {
      fact = .unknown
      source = "PCI-X"
    } else if space.isWhole, space.capability(.pciExpress) == nil {
      fact = .no
      source = "neither PCI Express nor PCI-X"
    } else {
      fact = .unknown
      source = "the list of capabilities has no end"
    }
  }

  /// What a write test has found: whether Enable No Snoop can be set at all.
  public init(isSettable: Bool) {
    fact = isSettable ? .yes : .no
    source = isSettable ? "Enable No Snoop can be set" : "Enable No Snoop can't be set"
  }

  /// Where Device Control is; `nil` if the device is not PCI Express, or nobody may see.
  public static func deviceControl(in bytes: [UInt8]) -> Int? {
    ConfigurationSpace(bytes).deviceControl
  }
}
