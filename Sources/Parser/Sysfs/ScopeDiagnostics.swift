/// What vfioplan does not plan, and what does: codes VP204x and VP406x.
public enum ScopeDiagnostics {
  /// Every code of this file, in order.
  public static let all = [
    mediatedDevice, channelDevice, cryptoQueue, platformDevice, containerObject, withoutIOMMU,
  ]

  static let mediatedDevice = DiagnosticCode(
    "VP2040", .error, "a mediated device is not one of PCI",
    """
    A mediated device (mdev) is a share of a device that stays with its driver, which programs the \
    hardware for it; it has no page table of its own to plan. VMMs take it by its UUID: \
    '-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/UUID' of QEMU, a hostdev of type 'mdev' in \
    libvirt. A card that can do SR-IOV has virtual functions, whose addresses vfioplan takes.
    """)
  static let channelDevice = DiagnosticCode(
    "VP2041", .error, "a channel device is not one of PCI",
    """
    'c.s.dddd' is the bus id of a channel device of IBM Z. Its programs are translated by the \
    kernel, so there is no page table to plan. Give its subchannel to vfio_ccw and pass it with \
    '-device vfio-ccw', or as a hostdev of model 'vfio-ccw' in libvirt. Functions of PCI on the \
    same machine have addresses, which vfioplan takes.
    """)
  static let cryptoQueue = DiagnosticCode(
    "VP2042", .error, "a queue of a crypto adapter is not a device of PCI",
    """
    'cc.qqqq' is card and domain of a cryptographic adapter of IBM Z (AP). Queues are assigned to \
    a mediated device of vfio_ap, and there is no page table to plan. Pass that device with \
    '-device vfio-ap', or as a hostdev of model 'vfio-ap' in libvirt.
    """)
  static let platformDevice = DiagnosticCode(
    "VP2043", .error, "a device of the platform bus is not one of PCI",
    """
    Devices that firmware or a device tree describes have names, not addresses. vfioplan plans \
    devices of PCI only. The kernel has VFIO for a few others (vfio-platform), which QEMU takes as \
    '-device vfio-platform,host=NAME' where it was built with it.
    """)
  static let containerObject = DiagnosticCode(
    "VP2044", .error, "an object of NXP's management complex is not one of PCI",
    """
    'dprc.N', 'dpni.N' and their like are objects of the bus fsl-mc (DPAA2). The kernel has VFIO \
    for its containers (vfio-fsl-mc), which programs such as DPDK's use. vfioplan plans devices of \
    PCI only, whose addresses 'lspci -D' lists.
    """)
  /// The code of a device that no IOMMU holds back.
  public static let withoutIOMMU = DiagnosticCode(
    "VP4060", .error, "a device is given away without an IOMMU",
    """
    With enable_unsafe_noiommu_mode VFIO makes nodes ('/dev/vfio/noiommu-N') for devices that no \
    IOMMU holds back: a process that opens one can have the device write to all memory of the \
    host. No VMM can use it, and there is no page table to plan. It is for programs such as \
    DPDK's, as root. Switch the IOMMU on, and the mode off, to give the device to a VM.
    """)

  /// The finding about a text in place of a PCI address that names another kind of device; `nil`
  /// if it names none.
  static func otherDevice(_ text: String, at span: SourceSpan) -> Diagnostic? {
    guard let kind = OtherDevice(text) else { return nil }
    let quoted = QuotedText.quote(text)
    switch kind {
    case .mediated(let uuid):
      return Diagnostic(
        mediatedDevice, "\(quoted) is the UUID of a mediated device, which vfioplan does not plan",
        at: span,
        help: "give it to the VMM by 'sysfsdev=/sys/bus/mdev/devices/\(uuid)', or plan with the "
          + "address of a virtual function")
    case .channel:
      return Diagnostic(
        channelDevice, "\(quoted) is a channel device of IBM Z, which vfioplan does not plan",
        at: span, help: "give it to the VMM with vfio-ccw")
    case .queue:
      return Diagnostic(
        cryptoQueue, "\(quoted) is a queue of a crypto adapter, which vfioplan does not plan",
        at: span, help: "give it to the VMM with vfio-ap")
    case .platform:
      return Diagnostic(
        platformDevice, "\(quoted) is a device of the platform bus, which vfioplan does not plan",
        at: span, help: "give it to the VMM with vfio-platform, or use the address of a PCI device")
    case .container:
      return Diagnostic(
        containerObject, "\(quoted) is an object of the bus fsl-mc, which vfioplan does not plan",
        at: span, help: "use vfio-fsl-mc with its container, or the address of a PCI device")
    }
  }

