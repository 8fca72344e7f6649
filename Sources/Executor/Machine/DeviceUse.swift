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
    /// The volume or array of this node is built on it.
    case volume(String)
    /// The kernel has claimed this disk, for whatever.
    case claimed(String)
    /// A process has this disk open.
    case opened(String, DeviceHolders.Holder)
    /// It can't be found out whether a disk is in use.
    case unknown(OpenFiles.Blindness)
    /// The default route goes through this interface.
    case defaultRoute(String)
    /// The firmware's console is on it.
    case console
  }

  private let tree: SysfsTree
  private let disks: DiskUse
  private let interfaces: SysfsLinks
  private let routes: Set<String>

  /// Reads what is mounted, swapped to and routed through, on this machine or in a copy.
  init(
    _ tree: SysfsTree = .machine, _ inspection: any NodeInspection = MachineNodes(),
    openFiles: OpenFiles
  ) {
    self.tree = tree
    disks = DiskUse(tree, inspection, openFiles)
    interfaces = SysfsLinks("/sys/class/net", in: tree)
    routes = Set(tree.defaultRoutes)
  }

  /// Errors for disks and networks in use, warnings for consoles, of the devices whose drivers a
  /// program changes.
  func findings(for plan: CompiledPlan) -> [Diagnostic] {
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
    var found = disks.uses(of: address)
    let own = Set(interfaces.below(address).map(\.name))
    for route in routes.sorted() where !own.isDisjoint(with: withLower(route)) {
      found.append(.defaultRoute(route))
    }
    if tree.text("/sys/bus/pci/devices/\(address)/boot_vga") == "1" { found.append(.console) }
    var seen: Set<Use> = []
    return found.filter { seen.insert($0).inserted }
  }

  /// An interface and those it is built on: ports of a bridge, links of a bond.
  private func withLower(_ interface: String) -> [String] {
    reached(from: interface) { interface in
      tree.names(in: "/sys/class/net/" + interface).filter { $0.hasPrefix("lower_") }
        .map { String($0.dropFirst(6)) }
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
