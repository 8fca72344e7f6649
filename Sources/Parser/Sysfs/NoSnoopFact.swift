/// What a device's configuration space says of no-snoop requests.
///
/// Offsets are those of `linux/pci_regs.h`; the PCI Express specification fixes them.
public struct NoSnoopFact: Hashable, Sendable {
  /// Whether the device may emit them.
  public let fact: Fact
  /// Where that comes from, for people.
  public let source: String

  private init(_ fact: Fact, _ source: String) { (self.fact, self.source) = (fact, source) }

  /// Where an unknown fact comes from that root would know.
  public static let rootOnly = "only root can read the capabilities"

  /// Reads the Enable No Snoop bit of Device Control.
  ///
  /// Set, which it is after a reset, means that the device may. Clear says nothing: software can
  /// have cleared it, or the device has it hard-wired. A function without the bit can't only if it
  /// is on a conventional bus, whose requests have no such attribute; those of the root complex
  /// (graphics from Ironlake to Broadwell, chipset functions) are not packets that a bit governs.
  init(_ space: ConfigurationSpace, vendor: UInt16, device: UInt16, isOnConventionalBus: Bool) {
    if let flaw = space.flaw(vendor: vendor, device: device) {
      self.init(.unknown, flaw)
    } else if let control = space.deviceControl.map(space.word) {
      let text = "Device Control " + hexText(UInt64(control), digits: 4)
      let isEnabled = control & Self.enable != 0
      self.init(isEnabled ? .yes : .unknown, isEnabled ? text : text + ", bit 11 clear")
    } else if space.capability(.pciX) != nil {
      self.init(.unknown, "PCI-X")
    } else if isOnConventionalBus {
      self.init(.no, "conventional PCI behind a PCIe-to-PCI bridge")
    } else {
      self.init(.unknown, "no PCI Express capability")
    }
  }

  /// PCI_EXP_DEVCTL_NOSNOOP_EN.
  private static let enable: UInt16 = 0x800

  /// What a write test has found: whether Enable No Snoop can be set at all.
  public init(isSettable: Bool) {
    self.init(
      isSettable ? .yes : .no,
      isSettable ? "Enable No Snoop can be set" : "Enable No Snoop can't be set")
  }

  /// The fact of a virtual function: its own bits are reserved, those of its physical function
  /// hold for it (PCI Express 5.0, 9.3.5.4); `nil` if that function is not there.
  init(ofVirtualFunctionOf physical: BDF, _ fact: NoSnoopFact?) {
    self.init(
      fact?.fact ?? .unknown,
      "physical function \(physical)" + (fact.map { ": " + $0.source } ?? " is not there"))
  }

  /// Where Device Control is; `nil` if the device is not PCI Express, nobody may see, or the list
  /// of capabilities is damaged.
  public static func deviceControl(in bytes: [UInt8]) -> Int? {
    let space = ConfigurationSpace(bytes)
    return space.isWhole ? space.deviceControl : nil
  }
}
