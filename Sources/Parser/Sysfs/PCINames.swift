/// Words for class codes (PCI Code and ID Assignment Specification 1.16, base classes).
public enum PCIClass {
  private static let words = [
    "old", "storage", "network", "display", "multimedia", "memory", "bridge", "communication",
    "system", "input", "dock", "processor", "serial", "wireless", "intelligent", "satellite",
    "encryption", "signal", "accelerator", "instrumentation",
  ]

  /// The word for a 24-bit class code.
  public static func word(of classCode: UInt32) -> String {
    let base = Int(classCode >> 16)
    return words.indices.contains(base) ? words[base] : "other"
  }

  /// What people call a device of a class: class and subclass, else the class alone.
  private static let kinds: [UInt32: String] = [
    0x0100: "SCSI controller", 0x0101: "IDE controller", 0x0104: "RAID controller",
    0x0106: "SATA controller", 0x0107: "SAS controller", 0x0108: "NVMe drive",
    0x0200: "network card", 0x0280: "network card", 0x0300: "graphics card",
    0x0302: "graphics processor", 0x0401: "audio device", 0x0403: "audio device",
    0x0600: "host bridge", 0x0601: "ISA bridge", 0x0604: "PCI bridge",
    0x0780: "communication device",
    0x0c03: "USB controller", 0x0c05: "SMBus controller", 0x0c80: "serial bus controller",
    0x0d11: "Bluetooth controller", 0x0d80: "wireless controller", 0x1080: "crypto device",
    0x1180: "signal processor", 0x1200: "accelerator",
  ]

  /// What people call a device of a 24-bit class code.
  public static func kind(of classCode: UInt32) -> String {
    if let kind = kinds[classCode >> 8] { return kind }
    let word = word(of: classCode)
    return word == "other" || word == "old" ? "device" : word + " device"
  }

  /// Whether disks are behind it.
  public static func isStorage(_ classCode: UInt32) -> Bool { classCode >> 16 == 1 }

  /// Every word.
  public static var all: [String] { words + ["other"] }

  /// Whether it is a host, ISA or PCI bridge.
  public static func isBridge(_ classCode: UInt32) -> Bool { classCode >> 16 == 6 }
}

/// Names of vendors and devices, from the pci.ids of a machine; copies have none.
public struct PCINames: Sendable {
  private var names: [UInt32: String] = [:]

  /// Where systems have the file.
  public static let places = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"]

  /// Looks the devices of a machine up; without the file nothing has a name.
  public init(for host: HostDescription, in tree: SysfsTree) {
    self.init(for: host.devices, in: tree, at: Self.places)
  }

  /// Looks devices up in the first of some files that is there.
  public init(for devices: [HostDevice], in tree: SysfsTree, at places: [String]) {
    guard let bytes = places.lazy.compactMap({ tree.bytes($0, atMost: 16 << 20) }).first else {
      return
    }
    let wanted = Set(devices.map { Self.key($0.vendor, $0.device) })
    let vendors = Set(devices.map(\.vendor))
    var vendor: (id: UInt16, name: String)?
    for line in bytes.split(separator: 10) where line.first != UInt8(ascii: "#") {
      if line.first == 9 {
        guard let vendor, line.dropFirst().first != 9,
          let (id, name) = Self.entry(line.dropFirst()),
          wanted.contains(Self.key(vendor.id, id))
        else { continue }
        names[Self.key(vendor.id, id)] = ProductName.short(vendor: vendor.name, device: name)
      } else {
        // The list of classes, which begins with `C `, is not a vendor.
        vendor = Self.entry(line).flatMap { vendors.contains($0.id) ? $0 : nil }
      }
    }
  }

  /// A device in as few words as tell it: `Intel UHD Graphics 630`; `nil` if it has no name.
  public func name(vendor: UInt16, device: UInt16) -> String? { names[Self.key(vendor, device)] }

  private static func key(_ vendor: UInt16, _ device: UInt16) -> UInt32 {
    UInt32(vendor) << 16 | UInt32(device)
  }

  /// Four hexadecimal digits, two spaces, a name.
  private static func entry(_ line: ArraySlice<UInt8>) -> (id: UInt16, name: String)? {
    guard line.count > 6, let id = Hex.number(line.prefix(4)) else { return nil }
    return (UInt16(truncatingIfNeeded: id), String(decoding: line.dropFirst(6), as: UTF8.self))
  }
}
