/// What the files of a machine say of devices that hang on each other, and of VFIO's drivers.
struct RelationFacts {
  private let tree: SysfsTree
  private let devices: [HostDevice]

  /// Looks at the devices of a tree.
  init(_ tree: SysfsTree, _ devices: [HostDevice]) {
    self.tree = tree
    self.devices = devices
  }

  /// The devices with what is known of their relations.
  func settled() -> [HostDevice] {
    var settled = devices
    let (children, makers) = (virtualFunctions, makers)
    for index in settled.indices {
      let address = settled[index].address
      settled[index].physicalFunction = tree.physicalFunction(of: address) ?? children[address]
      settled[index].behind = parentInTree(of: address) ?? makers[address.domain]
      settled[index].vfioDriver = vfioDriver(of: settled[index])
    }
    let parents = HostDescription(name: "", devices: settled).parents
    for index in settled.indices { settled[index].behind = parents[index] }
    return settled
  }

  /// The physical function of each virtual one that one lists (`virtfn*`).
  private var virtualFunctions: [BDF: BDF] {
    var physical: [BDF: BDF] = [:]
    for device in devices {
      let directory = Self.directory(device.address)
      let count = tree.text(directory + "/sriov_numvfs").flatMap { UInt16($0) } ?? 0
      for number in 0..<count {
        guard let child = tree.link("\(directory)/virtfn\(number)").flatMap({ BDF($0) }) else {
          continue
        }
        physical[child] = device.address
      }
    }
    return physical
  }

  /// The device whose driver makes each domain: its link `domain` leads to the domain's root bus
  /// (drivers/pci/controller/vmd.c).
  private var makers: [UInt32: BDF] {
    var makers: [UInt32: BDF] = [:]
    for device in devices where device.driver == HostDevice.domainDriver {
      let bus = tree.link(Self.directory(device.address) + "/domain")
      if let domain = bus.flatMap({ BDF($0 + ":00.0") })?.domain { makers[domain] = device.address }
    }
    return makers
  }

  /// The nearest function of another domain that a device's directory lies below.
  private func parentInTree(of address: BDF) -> BDF? {
    guard let way = tree.unrecordedLink(Self.directory(address)) else { return nil }
    return way.split(separator: "/").reversed().lazy.compactMap { BDF($0) }
      .first { $0.domain != address.domain }
  }

  /// Whether a device's driver is one of VFIO's: then it has a directory `vfio-dev` (from 6.1 on),
  /// and its group a node, which is this driver's if no other device there has one.
  ///
  /// Nothing follows from what is not found: a copy may lack it.
  private func vfioDriver(of device: HostDevice) -> Fact {
    guard device.driver != nil else { return .unknown }
    if !tree.names(in: Self.directory(device.address) + "/vfio-dev").isEmpty { return .yes }
    guard let group = device.group, tree.exists("/sys/class/vfio/\(group)") else {
      return .unknown
    }
    let mates = devices.filter { $0.group == group && $0.classCode >> 8 != 0x0604 }
    return mates.count { $0.driver != nil } == 1 ? .yes : .unknown
  }

  private static func directory(_ address: BDF) -> String { "/sys/bus/pci/devices/\(address)" }
}
