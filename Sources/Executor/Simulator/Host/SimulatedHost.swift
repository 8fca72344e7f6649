import Parser
import Planner

/// A PCI device and what was done to it.
struct SimulatedDevice {
  /// Its address.
  let address: BDF
  /// Position of its unit; `nil` if it has none.
  let unit: Int?
  /// Position of its group; `nil` if it has none.
  let group: Int?
  /// Whether it may emit no-snoop requests.
  let noSnoopFact: Fact
  /// Whether VFIO does not refuse it.
  let isTakenByVFIO: Bool
  /// IOVAs that are reserved while it is attached.
  let reserved: [AddressRange]
  /// The driver it had at the start.
  let initialDriver: String?
  /// Whether that driver is one of VFIO's.
  let isInitialDriverVFIO: Bool
  /// Whether it is a virtual function.
  let isVirtualFunction: Bool
  /// Position of the function that it is a virtual function of; `nil` if that is not described.
  var physicalFunction: Int?
  /// Positions of the devices that are there because of it, its virtual functions included.
  var children: [Int] = []
  /// Whether it is there: a driver that goes may take it along.
  var isPresent = true
  /// The token of its virtual functions, as far as somebody has shown it.
  var token: [UInt8]?
  /// The driver it has.
  var driver: String?
  /// What `driver_override` says.
  var driverOverride: String?
  /// How many open files lead to it.
  var openFiles = 0
  /// How many of them its group handed out.
  var groupFiles = 0
  /// The file through which it is bound to an iommufd or an ioasid fd, or opened by a group.
  var owner: ObjectIdentifier?
  /// Its binding to an iommufd by its group, as long as it is open.
  var groupBinding: SimulatedBinding?
  /// Its hardware page table, if attached to one of an iommufd.
  var hwpt: SimulatedHWPT?
  /// Its page table of the 2021 proposal.
  var ioasid: SimulatedIOASID?
  /// What is known of it.
  let description: HostDevice
  /// Its configuration space, as far as somebody has read it.
  var configuration: [UInt8]?
  /// What vfio-pci keeps of it while it is open.
  var function: SimulatedFunction?
}

/// An IOMMU group and who owns its DMA.
struct SimulatedGroup {
  /// Its number.
  let number: Int
  /// Positions of its devices.
  var members: [Int] = []
  /// Whether firmware needs an identity mapping for one of them, and so refuses it.
  var needsDirectMapping = false
  /// Whether `/dev/vfio/N` is open.
  var isFileOpen = false
  /// How many of its devices are bound through their cdev.
  var boundDevices = 0
  /// The iommufd, container or ioasid fd that owns its DMA.
  var owner: ObjectIdentifier?
  /// How many claims the owner has.
  var claims = 0
  /// The hardware page table its attached devices are on.
  var hwpt: SimulatedHWPT?
  /// The page table of the 2021 proposal its attached devices are on.
  var ioasid: SimulatedIOASID?
  /// How many of its devices are attached.
  var attachedDevices = 0
  /// The type1 domain the group is in.
  var domain: SimulatedDomain?
}

/// Devices, groups and IOMMU units of the simulated machine.
struct SimulatedHost {
  /// What its kernel does.
  let facts: SimulatedRelease
  /// Which device nodes there are.
  let nodes: SimulatedNodes
  /// What its kernel offers.
  let kernel: HostKernel
  /// Whether its KVM has a non-coherent mode.
  let hasIncoherentMode: Bool
  /// The units.
  var units: [SimulatedUnit]
  /// The devices.
  var devices: [SimulatedDevice] = []
  /// The groups, in the order of their first device.
  var groups: [SimulatedGroup] = []
  private var deviceIndex: [BDF: Int] = [:]
  private var groupIndex: [Int: Int] = [:]

  /// Copies the facts of a description.
  init(
    _ host: HostDescription, by facts: SimulatedRelease, isScalable: Bool, takesAll: Bool
  ) {
    self.facts = facts
    nodes = SimulatedNodes(of: host.kernel, by: facts)
    kernel = host.kernel
    units = SimulatedUnit.all(
      host.iommus, by: facts, isScalable: isScalable, pageBytes: host.kernel.pageBytes)
    hasIncoherentMode = host.hasIncoherentMode
    var unitIndex: [String: Int] = [:]
    for (index, unit) in host.iommus.enumerated() { unitIndex[unit.name] = index }
    devices.reserveCapacity(host.devices.count)
    deviceIndex.reserveCapacity(host.devices.count)
    for device in host.devices {
      let group = device.group.map { addMember(to: $0) }
      deviceIndex[device.address] = devices.count
      let unit = device.iommu.flatMap { unitIndex[$0] }
      let isTaken = takesAll || unit.map { units[$0].isCoherent } ?? true
      devices.append(
        SimulatedDevice(device, unit: unit, group: group, isTakenByVFIO: isTaken))
      // Only Intel's driver looked at them before all did.
      let isLookedAt = facts.has(.directRegionsRefuse) || unit.map { units[$0].isIntel } ?? false
      if let group, isLookedAt, device.reserved.contains(where: { $0.kind == .direct }) {
        groups[group].needsDirectMapping = true
      }
    }
    relate(host)
  }

