import Parser

/// Who has nodes of PCI functions open that are not disks: cards, buses, sound, input and so on.
final class NodeUse {
  /// What processes have open of a device.
  struct Opened: Hashable {
    /// The processes, each once.
    var holders: [DeviceHolders.Holder] = []
    /// Whether the driver waits until they are closed, for ever if need be.
    let isWaitedFor: Bool
    /// The nodes, in order of classes and names.
    var paths: [String] = []
  }

  private let tree: SysfsTree
  private let openFiles: OpenFiles
  /// Every class of devices but those that are looked at otherwise, and devices of USB.
  private lazy var classes =
    tree.names(in: "/sys/class").filter { !["block", "net"].contains($0) }
    .map { Class(name: $0, directory: "/sys/class/\($0)", in: tree) }
    + [Class(name: "usb", directory: "/sys/bus/usb/devices", in: tree)]

  /// Looks at this machine, or a copy.
  init(_ tree: SysfsTree, _ openFiles: OpenFiles) {
    self.tree = tree
    self.openFiles = openFiles
  }

  /// Every process that has a node of a function open: those that its driver waits for, and others.
  func opened(of address: BDF) -> [Opened] {
    var (waited, others) = (Opened(isWaitedFor: true), Opened(isWaitedFor: false))
    for node in nodes(below: address) {
      let holders = openFiles.holders(where: node.isMeant)
      if node.isWaitedFor { waited.add(node.path, holders) } else { others.add(node.path, holders) }
    }
    return [waited, others].filter { !$0.holders.isEmpty }
  }

  /// The names of keyboards and mice that are reached through a function.
  func inputs(of address: BDF) -> [String] {
    classes.filter { $0.name == "input" }.flatMap { group in
      group.links.below(address).map { "\(group.directory)/\($0.name)" }
    }.filter(isForHands).map { tree.text($0 + "/name") ?? "?" }
  }

  /// The names of the keyboards among them, if every keyboard there is is reached through one of
  /// some functions; PS/2's are behind no function.
  func lastKeyboards(of address: BDF, when taken: Set<BDF>) -> [String] {
    let groups = classes.filter { $0.name == "input" }
    let isLeft = groups.contains { group in
      let gone = taken.flatMap { group.links.below($0).map(\.name) }
      return group.links.entries.contains {
        !gone.contains($0.name) && isKeyboard("\(group.directory)/\($0.name)")
      }
    }
    if isLeft { return [] }
    return groups.flatMap { group in
      group.links.below(address).map { "\(group.directory)/\($0.name)" }
    }.filter(isKeyboard).map { tree.text($0 + "/name") ?? "?" }
  }

  private func nodes(below address: BDF) -> [Node] {
    let own = classes.flatMap { group in
      group.links.below(address).compactMap { node(of: $0, in: group) }
    }
    let driver = tree.link("/sys/bus/pci/devices/\(address)/driver")
    return own + (driver == "nvidia" ? [nvidiaNode(of: address)] : [])
  }

  private func node(of entry: SysfsLinks.Entry, in group: Class) -> Node? {
    let directory = "\(group.directory)/\(entry.name)"
    guard let number = tree.text(directory + "/dev") else { return nil }
    let name = tree.text(directory + "/uevent")?.split(separator: "\n")
      .first { $0.hasPrefix("DEVNAME=") }?.dropFirst(8)
    let path = "/dev/" + (name.map(String.init) ?? group.folder + entry.name)
    let node = DeviceNode(path: path, number: DeviceNumber(isBlock: false, text: number))
    return Node(path: path, isWaitedFor: group.isWaitedFor(entry)) { $0.isOf(node) }
  }

  /// NVIDIA's own driver has nodes that sysfs says nothing of, and waits for them without end.
  private func nvidiaNode(of address: BDF) -> Node {
    let facts = tree.text("/proc/driver/nvidia/gpus/\(address)/information") ?? ""
    let line = facts.split(separator: "\n").first(where: { $0.hasPrefix("Device Minor:") })
    let words = line?.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard let minor = words?.last.flatMap({ UInt8($0) }) else {
      // Which card's they are is not known.
      return Node(path: "/dev/nvidia*", isWaitedFor: true) { $0.path.hasPrefix("/dev/nvidia") }
    }
    // Its major number (Documentation/admin-guide/devices.txt has none; nv.h of the driver).
    let number = DeviceNumber(isBlock: false, text: "195:\(minor)")
    let node = DeviceNode(path: "/dev/nvidia\(minor)", number: number)
    return Node(path: node.path, isWaitedFor: true) { $0.isOf(node) }
  }

  /// Whether an input device is a keyboard, which repeats its keys, or has keys and moves.
  private func isForHands(_ directory: String) -> Bool {
    // EV_KEY, EV_REL and EV_REP (linux/input-event-codes.h).
    let kinds = tree.hex(directory + "/capabilities/ev") ?? 0
    return kinds & (1 << 1) != 0 && kinds & (1 << 2 | 1 << 20) != 0
  }

  /// Whether an input device repeats its keys (EV_KEY and EV_REP).
  private func isKeyboard(_ directory: String) -> Bool {
    let kinds = tree.hex(directory + "/capabilities/ev") ?? 0
    return kinds & (1 << 1) != 0 && kinds & (1 << 20) != 0
  }

  /// A node, and which open files are it.
  private struct Node {
    let path: String
    let isWaitedFor: Bool
    let isMeant: (OpenFiles.File) -> Bool
  }

  /// A class of devices.
  private struct Class {
    let name: String
    let directory: String
    let links: SysfsLinks

    init(name: String, directory: String, in tree: SysfsTree) {
      self.name = name
      self.directory = directory
      links = SysfsLinks(directory, in: tree)
    }

    /// Where nodes are of which sysfs does not say it.
    var folder: String {
      switch name {
      case "drm": "dri/"
      case "sound": "snd/"
      case "input": "input/"
      default: ""
      }
    }

    /// Whether a driver's removal waits for the node: `i2c_del_adapter`, and `snd_card_free`, which
    /// USB's sound does without (drivers/i2c/i2c-core-base.c, sound/core/init.c, 5.15).
    func isWaitedFor(_ entry: SysfsLinks.Entry) -> Bool {
      name == "i2c-dev" || name == "sound" && !entry.target.contains("/usb")
    }
  }
}

extension NodeUse.Opened {
  fileprivate mutating func add(_ path: String, _ new: [DeviceHolders.Holder]) {
    if new.isEmpty { return }
    paths.append(path)
    holders += new.filter { !holders.contains($0) }
  }
}
