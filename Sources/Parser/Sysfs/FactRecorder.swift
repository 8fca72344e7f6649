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

  /// Of a target that has no room in an archive, the last part: facts are made of nothing else.
  func record(_ path: String, link text: String) {
    let last = text.split(separator: "/").last.map(String.init) ?? text
    entries[path] = .link(text.utf8.count > 100 ? last : text)
  }

  /// Something that is there; what it holds may have been read before, or come later.
  func record(existing path: String, isDirectory: Bool) {
    if entries[path] == nil { entries[path] = isDirectory ? .directory : .file([]) }
  }

  private static func withoutPrivateParts(_ path: String, _ bytes: [UInt8]) -> [UInt8] {
    if path.hasSuffix("/config") {
      // Behind the first 256 bytes is, among others, a serial number that network cards make of
      // their address.
      return Array(bytes.prefix(256))
    }
    let isOptions = path.hasPrefix("/boot/config-")
    guard isOptions || path == "/proc/interrupts" else { return bytes }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let kept =
      isOptions
      ? lines.filter { $0.contains("VFIO") || $0.contains("IOMMU") }
      : Array(lines.filter { $0.contains(" IR-") || $0.contains(" ITS-") }.prefix(1))
    return Array((kept.joined(separator: "\n") + "\n").utf8)
  }

  /// A tar archive (`ustar`, POSIX.1-1988) of everything, in order of paths.
  public func archive() -> [UInt8] {
    var archive: [UInt8] = []
    for (path, entry) in entries.sorted(by: { $0.key < $1.key }) {
      let name = String(path.dropFirst())
      switch entry {
      case .file(let bytes):
        archive += Self.header(name, type: "0", size: bytes.count, mode: "0000644")
        archive += bytes
        archive += [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
      case .link(let text): archive += Self.header(name, type: "2", link: text, mode: "0000777")
      case .directory: archive += Self.header(name + "/", type: "5", mode: "0000755")
      }
    }
    return archive + [UInt8](repeating: 0, count: 1024)
  }

  private static func header(
    _ name: String, type: String, size: Int = 0, link: String = "", mode: String
  ) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int, _ room: Int) {
      for (index, byte) in text.utf8.prefix(room).enumerated() { header[offset + index] = byte }
    }
    func octal(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    put(name, at: 0, 100)
    put(mode, at: 100, 7)
    for offset in [108, 116] { put("0000000", at: offset, 7) }
    put(octal(size, 11), at: 124, 11)
    put(octal(0, 11), at: 136, 11)
    put("        ", at: 148, 8)
    put(type, at: 156, 1)
    put(link, at: 157, 100)
    put("ustar\u{0}00", at: 257, 8)
    let sum = header.reduce(0) { $0 + Int($1) }
    put(octal(sum, 6) + "\u{0} ", at: 148, 8)
    return header
  }
}
