import Parser
import Planner

extension HostObservations {
  /// What a machine shows of its IOMMUs beyond its description.
  public init(_ tree: SysfsTree, _ inventory: HostInventory) {
    self.init()
    let advice = IOMMUAdvice(tree, inventory.kernelFacts)
    iommuAdvice = advice.text
    graphicsAdvice = advice.graphics
  }

  /// Looks at what this machine uses devices for.
  ///
  /// Opens every disk of theirs for a moment, which nobody else can then claim, unless it is to
  /// touch nothing: users in the kernel that no file names are not found then.
  public mutating func lookAtUses(of addresses: [BDF], touchingNothing: Bool = false) {
    let nodes: any NodeInspection = touchingNothing ? UntouchedNodes() : MachineNodes()
    let use = DeviceUse(.machine, nodes, openFiles: OpenFiles())
    for address in addresses {
      let clauses = use.uses(of: address).compactMap(\.clause)
      if !clauses.isEmpty { uses[address] = clauses }
    }
  }
}

/// The nodes of this machine, of which no disk is opened.
private struct UntouchedNodes: NodeInspection {
  private let nodes = MachineNodes()

  func claim(of node: DeviceNode) -> BlockClaim { .unknown(TreeError("it was not opened")) }

  func number(at path: String) throws(TreeError) -> DeviceNumber? { try nodes.number(at: path) }

  func routes() -> Routes? { nodes.routes() }
}

extension DeviceUse.Use {
  /// A use as a clause that follows a device's name; `nil` if nothing is known.
  var clause: String? {
    switch self {
    case .mounted(let place): "'\(place.visible)' is mounted from it"
    case .swap: "it is swapped to"
    case .volume(let path): "'\(path.visible)' is built on it"
    case .claimed(let path): "the kernel has claimed its disk \(path.visible)"
    case .opened(let path, let holders): "\(holders.having) its disk \(path.visible) open"
    case .defaultRoute: "the default route goes through it"
    case .interface(let name): "its interface \(name.visible) is in use"
    case .input(let name), .lastKeyboard(let name): "'\(name.visible)' is behind it"
    case .console: "it is the console"
    case .nodes(let opened): "\(opened.holders.having) it open"
    case .unknown, .unknownRoute: nil
    }
  }
}