  /// The device of an address, if it is there.
  func device(_ address: BDF) -> Int? {
    deviceIndex[address].flatMap { devices[$0].isPresent ? $0 : nil }
  }

  /// The group of a number.
  func group(_ number: Int) -> Int? { groupIndex[number] }

  /// The unit of a device that has one.
  func unit(of device: Int) throws(Errno) -> SimulatedUnit {
    guard let unit = devices[device].unit else { throw .enodev }
    return units[unit]
  }

  /// The group of a device that has one.
  func group(of device: Int) throws(Errno) -> Int {
    guard let group = devices[device].group else { throw .enodev }
    return group
  }

  /// The units of a group's devices, in their order.
  func units(of group: Int) -> [SimulatedUnit] {
    groups[group].members.compactMap { devices[$0].unit }.map { units[$0] }
  }

  /// The addresses that a group's devices reserve.
  func reserved(of group: Int) -> [AddressRange] {
    groups[group].members.flatMap { devices[$0].reserved }
  }

  /// The devices of a group that vfio-pci has.
  func vfioMembers(of group: Int) -> [Int] {
    groups[group].members.filter { devices[$0].isOnVFIO }
  }

  /// Whether no host driver uses the DMA of a group.
  func isViable(_ group: Int) -> Bool {
    groups[group].members.allSatisfy { devices[$0].hasSafeDriver }
  }

  /// Claims a group's DMA for an owner (`iommu.c:3398`, `:3466`, `:2411`; §2.21.15 to §2.21.17).
  ///
  /// Drivers are not looked at when a group joins a container before 5.19 (§7.11).
  mutating func claim(
    _ group: Int, for owner: ObjectIdentifier, asksDrivers: Bool = true
  ) throws(Errno) {
    // Whose the group is comes before what the firmware wants of it.
    if let present = groups[group].owner {
      if present != owner { throw .eperm }
    } else if asksDrivers, !isViable(group) {
      throw .eperm
    }
    if groups[group].needsDirectMapping, facts.has(.directRegionsRefuse) { throw .einval }
    groups[group].owner = owner
    groups[group].claims += 1
  }

  /// Refuses a device for its `direct` regions, as Intel's driver does at the attach before 6.6.
  func checkDirectRegions(of group: Int) throws(Errno) {
    if groups[group].needsDirectMapping, !facts.has(.directRegionsRefuse) { throw .eperm }
  }

  /// Gives one claim back.
  mutating func unclaim(_ group: Int) {
    groups[group].claims -= 1
    if groups[group].claims == 0 { groups[group].owner = nil }
  }

  private mutating func addMember(to number: Int) -> Int {
    let index: Int
    if let known = groupIndex[number] {
      index = known
    } else {
      index = groups.count
      groupIndex[number] = index
      groups.append(SimulatedGroup(number: number))
    }
    groups[index].members.append(devices.count)
    return index
  }
}

extension SimulatedDevice {
  /// Copies the facts of a description.
  init(_ device: HostDevice, unit: Int?, group: Int?, isTakenByVFIO: Bool) {
    self.isTakenByVFIO = isTakenByVFIO
    description = device
    address = device.address
    self.unit = unit
    self.group = group
    noSnoopFact = device.noSnoopCapable
    reserved = device.reserved.filter { $0.kind != .directRelaxable && $0.start <= $0.end }.map {
      AddressRange(start: $0.start, last: $0.end)
    }
    isVirtualFunction = device.physicalFunction.map { $0 != device.address } ?? false
    initialDriver = device.driver
    isInitialDriverVFIO =
      device.vfioDriver.or(Fact(device.driver.map(VFIODriver.isVFIO) ?? false)) == .yes
    driver = device.driver
  }

  /// Whether it may emit no-snoop requests; unknown counts as yes.
  var canNoSnoop: Bool { noSnoopFact != .no }

  /// Whether vfio-pci or another driver of VFIO has it, so that it has VFIO device nodes.
  var isOnVFIO: Bool { isTakenByVFIO && hasVFIODriver }

  /// Whether its driver does no DMA through the kernel (`driver_managed_dma`, §5.2).
  var hasSafeDriver: Bool {
    guard let driver else { return true }
    return hasVFIODriver || GroupViability.keepsViable(driver: driver) && !VFIODriver.isVFIO(driver)
  }

  private var hasVFIODriver: Bool {
    guard let driver else { return false }
    return driver == initialDriver ? isInitialDriverVFIO : VFIODriver.isVFIO(driver)
  }
}
