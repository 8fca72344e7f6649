import Parser

/// Which devices of a host are there only because of another one.
///
/// Positions in the host description. Nearly all hosts have none: then nothing is kept.
struct DeviceRelations: Sendable {
  /// The physical function of each virtual function.
  private(set) var physicalFunction: [Int: Int] = [:]
  /// The virtual functions of each physical function, ascending.
  private(set) var virtualFunctions: [Int: [Int]] = [:]
  /// What hangs on each device, virtual functions included, ascending.
  private var children: [Int: [Int]] = [:]
  /// What each device hangs on besides its physical function.
  private var parent: [Int: Int] = [:]

  /// Looks through a description; what it says of devices that it does not list counts for nothing.
  init(_ host: HostDescription, _ index: AddressIndex) {
    guard host.hasRelations else { return }
    let parents = host.parents
    for (position, device) in host.devices.enumerated() {
      if let physical = device.physicalFunction.flatMap(index.position(of:)), physical != position {
        physicalFunction[position] = physical
        virtualFunctions[physical, default: []].append(position)
        children[physical, default: []].append(position)
      }
      if let parent = parents[position].flatMap(index.position(of:)), parent != position {
        children[parent, default: []].append(position)
        self.parent[position] = parent
      }
    }
  }

  /// What a device hangs on, the nearest first.
  func holders(of device: Int) -> [Int] {
    var found: [Int] = []
    var seen: Set<Int> = [device]
    var next = [device]
    while !next.isEmpty {
      next = next.flatMap { [physicalFunction[$0], parent[$0]].compactMap { $0 } }
        .filter { seen.insert($0).inserted }
      found += next
    }
    return found
  }

  /// Whether no device hangs on another one.
  var isEmpty: Bool { children.isEmpty }

  /// What is no longer there once a device has lost its driver, the nearest first.
  func descendants(of device: Int) -> [Int] {
    var found: [Int] = []
    var seen: Set<Int> = [device]
    var next = children[device] ?? []
    while !next.isEmpty {
      let new = next.filter { seen.insert($0).inserted }
      found += new
      next = new.flatMap { children[$0] ?? [] }
    }
    return found
  }
}
