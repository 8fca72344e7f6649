/// The files in an archive that `vfioplan host --capture` has written, compressed or not.
///
/// Nothing is unpacked: links are followed inside the archive, which nothing leads out of.
public struct ArchivedFiles: FileTree {
  /// The most bytes of an archive, compressed or not: the facts of some thousand devices.
  public static let maximumBytes = 64 << 20
  /// As many links as the kernel follows (`MAXSYMLINKS` of `linux/namei.h`).
  private static let maximumLinks = 40

  private var entries: [String: TarReader.Entry]
  private var children: [String: [String]] = [:]

  /// Reads an archive; throws what is wrong with it.
  public init(_ bytes: [UInt8]) throws(TreeError) {
    guard bytes.count <= Self.maximumBytes else {
      throw TreeError("the archive is larger than \(Self.maximumBytes >> 20) MiB")
    }
    if let program = Self.compressor(of: bytes) {
      throw TreeError("compressed by \(program), and only gzip is read: expand it with \(program)")
    }
    let expanded =
      Gzip.recognizes(bytes) ? try Gzip.expanded(bytes, atMost: Self.maximumBytes) : bytes
    entries = try TarReader.entries(in: expanded)
    for path in Array(entries.keys) { addToParents(path) }
    for directory in children.keys { children[directory]?.sort() }
  }

  /// The other programs that archives are often compressed with, by how their files begin.
  private static func compressor(of bytes: [UInt8]) -> String? {
    let starts: [(String, [UInt8])] = [
      ("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]), ("zstd", [0x28, 0xb5, 0x2f, 0xfd]),
      ("bzip2", [0x42, 0x5a, 0x68]),
    ]
    return starts.first { bytes.starts(with: $0.1) }?.0
  }

  /// Archives need no entries for the directories that their files are in.
  private mutating func addToParents(_ path: String) {
    var path = path
    while let slash = path.lastIndex(of: "/") {
      let parent = String(path[..<slash])
      let isNew = children[parent] == nil
      children[parent, default: []].append(String(path[path.index(after: slash)...]))
      guard isNew, !parent.isEmpty, entries[parent] == nil else { return }
      entries[parent] = .directory
      path = parent
    }
  }

  /// What a path leads to, links followed.
  public func kind(of path: String) throws(TreeError) -> FileKind? {
    guard let place = try resolved(path) else { return nil }
    return switch entries[place] {
    case .file: .regular
    case .special, .link: .special
    case .directory, nil: .directory
    }
  }

  /// The names in a directory, in order of bytes.
  public func names(in path: String) throws(TreeError) -> [String] {
    guard let place = try resolved(path) else { return [] }
    guard place.isEmpty || entries[place] == .directory else { throw .notDirectory }
    return children[place] ?? []
  }

  /// What a symbolic link points to, as it is written.
  public func linkText(_ path: String) throws(TreeError) -> String? {
    guard let place = try resolved(path, followsLast: false), case .link(let text)? = entries[place]
    else { return nil }
    return text
  }

  /// What a file holds, up to a limit in bytes.
  public func contents(of path: String, atMost limit: Int) throws(TreeError) -> [UInt8]? {
    guard let place = try resolved(path) else { return nil }
    guard case .file(let bytes)? = entries[place] else { throw .notRegular }
    return Array(bytes.prefix(limit))
  }

  /// The path of an entry without links in it, empty for the root; `nil` if there is none.
  private func resolved(
    _ path: String, followsLast: Bool = true
  ) throws(TreeError) -> String? {
    var rest = Array(path.split(separator: "/").reversed())
    var places = [""]
    var links = 0
    while let part = rest.popLast() {
      if part == "." { continue }
      if part == ".." {
        if places.count > 1 { places.removeLast() }
        continue
      }
      let place = places[places.count - 1] + "/" + part
      guard let entry = entries[place] else { return nil }
      if case .link(let text) = entry, followsLast || !rest.isEmpty {
        links += 1
        guard links <= Self.maximumLinks else { throw .loop }
        if text.hasPrefix("/") { places = [""] }
        rest += text.split(separator: "/").reversed()
      } else {
        guard rest.isEmpty || entry == .directory else { return nil }
        places.append(place)
      }
    }
    return places[places.count - 1]
  }
}
