import Executor
import Parser
import Planner

/// Who reaches what in a plan: devices, their IOMMU units, page tables, address spaces, and KVM.
///
/// What is drawn, but not where: a picture in any language is made of it. Many devices that go the
/// same way are one node.
struct ReviewPicture {
  /// What a node stands for; the columns of a picture, from left to right.
  enum Kind: Int, CaseIterable {
    case device, unit, pageTable, addressSpace, kvm

    /// What stands above the column.
    var title: String {
      switch self {
      case .device: "devices"
      case .unit: "IOMMU units"
      case .pageTable: "page tables"
      case .addressSpace: "address spaces"
      case .kvm: "KVM"
      }
    }
  }

  /// Something with a name.
  struct Node {
    /// What it stands for.
    let kind: Kind
    /// Its name.
    let title: String
    /// What is said of it.
    let detail: String
    /// Whether all DMA that goes there is coherent.
    fileprivate(set) var coherence: PlanReview.Row.Coherence
  }

  /// That one node reaches another.
  struct Edge: Hashable {
    /// The position of the node that is further left.
    let from: Int
    /// The position of the other one.
    let to: Int
  }

  /// So many devices have a node each; more share one with those that go the same way.
  static let mostDevices = 24

  /// In order of the devices that reach them.
  private(set) var nodes: [Node] = []
  /// The links, and whether all DMA that goes this way is coherent.
  private(set) var edges: [(edge: Edge, coherence: PlanReview.Row.Coherence)] = []
  private var places: [[String]: Int] = [:]
  private var edgePlaces: [Edge: Int] = [:]

  /// Draws a plan; linear in it.
  init(_ compiled: CompiledPlan, _ review: PlanReview) {
    let plan = compiled.plan
    let ways = Way.all(of: review.rows)
    let types = Dictionary(
      compiled.host.iommus.map { ($0.name, $0.type) }, uniquingKeysWith: { first, _ in first })
    let tableOf = Dictionary(
      uniqueKeysWithValues: plan.pageTables.enumerated().map { ($1.name, $0) })
    for way in ways { nodes.append(way.node(review.rows)) }
    for (index, way) in ways.enumerated() {
      guard let table = tableOf[way.pageTable].map({ plan.pageTables[$0] }) else { continue }
      let stations = [
        place(.unit, way.unit, types[way.unit] ?? ""),
        place(.pageTable, way.pageTable, way.format.text),
        place(.addressSpace, plan.addressSpaces[table.addressSpace].name, ""),
      ]
      for (from, to) in zip([index] + stations, stations) { link(from, to, way.coherence) }
    }
    appendKVM(review, ways)
  }

  /// Draws what a program made of a host: devices that are attached, and their page tables.
  init(_ state: SimulatorState, _ host: HostDescription) {
    let units = Dictionary(
      host.devices.map { ($0.address, $0.iommu ?? "") }, uniquingKeysWith: { first, _ in first })
    let types = Dictionary(
      host.iommus.map { ($0.name, $0.type) }, uniquingKeysWith: { first, _ in first })
    for device in state.devices {
      let title = device.address.description
      nodes.append(
        Node(kind: .device, title: title, detail: "", coherence: .of(device)))
    }
    for (index, device) in state.devices.enumerated() {
      let (unit, table) = (units[device.address] ?? "", state.pageTables[device.pageTable])
      let stations = [
        place(.unit, unit, types[unit] ?? ""),
        place(.pageTable, table.name, table.enforcesSnoop ? "enforced" : "not enforced"),
        place(.addressSpace, table.addressSpace, "maps " + byteSizeText(table.mappedBytes)),
      ]
      for (from, to) in zip([index] + stations, stations) { link(from, to, .of(device)) }
    }
    appendKVM(state)
  }

  private mutating func appendKVM(_ state: SimulatorState) {
    guard !state.vms.isEmpty, state.hasIncoherentMode else { return }
    let isIncoherent = state.vms.contains(where: \.allowsIncoherentDMA)
    let deed = isIncoherent ? "carries out WBINVD" : "ignores WBINVD"
    nodes.append(
      Node(kind: .kvm, title: "KVM", detail: deed, coherence: isIncoherent ? .not : .coherent))
    for (index, device) in state.devices.enumerated() where device.isEffective {
      link(index, nodes.count - 1, .not)
    }
  }

