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
    /// Processes have this disk open.
    case opened(String, [DeviceHolders.Holder])
    /// It can't be found out whether a disk is in use.
    case unknown(OpenFiles.Blindness)
    /// The default route goes through this interface.
    case defaultRoute(String)
    /// It can't be found out whether a default route goes through it.
    case unknownRoute(OpenFiles.Blindness)
    /// This interface is connected, or has an address.
    case interface(String)
    /// Processes have nodes of it open.
    case nodes(NodeUse.Opened)
    /// This keyboard or mouse is behind it.
    case input(String)
    /// This keyboard is behind it, and no keyboard is anywhere else.
    case lastKeyboard(String)
    /// The firmware's console is on it, or the kernel's first framebuffer.
    case console
  }

  private let tree: SysfsTree
  private let disks: DiskUse
  private let nodes: NodeUse
  private let networks: NetworkUse
  private let framebuffers: SysfsLinks

  /// Reads what is mounted, swapped to and routed through, on this machine or in a copy.
  init(
    _ tree: SysfsTree = .machine, _ inspection: any NodeInspection = MachineNodes(),
    openFiles: OpenFiles
  ) {
    self.tree = tree
    disks = DiskUse(tree, inspection, openFiles)
    nodes = NodeUse(tree, openFiles)
    networks = NetworkUse(tree, inspection.routes())
    framebuffers = SysfsLinks("/sys/class/graphics", in: tree)
  }

  /// Errors for disks and networks in use and for what a driver would wait for, warnings for other
  /// uses, of the devices whose drivers a program changes.
  func findings(for plan: CompiledPlan) -> [Diagnostic] {
    let changed = plan.program.devicesWithChangedDriver
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
      uses(of: address, when: changed).map { MachineDiagnostics.inUse(name, $0, origin) }
    }
  }

  /// Every use of a device that is taken together with others.
  func uses(of address: BDF, when taken: Set<BDF>) -> [Use] {
    let keyboards = nodes.lastKeyboards(of: address, when: taken)
    return uses(of: address).map { use in
      if case .input(let name) = use, keyboards.contains(name) { .lastKeyboard(name) } else { use }
    }
  }

  /// Every use of a device.
  func uses(of address: BDF) -> [Use] {
    var found = disks.uses(of: address) + networks.uses(of: address)
    found += nodes.opened(of: address).map { .nodes($0) }
    found += nodes.inputs(of: address).map { .input($0) }
    if isConsole(address) { found.append(.console) }
    return found.uniqued
  }

  private func isConsole(_ address: BDF) -> Bool {
    tree.text("/sys/bus/pci/devices/\(address)/boot_vga") == "1"
      || framebuffers.below(address).contains { $0.name == "fb0" }
  }
}
