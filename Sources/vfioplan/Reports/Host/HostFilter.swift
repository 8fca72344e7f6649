import Parser

/// Words that pick devices of a host: every word has to fit a device in some way.
///
/// A word fits by class, name, driver, address, ids or number of the IOMMU group; case does not
/// matter.
struct HostFilter {
  private let words: [String]
  private let names: PCINames

  /// Takes words; none fit every device.
  init(_ words: [String], _ names: PCINames) {
    self.words = words.map { $0.lowercased() }
    self.names = names
  }

  /// Whether there is nothing to pick.
  var isEmpty: Bool { words.isEmpty }

  /// Whether every word fits a device.
  func fits(_ device: HostDevice) -> Bool {
    if words.isEmpty { return true }
    let texts = texts(of: device)
    return words.allSatisfy { fits($0, device, texts) }
  }

  /// What people call classes besides their words.
  private static let aliases: [(word: String, also: [String])] = [
    ("display", ["gpu", "vga", "graphics"]), ("multimedia", ["audio", "sound"]),
    ("network", ["nic", "ethernet", "lan", "wifi"]), ("storage", ["disk", "ssd", "drive"]),
    ("accelerator", ["npu"]),
  ]

  /// What a part of is enough to fit.
  private func texts(of device: HostDevice) -> [String] {
    let word = PCIClass.word(of: device.classCode)
    let also = Self.aliases.first { $0.word == word }?.also ?? []
    let name = names.name(vendor: device.vendor, device: device.device)
    return [word, PCIClass.kind(of: device.classCode).lowercased()] + also
      + [device.driver, name].compactMap { $0?.lowercased() }
  }

  private func fits(_ word: String, _ device: HostDevice, _ texts: [String]) -> Bool {
    let ids = [device.vendor, device.device].map { hexDigits(UInt64($0), 4) }
    if ids.contains(word) || ids.contains(where: { "0x" + $0 == word }) { return true }
    if device.ids.hasPrefix(word), word.utf8.count > 4 { return true }
    if let number = Int(word) { return device.group == number }
    let address = device.address.description
    if address.hasPrefix(word) || address.dropFirst("0000:".utf8.count).hasPrefix(word),
      word.contains(":")
    {
      return true
    }
    return texts.contains { $0.contains(word) }
  }
}
