import Parser

/// The block devices that are reached through a PCI function, partitions included.
struct BlockNodes {
  private let tree: SysfsTree
  private let blocks: SysfsLinks
  private let controllers: SysfsLinks

  /// Reads the classes of a tree.
  init(_ tree: SysfsTree) {
    self.tree = tree
    blocks = SysfsLinks("/sys/class/block", in: tree)
    controllers = SysfsLinks("/sys/class/nvme", in: tree)
  }

  /// Why not all of them are known; `nil` if they are.
  var unread: OpenFiles.Blindness? { blocks.unread ?? controllers.unread }

  /// The devices below a function, and those of NVMe multipath that have a path through it.
  func nodes(below address: BDF) -> [SysfsLinks.Entry] {
    let own = blocks.below(address)
    let heads = multipathHeads(of: own, below: address)
    let shared = blocks.entries.filter { entry in
      heads.contains { entry.target.hasPrefix($0.target) }
    }
    return own.filter { !isPath($0.name) } + shared
  }

  /// The disks of NVMe subsystems, which are not below a controller (`nvme_mpath_alloc_disk`,
  /// drivers/nvme/host/multipath.c, 5.15).
  ///
  /// A head `nvme0n1` has a hidden path `nvme0c1n1` for each controller that it is reached by. One
  /// without any path belongs to every controller of its subsystem, as far as anybody can tell.
  private func multipathHeads(
    of own: [SysfsLinks.Entry], below address: BDF
  ) -> [SysfsLinks.Entry] {
    let reached = Set(own.compactMap { Self.head(ofPath: $0.name) })
    let known = Set(blocks.entries.compactMap { Self.head(ofPath: $0.name) })
    let controllers = Set(controllers.below(address).map(\.name))
    return blocks.entries.filter { entry in
      guard let subsystem = Self.subsystem(of: entry) else { return false }
      if known.contains(entry.name) { return reached.contains(entry.name) }
      return !controllers.isDisjoint(with: tree.names(in: subsystem))
    }
  }

  /// The directory of the subsystem that a whole disk is a head of.
  private static func subsystem(of entry: SysfsLinks.Entry) -> String? {
    let parts = entry.target.split(separator: "/")
    guard parts.count > 2, parts[parts.count - 3] == "nvme-subsystem" else { return nil }
    return "/sys/class/nvme-subsystem/\(parts[parts.count - 2])"
  }

  /// Whether a device is only a path to a head, which has no node.
  private func isPath(_ name: String) -> Bool {
    guard let head = Self.head(ofPath: name) else { return false }
    return blocks.entries.contains { $0.name == head }
  }

  /// `nvme0n1` for `nvme0c1n1` (`nvme_set_disk_name`); `nil` for anything that is not a path.
  private static func head(ofPath name: String) -> String? {
    let parts = name.split(separator: "c", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].hasPrefix("nvme"), parts[0].dropFirst(4).isDecimal,
      let end = parts[1].firstIndex(of: "n"), parts[1][..<end].isDecimal,
      parts[1][end...].dropFirst().isDecimal
    else { return nil }
    return String(parts[0] + parts[1][end...])
  }
}