  /// The finding about devices of a machine that have nodes of VFIO without an IOMMU.
  static func unprotected(_ addresses: [BDF]) -> Diagnostic {
    let names = nameList(addresses.map(\.description), limit: 4)
    return Diagnostic(
      withoutIOMMU, "\(names) can be had without an IOMMU (noiommu), which is not planned",
      at: nil, help: noMode
    ).asWarning
  }

  /// The finding about a VM's device that is one of these.
  public static func unprotected(_ device: ResolvedDevice) -> Diagnostic {
    Diagnostic(
      withoutIOMMU,
      "device \(QuotedText.quote(device.name)) is with VFIO without an IOMMU (noiommu), which no "
        + "VM can use",
      at: device.$place, help: noMode)
  }

  private static let noMode =
    "switch the IOMMU on and 'enable_unsafe_noiommu_mode' off; a program such as DPDK's can use "
    + "the node as it is"
}

/// A device that VFIO can give away and that is none of PCI, told by its name.
private enum OtherDevice {
  case channel, queue, platform, container
  /// A share of a device, by its UUID.
  case mediated(String)

  init?(_ text: String) {
    let dots = text.split(separator: ".", omittingEmptySubsequences: false)
    if let uuid = Self.uuid(in: text) {
      self = .mediated(uuid)
    } else if Self.areHex(dots, [1, 1, 4]) || Self.areHex(dots, [2, 1, 4]) {
      self = .channel
    } else if Self.areHex(dots, [2, 4]) {
      self = .queue
    } else if Self.isOfContainer(dots) {
      self = .container
    } else if Self.isOfDeviceTree(dots) || Self.isOfACPI(text) || Self.isOfDriver(dots) {
      self = .platform
    } else {
      return nil
    }
  }

  /// A UUID, also as libvirt's names of devices (`mdev_UUID`, with underscores) and addresses of
  /// other tools (`uuid:UUID`) have it.
  private static func uuid(in text: String) -> String? {
    var rest = Substring(text)
    if text.hasPrefix("uuid:") { rest = text.dropFirst(5) }
    if text.hasPrefix("mdev_") { rest = text.dropFirst(5).prefix(36) }
    let parts = rest.split(omittingEmptySubsequences: false) { $0 == "-" || $0 == "_" }
    return areHex(parts, [8, 4, 4, 4, 12]) ? parts.joined(separator: "-") : nil
  }

  /// An object of fsl-mc: `dprc.2`, `dpni.0`.
  private static func isOfContainer(_ parts: [Substring]) -> Bool {
    parts.count == 2 && (4...6).contains(parts[0].utf8.count) && parts[0].hasPrefix("dp")
      && parts[0].utf8.allSatisfy(isLowercase) && parts[1].isDecimal
  }

  /// A device that a driver has made: `arm-smmu.0.auto`, or by a name with a number of four digits,
  /// `serial8250`.
  private static func isOfDriver(_ parts: [Substring]) -> Bool {
    guard let first = parts[0].utf8.first, isLowercase(first), parts[0].utf8.allSatisfy(isOfName)
    else { return false }
    if parts.count == 3 { return parts[1].isDecimal && parts[2] == "auto" }
    guard parts.count == 1 || parts.count == 2 && parts[1].isDecimal else { return false }
    let letters = parts[0].dropLast(4)
    return parts[0].suffix(4).isDecimal && !letters.isEmpty
      && !letters.utf8.contains(where: \.isDecimalDigit)
  }

  /// Lower case, digits, dash and underscore.
  private static func isOfName(_ byte: UInt8) -> Bool {
    isLowercase(byte) || byte.isDecimalDigit || byte == 0x2d || byte == 0x5f
  }

  private static func areHex(_ parts: [Substring], _ lengths: [Int]) -> Bool {
    parts.map(\.utf8.count) == lengths && parts.allSatisfy(isHex)
  }

  private static func isHex(_ text: Substring) -> Bool {
    text.utf8.allSatisfy { Hex.value(of: $0) != nil }
  }

  private static func isLowercase(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }

  /// An address and a name: `ff650800.iommu`.
  private static func isOfDeviceTree(_ parts: [Substring]) -> Bool {
    guard parts.count == 2, parts[0].utf8.count > 2, isHex(parts[0]),
      let first = parts[1].utf8.first, isLowercase(first)
    else { return false }
    return parts[1].utf8.allSatisfy(isOfName)
  }

  /// A hardware id and an instance: `AMDI0020:00`.
  private static func isOfACPI(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.count == 2, isHex(parts[1]),
      (7...8).contains(parts[0].utf8.count)
    else { return false }
    let (letters, digits) = (parts[0].dropLast(4), parts[0].suffix(4))
    return letters.utf8.allSatisfy { (0x41...0x5a).contains($0) }
      && isHex(digits) && !digits.utf8.contains(where: isLowercase)
  }
}
