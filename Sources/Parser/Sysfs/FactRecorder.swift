/// Collects what was read of a machine, so that it can be read again elsewhere.
///
/// Only what says what the hardware and the kernel can do: names, addresses of networks and serial
/// numbers stay behind.
public final class FactRecorder {
  /// What a path leads to in the copy.
  enum Entry {
    case file([UInt8])
    case link(String)
    case directory
  }

  private var entries: [String: Entry] = [:]

  /// Starts empty.
  public init() {}

  func record(_ path: String, _ bytes: [UInt8]) {
    if path == "/proc/sys/kernel/hostname" { return }
    entries[path] = .file(Self.withoutPrivateParts(path, bytes))
  }

  func record(_ path: String, link text: String) { entries[path] = .link(text) }

  /// Something that is there; what it holds may have been read before, or come later.
  func record(existing path: String, isDirectory: Bool) {
    if entries[path] == nil { entries[path] = isDirectory ? .directory : .file([]) }
  }

  /// What the names of options that are looked at contain.
  private static let keptOptions = ["VFIO", "IOMMU", "CONFIG_PAGE_SIZE_", "K_PAGES="]

  private static func withoutPrivateParts(_ path: String, _ bytes: [UInt8]) -> [UInt8] {
    if path.hasSuffix("/config") {
      // Behind the first 256 bytes is, among others, a serial number that network cards make of
      // their address.
      return ConfigurationSpace(bytes).withoutVitalProductData
    }
    if path == "/proc/cmdline" {
      let words = KernelFacts.wordsAboutIOMMUs(bytes)
      return Array((words.joined(separator: " ") + "\n").utf8)
    }
    let isOptions = path.hasPrefix("/boot/config-")
    let isCPUs = path == "/proc/cpuinfo"
    if path == "/proc/meminfo" { return Array(bytes.prefix { $0 != 10 }) + [10] }
    guard isOptions || isCPUs || path == "/proc/interrupts" else { return bytes }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let kept =
      isOptions
      ? lines.filter { line in keptOptions.contains { line.contains($0) } }
      : isCPUs
        ? SysfsTree.processorKeys.compactMap { key in lines.first { $0.hasPrefix(key) } }
        : Array(lines.filter { $0.contains(" IR-") || $0.contains(" ITS-") }.prefix(1))
    return Array((kept.joined(separator: "\n") + "\n").utf8)
  }

  /// A tar archive (`pax`, POSIX.1-2001) of everything, in order of paths.
  public func archive() -> [UInt8] {
    var writer = TarWriter()
    for (path, entry) in entries.sorted(by: { $0.key < $1.key }) {
      let name = String(path.dropFirst())
      switch entry {
      case .file(let bytes): writer.add(name, .file, bytes)
      case .link(let text): writer.add(name, .link, link: text)
      case .directory: writer.add(name + "/", .directory)
      }
    }
    return writer.finished()
  }
}
