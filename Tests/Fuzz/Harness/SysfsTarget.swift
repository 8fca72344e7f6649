@testable import Executor
import Glibc
@testable import Parser
import Planner

/// Nodes that nobody uses: what is made up has none, and this machine's are not to be opened.
private struct NoNodes: NodeInspection {
  func claim(of node: DeviceNode) -> BlockClaim { .free }
  func number(at path: String) throws(TreeError) -> DeviceNumber? { nil }
  func routes() -> Routes? { nil }
}

/// Copies of sysfs, made from a text and read as `vfioplan host --root` does.
enum SysfsTarget {
  /// A tree: what stands at its places, one a line.
  static func run(_ bytes: [UInt8]) {
    let tree = TreeOnDisk(bytes)
    defer { tree.remove() }
    let recorder = FactRecorder()
    guard let source = try? SysfsTree(root: tree.root, recorder: recorder) else {
      return law(false, "a folder that is not a tree")
    }
    let inventory = HostInventory(source)
    canBeReadBack(inventory)
    for finding in inventory.findings {
      law(
        finding.message.contains("/sys/") || finding.message.contains("/proc/"),
        "names no path: \(finding.message)")
    }
    FindingLaws.check(inventory.findings, in: [])
    isTheSame(inventory, in: recorder.archive())
    let text = HostText(
      inventory, names: PCINames(for: inventory.description, in: source),
      advice: IOMMUAdvice(source, inventory.kernelFacts))
    _ = text.page(.plain)
    lookAtUses(inventory.description, source)
  }

  /// An archive: nothing crashes, and what is said of it can be read back.
  static func runArchive(_ bytes: [UInt8]) {
    var inflater = Inflater(bytes, limit: 1 << 20)
    try? inflater.inflate()
    guard let files = try? ArchivedFiles(withSums(bytes)) else { return }
    let recorder = FactRecorder()
    let inventory = HostInventory(SysfsTree(files, recorder: recorder))
    canBeReadBack(inventory)
    FindingLaws.check(inventory.findings, in: [])
    isTheSame(inventory, in: recorder.archive())
  }

  /// An archive whose headers have the sums that they must have: no search would find them.
  private static func withSums(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var start = 0
    while start + 512 <= bytes.count, !Gzip.recognizes(bytes) {
      let header = bytes[start..<start + 512]
      if header.allSatisfy({ $0 == 0 }) { break }
      let own = header[start + 148..<start + 156]
      let sum = header.reduce(0) { $0 + Int($1) } - own.reduce(0) { $0 + Int($1) } + 256
      let digits = String(sum, radix: 8)
      let field = String(repeating: "0", count: 6 - digits.count) + digits + "\0 "
      bytes.replaceSubrange(start + 148..<start + 156, with: field.utf8)
      let size = header[start + 124..<start + 135].reduce(0) { $0 << 3 | Int($1 & 7) }
      start += 512 + (size + 511) / 512 * 512
    }
    return bytes
  }

  /// What is captured of a tree gives the same devices, if nothing of it was left unread.
  private static func isTheSame(_ inventory: HostInventory, in archive: [UInt8]) {
    guard let files = try? ArchivedFiles(archive) else {
      return law(false, "a capture that is not an archive")
    }
    let again = HostInventory(SysfsTree(files)).description
    law(
      !inventory.findings.isEmpty || again.devices == inventory.description.devices,
      "other devices in the capture")
  }

  /// What is looked at before a plan is run: of every device, and of a plan for the first.
  private static func lookAtUses(_ host: HostDescription, _ source: SysfsTree) {
    let openFiles = OpenFiles(source, nodes: NoNodes())
    let use = DeviceUse(source, NoNodes(), openFiles: openFiles)
    for device in host.devices { _ = use.uses(of: device.address) }
    guard let device = host.devices.first(where: { $0.group != nil }) else { return }
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: 0, size: 2 << 20, hugePageBytes: 2 << 20)],
      devices: [AssignedDevice(name: "device", address: device.address)], companions: .bind)
    var sink = DiagnosticSink()
    guard let plan = try? Compilation.compile(vm, on: host, into: &sink) else { return }
    let findings =
      use.findings(for: plan) + ResetScope(source).findings(for: plan)
      + MemoryPreflight(source, lockLimit: 1 << 20).findings(for: plan)
      + DeviceHolders(source, openFiles: openFiles).findings(for: plan)
    FindingLaws.check(findings, in: [SourceFile(id: .vm, name: "vm", bytes: [])])
  }

  private static func canBeReadBack(_ inventory: HostInventory) {
    let written = HostJSON.document(inventory.description).bytes
    for form in [written, Array(HostYAML(inventory).text().utf8)] {
      let file = SourceFile(id: .host, name: "host", bytes: form)
      var read = DescriptionTargets.read(file, DescriptionReader.host)
      // In YAML the sources are comments.
      for (index, device) in inventory.description.devices.enumerated()
      where form != written && index < read?.devices.count ?? 0 {
        read?.devices[index].noSnoopSource = device.noSnoopSource
      }
      law(
        read.map { HostJSON.document($0).bytes } == written,
        "is read back as something else: \(String(decoding: form, as: UTF8.self))")
    }
  }
}

