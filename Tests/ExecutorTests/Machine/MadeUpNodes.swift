import Parser
import TestSupport

@testable import Executor

/// Nodes of a machine that is made up: free, and no devices, unless they are named.
struct MadeUpNodes: NodeInspection {
  /// What it comes to when a node is claimed, by path.
  var claims: [String: BlockClaim] = [:]
  /// What open files are, by their place in `/proc`.
  var numbers: [String: DeviceNumber] = [:]
  /// What no file says of routes.
  var more: Routes?

  func claim(of node: DeviceNode) -> BlockClaim { claims[node.path] ?? .free }

  func number(at path: String) throws(TreeError) -> DeviceNumber? { numbers[path] }

  func routes() -> Routes? { more }
}

extension SysfsCopy {
  /// A block device at a place in `sys/devices`, and its entry in the class.
  func block(_ place: String, _ number: String?) throws {
    let name = place.split(separator: "/").last ?? ""
    try link("sys/class/block/\(name)", to: "../../devices/\(place)")
    try write("sys/devices/\(place)/size", "8\n")
    if let number { try write("sys/devices/\(place)/dev", number + "\n") }
  }

  /// A file that a process has open.
  func open(_ path: String, as file: Int = 3, in process: Int = 42) throws {
    try link("proc/\(process)/fd/\(file)", to: path)
    if !tree.exists("/proc/\(process)/comm") { try write("proc/\(process)/comm", "qemu\n") }
  }

  /// What the devices of this copy are used for.
  func uses(of address: BDF, _ nodes: MadeUpNodes = MadeUpNodes()) -> [DeviceUse.Use] {
    DeviceUse(tree, nodes, openFiles: OpenFiles(tree, nodes: nodes)).uses(of: address)
  }

  /// As above, if some devices are taken together.
  func uses(of address: BDF, when taken: Set<BDF>) -> [DeviceUse.Use] {
    let nodes = MadeUpNodes()
    return DeviceUse(tree, nodes, openFiles: OpenFiles(tree, nodes: nodes))
      .uses(of: address, when: taken)
  }
}
