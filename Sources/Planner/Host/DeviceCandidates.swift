import Parser

/// The devices of a host that a description may have meant by an address where there is none.
///
/// By class, and never by how an address is spelled: the device at the nearest address is mostly
/// quite another one.
struct DeviceCandidates {
  /// Words in names of devices, and the class they stand for; first the longer code.
  private static let words: [(classCode: UInt32, names: Set<String>)] = [
    (0x0c03, ["usb", "xhci", "ehci"]), (0x0280, ["wifi", "wlan"]),
    (0x02, ["nic", "net", "network", "eth", "ethernet", "lan", "wan", "uplink"]),
    (0x03, ["gpu", "igpu", "dgpu", "igd", "vga", "graphics", "display"]),
    (
      0x01,
      ["nvme", "ssd", "hdd", "disk", "drive", "storage", "sata", "ahci", "sas", "hba", "raid"]
    ),
    (0x04, ["audio", "sound", "hda", "hdmi"]),
    (0x12, ["npu", "tpu", "fpga", "accelerator"]), (0x10, ["qat", "crypto"]),
  ]

  /// How many are named.
  private static let limit = 4
  private let found: [HostDevice]
  /// Whether the host has some that are in no IOMMU group.
  private let hasOthers: Bool
  /// What one of them is called.
  private let what: String

  /// Looks for devices of the class that is expected of a device, else of the one that its name
  /// tells; `nil` if nothing tells a class.
  init?(for device: ResolvedDevice, on host: HostDescription) {
    guard let wanted = Self.classCode(of: device) else { return nil }
    let (code, digits) = wanted
    let all = host.devices.filter { fact in
      !PCIClass.isBridge(fact.classCode) && fact.classCode >> UInt32(24 - 4 * digits) == code
    }
    found = all.filter { $0.group != nil }
    hasOthers = found.count < all.count
    what = digits == 2 ? PCIClass.word(of: code << 16) + " device" : PCIClass.kind(of: code << 8)
  }

  /// The first digits of a class code, and how many they are.
  private static func classCode(of device: ResolvedDevice) -> (code: UInt32, digits: Int)? {
    if let code = device.expected?.classCode { return (code >> 8, 4) }
    let parts = device.name.lowercased().split { !$0.isLetter }.map(String.init)
    return words.first { $0.names.contains(where: parts.contains) }
      .map { ($0.classCode, $0.classCode > 0xff ? 4 : 2) }
  }

  /// What is said of them.
  var text: String {
    if found.isEmpty {
      return hasOthers
        ? "the host has no \(what) in an IOMMU group" : "the host has no \(what) at all"
    }
    let names = found.map { fact in
      "'\(fact.address)'" + (fact.driver.map { " on \($0.visible)" } ?? "")
    }
    let noun = found.count == 1 ? "the \(what)" : "the \(what)s"
    return "\(noun) of the host: \(nameList(names, limit: Self.limit))"
  }
}
