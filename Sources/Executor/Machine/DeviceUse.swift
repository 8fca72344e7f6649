import Parser
import Planner

/// What this machine does with a device that is about to be taken from its driver.
///
/// Drivers do not refuse: a disk goes away under its file systems, and the kernel waits for nobody.
public struct DeviceUse {
  /// A use that ends the machine's work, or the way to it.
  enum Use: Hashable {
    /// A file system of this place is mounted from it.
    case mounted(String)
    /// It is swapped to.
    case swap(String)
    /// The default route goes through this interface.
    case defaultRoute(String)
    /// The firmware's console is on it.
    case console
  }

  private let tree: SysfsTree
  private let blocks: [(name: String, link: String)]
  private let interfaces: [(name: String, link: String)]
  private let mounts: [Mount]
  private let swaps: [Substring]
  private let routes: Set<String>

  /// Reads what is mounted, swapped to and routed through.
  public init(_ tree: SysfsTree = .machine) {
    self.tree = tree
    func links(_ directory: String) -> [(name: String, link: String)] {
      tree.names(in: directory).map { ($0, (tree.linkText("\(directory)/\($0)") ?? "") + "/") }
    }
    blocks = links("/sys/class/block")
    interfaces = links("/sys/class/net")
    mounts = (tree.text("/proc/self/mountinfo") ?? "").split(separator: "\n")
      .compactMap(Mount.init)
    swaps = (tree.text("/proc/swaps") ?? "").split(separator: "\n").dropFirst()
      .compactMap { $0.split(separator: " ").first }
    routes = Set(tree.defaultRoutes)
  }

  /// Errors for disks and networks in use, warnings for consoles, of the devices whose drivers a
  /// program changes.
  public func findings(for plan: CompiledPlan) -> [Diagnostic] {
    var changed: Set<BDF> = []
    for case .sysfs(let write) in plan.program.steps.lazy.map(\.action) {
      changed.insert(write.address)
    }
    if changed.isEmpty { return [] }
    let devices = plan.plan.devices
    let own = devices.map { ($0.address, "device '\($0.name)' (\($0.address))", $0.origin) }
    let companions = plan.plan.companions.map {
      (
        $0.address, "\($0.address), a companion of '\(devices[$0.device].name)',",
        devices[$0.device].origin
      )
    }
    return (own + companions).filter { changed.contains($0.0) }.flatMap { address, name, origin in
      uses(of: address).map { MachineDiagnostics.inUse(name, $0, origin) }
    }
  }

  /// Every use of a device.
  func uses(of address: BDF) -> [Use] {
    let part = "/\(address)/"
    var found: [Use] = []
    for block in blocks where block.link.contains(part) {
      for name in withHolders(block.name) { found += uses(ofBlock: name) }
    }
    let own = Set(interfaces.lazy.filter { $0.link.contains(part) }.map(\.name))
    for route in routes.sorted() where !own.isDisjoint(with: withLower(route)) {
      found.append(.defaultRoute(route))
    }
    if tree.text("/sys/bus/pci/devices/\(address)/boot_vga") == "1" { found.append(.console) }
    var seen: Set<Use> = []
    return found.filter { seen.insert($0).inserted }
  }

  private func uses(ofBlock name: String) -> [Use] {
    let directory = "/sys/class/block/" + name
    let number = tree.text(directory + "/dev")
    let nodes =
      ["/dev/" + name] + (tree.text(directory + "/dm/name").map { ["/dev/mapper/" + $0] } ?? [])
    let mounted = mounts.first { $0.number == number ?? "" || nodes.contains($0.source) }
    let swap = swaps.first { nodes.contains(String($0)) }
    return (mounted.map { [.mounted($0.place)] } ?? []) + (swap.map { [.swap(String($0))] } ?? [])
  }

  /// A block device and what is built on it: volumes of the device mapper, arrays.
  private func withHolders(_ name: String) -> [String] {
    reached(from: name) { tree.names(in: "/sys/class/block/\($0)/holders") }
  }

  /// An interface and those it is built on: ports of a bridge, links of a bond.
  private func withLower(_ interface: String) -> [String] {
    reached(from: interface) { interface in
      tree.names(in: "/sys/class/net/" + interface).filter { $0.hasPrefix("lower_") }
        .map { String($0.dropFirst(6)) }
    }
  }

  /// A name and all that follow from it, each once: they may be shared, in a copy even in circles.
  private func reached(from name: String, _ next: (String) -> [String]) -> [String] {
    var found = [name]
    var seen: Set<String> = [name]
    var index = 0
    while index < found.count {
      for name in next(found[index]) where seen.insert(name).inserted { found.append(name) }
      index += 1
    }
    return found
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

extension SysfsTree {
  /// The interfaces of default routes (`/proc/net/route`, `/proc/net/ipv6_route`).
  fileprivate var defaultRoutes: [String] {
    let old = (text("/proc/net/route") ?? "").split(separator: "\n").dropFirst().compactMap {
      line in
      let words = line.split { $0 == "\t" || $0 == " " }
      return words.count > 7 && words[1] == "00000000" && words[7] == "00000000"
        ? String(words[0]) : nil
    }
    let zeros = String(repeating: "0", count: 32)
    let new = (text("/proc/net/ipv6_route") ?? "").split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      return words.count == 10 && words[0] == zeros && words[1] == "00" && words[9] != "lo"
        ? String(words[9]) : nil
    }
    return old + new
  }
}
