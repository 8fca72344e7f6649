import Parser

/// What uses the block devices of PCI functions.
///
/// The kernel's own users have claimed them; programs that have them open have not, so both are
/// asked. Mounts and swap only give a use its name.
struct DiskUse {
  private let tree: SysfsTree
  private let inspection: any NodeInspection
  private let openFiles: OpenFiles
  private let blocks: BlockNodes
  private let mounts: [Mount]
  private let swaps: [String]

  /// Reads what is mounted and swapped to.
  init(_ tree: SysfsTree, _ inspection: any NodeInspection, _ openFiles: OpenFiles) {
    self.tree = tree
    self.inspection = inspection
    self.openFiles = openFiles
    blocks = BlockNodes(tree)
    // A machine of many containers has more than a megabyte of it.
    mounts = (tree.text("/proc/self/mountinfo", atMost: .max) ?? "").split(separator: "\n")
      .compactMap(Mount.init)
    swaps = (tree.text("/proc/swaps") ?? "").split(separator: "\n").dropFirst()
      .compactMap { $0.split(separator: " ").first.map(String.init) }
  }

  /// Every use of the disks of a function.
  func uses(of address: BDF) -> [DeviceUse.Use] {
    let disks = blocks.nodes(below: address).map { entry in
      let node = node(of: entry.name)
      return Disk(
        entry: entry, node: node, claim: inspection.claim(of: node),
        holders: openFiles.holders(of: node))
    }
    let claims = disks.flatMap { self.claims(on: $0, of: disks) }
    let holders = disks.filter { !$0.holders.isEmpty }.map { disk in
      DeviceUse.Use.opened(disk.node.path, disk.holders)
    }
    return claims + holders + ignorance(of: disks, isExplained: !(claims + holders).isEmpty)
  }

  /// What the kernel uses a disk for, by its name if it has one.
  private func claims(on disk: Disk, of all: [Disk]) -> [DeviceUse.Use] {
    if disk.claim == .free { return [] }
    let named = withHolders(disk.entry.name).flatMap(namedUses)
    if !named.isEmpty { return named }
    guard disk.claim == .claimed else { return [] }
    let volumes = tree.names(in: "/sys/class/block/\(disk.entry.name)/holders")
    if let volume = volumes.first { return [.volume(node(of: volume).path)] }
    // Who has a partition has a claim on the whole disk, too.
    let isOfPartition = all.contains { $0.claim == .claimed && $0.isPart(of: disk) }
    return isOfPartition ? [] : [.claimed(disk.node.path)]
  }

  /// Why it can't be said that disks are free: the first reason, as the others are like it.
  private func ignorance(of disks: [Disk], isExplained: Bool) -> [DeviceUse.Use] {
    if isExplained { return [] }
    let reasons = disks.compactMap { disk -> OpenFiles.Blindness? in
      guard case .unknown(let error) = disk.claim else { return nil }
      return OpenFiles.Blindness(path: disk.node.path, error: error)
    }
    let general = disks.isEmpty ? blocks.unread : blocks.unread ?? openFiles.blindness
    return (reasons.first ?? general).map { [.unknown($0)] } ?? []
  }

  private func namedUses(ofBlock name: String) -> [DeviceUse.Use] {
    let directory = "/sys/class/block/" + name
    let number = tree.text(directory + "/dev")
    let nodes =
      [node(of: name).path]
      + (tree.text(directory + "/dm/name").map { ["/dev/mapper/" + $0] } ?? [])
    let mounted = mounts.first { $0.number == number ?? "" || nodes.contains($0.source) }
    let swap = swaps.first(where: nodes.contains)
    return (mounted.map { [.mounted($0.place)] } ?? []) + (swap.map { [.swap($0)] } ?? [])
  }

  /// A block device and what is built on it: volumes of the device mapper, arrays.
  private func withHolders(_ name: String) -> [String] {
    reached(from: name) { tree.names(in: "/sys/class/block/\($0)/holders") }
  }

  /// The node of a block device; sysfs writes `!` for `/` (`device_get_devnode`).
  private func node(of name: String) -> DeviceNode {
    let number = tree.text("/sys/class/block/\(name)/dev")
    return DeviceNode(
      path: "/dev/" + name.split(separator: "!").joined(separator: "/"),
      number: number.map { DeviceNumber(isBlock: true, text: $0) })
  }

  /// A block device and what is known of it.
  private struct Disk {
    let entry: SysfsLinks.Entry
    let node: DeviceNode
    let claim: BlockClaim
    let holders: [DeviceHolders.Holder]

    func isPart(of other: Disk) -> Bool {
      entry.target.hasPrefix(other.entry.target) && entry.target != other.entry.target
    }
  }

  /// A line of mountinfo (`proc_pid_mountinfo(5)`).
  private struct Mount {
    let number: String
    let place: String
    let source: String

    init?(_ line: Substring) {
      let words = line.split(separator: " ")
      guard words.count > 5, let dash = words.firstIndex(of: "-"), dash + 2 < words.count else {
        return nil
      }
      (number, place, source) = (String(words[2]), String(words[4]), String(words[dash + 2]))
    }
  }
}