  /// Where a node is; a new one is made if it is the first of its name.
  private mutating func place(_ kind: Kind, _ title: String, _ detail: String) -> Int {
    if let known = places[[kind.title, title]] { return known }
    places[[kind.title, title]] = nodes.count
    nodes.append(Node(kind: kind, title: title, detail: detail, coherence: .coherent))
    return nodes.count - 1
  }

  /// Links two nodes; of several ways between them and through them the worst one tells.
  private mutating func link(_ from: Int, _ to: Int, _ coherence: PlanReview.Row.Coherence) {
    let edge = Edge(from: from, to: to)
    let known = edgePlaces[edge] ?? edges.count
    if known == edges.count {
      edgePlaces[edge] = known
      edges.append((edge, .coherent))
    }
    edges[known].coherence = edges[known].coherence.worse(coherence)
    nodes[to].coherence = nodes[to].coherence.worse(coherence)
  }

  /// KVM stands beside the rest; what makes it carry out WBINVD is linked to it.
  private mutating func appendKVM(_ review: PlanReview, _ ways: [Way]) {
    let deed: String
    switch review.verdict.wbinvd {
    case .ignored: deed = "ignores WBINVD"
    case .perhapsCarriedOut: deed = "may carry out WBINVD"
    case .carriedOut: deed = "carries out WBINVD"
    case .neither: return
    }
    nodes.append(
      Node(kind: .kvm, title: "KVM", detail: deed, coherence: review.verdict.coherence))
    for (index, way) in ways.enumerated() where way.coherence != .coherent {
      link(index, nodes.count - 1, way.coherence)
    }
  }
}

/// The devices that go one way.
private struct Way {
  var devices: [Int]
  let unit: String
  let pageTable: String
  let format: PlanReview.Row.Format
  let coherence: PlanReview.Row.Coherence

  /// One for each device, or for all that go the same way if there are many.
  static func all(of rows: [PlanReview.Row]) -> [Way] {
    let isOneEach = rows.count <= ReviewPicture.mostDevices
    var (ways, places): ([Way], [[String]: Int]) = ([], [:])
    for (index, row) in rows.enumerated() {
      let key = [row.unit, row.pageTable, row.coherence.text, isOneEach ? String(index) : ""]
      if let place = places[key] {
        ways[place].devices.append(index)
      } else {
        places[key] = ways.count
        ways.append(
          Way(
            devices: [index], unit: row.unit, pageTable: row.pageTable, format: row.format,
            coherence: row.coherence))
      }
    }
    return ways
  }

  func node(_ rows: [PlanReview.Row]) -> ReviewPicture.Node {
    let first = rows[devices[0]]
    let title = first.name + andMore(devices.count - 1)
    let detail = devices.count == 1 ? first.address.description : first.coherence.text
    return ReviewPicture.Node(
      kind: .device, title: title, detail: detail, coherence: coherence)
  }
}

extension SimulatorState.PageTable {
  /// What it belongs to, by name: `IOAS 1` of `HWPT 3 of IOAS 1`, else a space of its own.
  fileprivate var addressSpace: String {
    let words = name.split(separator: " ")
    if let place = words.firstIndex(of: "of") {
      return words[words.index(after: place)...].joined(separator: " ")
    }
    return name.hasPrefix("type1") ? "container" : name
  }
}

extension PlanReview.Row.Coherence {
  /// What a device's DMA is.
  fileprivate static func of(_ device: SimulatorState.Device) -> Self {
    if !device.isEffective { return .coherent }
    return device.canNoSnoop == .yes ? .not : .perhapsNot
  }

  /// The worse of two.
  fileprivate func worse(_ other: Self) -> Self {
    let order: [Self] = [.not, .perhapsNot, .coherent]
    return order.first { $0 == self || $0 == other } ?? self
  }
}