/// A tree of files in a folder of its own.
///
/// Each line is a letter, a path and, for some, a text: `f` a file with that text and a line end,
/// `x` one with bytes in hexadecimal, `l` a link, `d` a folder, `p` a pipe. `\n` in a text is a
/// line end. No path and no link leads out of the folder.
private struct TreeOnDisk {
  /// As many lines as make a machine with a few devices.
  private static let maximumLines = 200
  private static let folder = makeFolder()

  let root = folder
  private var made: [(path: String, isFolder: Bool)] = []

  init(_ text: [UInt8]) {
    for line in text.split(separator: 10).prefix(Self.maximumLines) {
      let parts = line.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count >= 2, let kind = parts[0].first else { continue }
      let names = Self.names(in: parts[1])
      guard let last = names.last, makeFolders(names.dropLast()) else { continue }
      let path = ([root] + names.dropLast() + [last]).joined(separator: "/")
      make(kind, path, parts.count > 2 ? parts[2] : [])
    }
  }

  /// Removes what was made, last one first.
  func remove() {
    for (path, isFolder) in made.reversed() { _ = isFolder ? rmdir(path) : unlink(path) }
  }

  private mutating func make(_ kind: UInt8, _ path: String, _ text: ArraySlice<UInt8>) {
    let isMade =
      switch kind {
      case UInt8(ascii: "f"): Self.write(Self.unescaped(text) + [10], to: path)
      case UInt8(ascii: "x"): Self.write(Self.unhexed(text), to: path)
      case UInt8(ascii: "l"): symlink(Self.target(text), path) == 0
      case UInt8(ascii: "d"): mkdir(path, 0o700) == 0
      case UInt8(ascii: "p"): mkfifo(path, 0o600) == 0
      default: false
      }
    if isMade { made.append((path, kind == UInt8(ascii: "d"))) }
  }

  /// Makes folders; no existing link is followed, so that links stay where they were put.
  private mutating func makeFolders(_ names: ArraySlice<String>) -> Bool {
    var path = root
    for name in names {
      path += "/" + name
      var status = stat()
      if lstat(path, &status) == 0 {
        guard status.st_mode & S_IFMT == S_IFDIR else { return false }
      } else {
        guard mkdir(path, 0o700) == 0 else { return false }
        made.append((path, true))
      }
    }
    return true
  }

  private static func write(_ bytes: [UInt8], to path: String) -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    return Glibc.write(file, bytes, bytes.count) >= 0
  }

  /// The parts of a path that name something.
  private static func names(in path: ArraySlice<UInt8>) -> [String] {
    path.split(separator: UInt8(ascii: "/")).prefix(16)
      .map { String(decoding: $0.prefix(80), as: UTF8.self).filter { $0 != "\0" } }
      .filter { !["", ".", ".."].contains($0) }
  }

  /// Steps up at the start, but not above the folder for anything that is read; then names.
  private static func target(_ text: ArraySlice<UInt8>) -> String {
    let parts = text.split(separator: UInt8(ascii: "/"))
    let ups = parts.prefix { $0.elementsEqual("..".utf8) }.count
    let up = [String](repeating: "..", count: min(ups, 3))
    let target = (up + names(in: text)).joined(separator: "/")
    return target.isEmpty ? "." : target
  }

  private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
    String(decoding: text, as: UTF8.self).split(separator: "\\n", omittingEmptySubsequences: false)
      .joined(separator: "\n").utf8.map { $0 }
  }

  private static func unhexed(_ text: ArraySlice<UInt8>) -> [UInt8] {
    let digits = text.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// A folder in memory, if there is a place for that; it goes with the process.
  private static func makeFolder() -> String {
    let above = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(above)/fuzz-XXXXXX".utf8).map { CChar(bitPattern: $0) } + [0]
    law(mkdtemp(&template) != nil, "no folder")
    atexit { rmdir(TreeOnDisk.folder) }
    return template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }
}
