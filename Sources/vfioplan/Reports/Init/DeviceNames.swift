import Parser

/// Names for the devices of a first description: short, by what they are, each once.
struct DeviceNames {
  private var counts: [String: Int] = [:]

  /// A name for a device; what else is on a graphics card is called after it.
  mutating func name(for device: HostDevice, onGraphicsCard isOnCard: Bool) -> String {
    let kind = Self.word(for: device.classCode)
    let base = isOnCard && kind != "gpu" ? "gpu-" + kind : kind
    let count = counts[base, default: 0] + 1
    counts[base] = count
    return count == 1 ? base : "\(base)\(count)"
  }

  private static let words: [UInt32: String] = [
    0x0106: "sata", 0x0107: "sas", 0x0108: "nvme", 0x0280: "wifi", 0x0c03: "usb", 0x0c05: "smbus",
    0x0d11: "bluetooth",
  ]
  private static let classes: [UInt32: String] = [
    0x01: "disk", 0x02: "nic", 0x03: "gpu", 0x04: "audio", 0x08: "system", 0x0d: "wireless",
    0x10: "crypto", 0x11: "signal", 0x12: "npu",
  ]

  /// What people call a device of a 24-bit class code, in one word that a name may be.
  private static func word(for classCode: UInt32) -> String {
    if let word = words[classCode >> 8] ?? classes[classCode >> 16] { return word }
    let word = PCIClass.word(of: classCode)
    return ["old", "other"].contains(word) ? "device" : word
  }
}
