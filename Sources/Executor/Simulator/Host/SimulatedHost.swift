import Parser
import Planner

/// An IOMMU unit as the simulated kernel knows it.
struct SimulatedUnit {
  /// Number of its class: units of one class may share a page table.
  let compatibilityClass: Int
  /// Whether it can enforce snoop; unknown counts as no.
  let canEnforceSnoop: Bool
  /// Whether interrupts are isolated per device.
  let isolatesInterrupts: Bool
  /// The last I/O virtual address it translates.
  let apertureLast: UInt64
  /// Its smallest page size, in bytes.
  let pageBytes: UInt64
  /// Its page sizes, as a bit map.
  let pageSizes: UInt64
  /// Whether it is an Intel unit, whose first-stage tables skip the coherency check.
  let isIntel: Bool
  /// Whether it is an AMD unit.
  let isAMD: Bool
  /// Whether it is a virtio-iommu, whose tables older releases complete at their first attach.
  let isVirtio: Bool
}

/// A PCI device and what was done to it.
struct SimulatedDevice {
  /// Its address.
  let address: BDF
  /// Position of its unit; `nil` if it has none.
  let unit: Int?
  /// Position of its group; `nil` if it has none.
  let group: Int?
  /// Whether it may emit no-snoop requests; unknown counts as yes.
  let canNoSnoop: Bool
  /// IOVAs that are reserved while it is attached.
  let reserved: [AddressRange]
  /// The driver it had at the start.
  let initialDriver: String?
  /// The driver it has.
  var driver: String?
  /// What `driver_override` says.
  var driverOverride: String?
  /// How many open files lead to it.
  var openFiles = 0
  /// The file through which it is bound to an iommufd or an ioasid fd, or opened by a group.
  var owner: ObjectIdentifier?
  /// Its hardware page table, if attached to one of an iommufd.
  var hwpt: SimulatedHWPT?
  /// Its page table of the 2021 proposal.
  var ioasid: SimulatedIOASID?
}

/// An IOMMU group and who owns its DMA.
struct SimulatedGroup {
  /// Its number.
  let number: Int
  /// Positions of its devices.
  var members: [Int] = []
  /// Whether firmware needs an identity mapping for one of them.
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
  /// What its kernel offers.
  let kernel: HostKernel
  /// The units.
  let units: [SimulatedUnit]
  /// The devices.
  var devices: [SimulatedDevice] = []
  /// The groups, in the order of their first device.
  var groups: [SimulatedGroup] = []
  private var deviceIndex: [BDF: Int] = [:]
  private var groupIndex: [Int: Int] = [:]

  /// Copies the facts of a description.
  init(_ host: HostDescription) {
    kernel = host.kernel
    units = SimulatedUnit.all(host.iommus)
    var unitIndex: [String: Int] = [:]
    for (index, unit) in host.iommus.enumerated() { unitIndex[unit.name] = index }
    devices.reserveCapacity(host.devices.count)
    for device in host.devices {
      let group = device.group.map { addMember(to: $0) }
      deviceIndex[device.address] = devices.count
      let unit = device.iommu.flatMap { unitIndex[$0] }
      devices.append(SimulatedDevice(device, unit: unit, group: group))
      if let group, device.reserved.contains(where: { $0.kind == .direct }) {
        groups[group].needsDirectMapping = true
      }
    }
  }

  /// The device of an address.
  func device(_ address: BDF) -> Int? { deviceIndex[address] }

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

  /// The devices of a group that vfio-pci has.
  func vfioMembers(of group: Int) -> [Int] {
    groups[group].members.filter { devices[$0].isOnVFIO }
  }

  /// Claims a group's DMA for an owner (`iommu.c:3398`, `:3466`, `:2411`; §2.21.15 to §2.21.17).
  mutating func claim(_ group: Int, for owner: ObjectIdentifier) throws(Errno) {
    // Whose the group is comes before what the firmware wants of it.
    if let present = groups[group].owner {
      if present != owner { throw .eperm }
    } else {
      for member in groups[group].members where !devices[member].hasSafeDriver { throw .eperm }
    }
    if groups[group].needsDirectMapping { throw .einval }
    groups[group].owner = owner
    groups[group].claims += 1
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

extension SimulatedUnit {
  /// The units of a host, numbered by compatibility: same type, width and page sizes.
  static func all(_ units: [HostIOMMU]) -> [SimulatedUnit] {
    var classes: [HostIOMMU] = []
    return units.map { unit in
      let known = classes.firstIndex {
        $0.type == unit.type && $0.addressBits == unit.addressBits && $0.pageSizes == unit.pageSizes
      }
      if known == nil { classes.append(unit) }
      return SimulatedUnit(
        compatibilityClass: known ?? classes.count - 1, canEnforceSnoop: unit.enforceSnoop == .yes,
        isolatesInterrupts: unit.isolatedMSI,
        apertureLast: UInt64.max >> UInt64(64 - max(1, min(64, unit.addressBits))),
        pageBytes: max(1, unit.pageSizes.first ?? 4096),
        pageSizes: pageSizes(of: unit), isIntel: unit.type == HostIOMMU.intel,
        isAMD: unit.type == HostIOMMU.amd, isVirtio: unit.type == HostIOMMU.virtio)
    }
  }
}

extension SimulatedUnit {
  /// The sizes of pages that a driver tells, as a bit map.
  ///
  /// AMD's knows every power of two that is an address and fits into 52 bits, but for the 512 GiB
  /// that hardware gets wrong (`amd/amd_iommu_types.h`, 6.12; `generic_pt/fmt/amdv1.h`, 7.3). For
  /// virtio the device says so, and no file: QEMU's has every one from 4 KiB.
  private static func pageSizes(of unit: HostIOMMU) -> UInt64 {
    switch unit.type {
    case HostIOMMU.amd: .max >> UInt64(64 - min(52, unit.addressBits - 1)) & ~4095 & ~(1 << 39)
    case HostIOMMU.virtio: ~4095
    default: unit.pageSizes.reduce(0, |)
    }
  }
}

extension SimulatedDevice {
  /// Copies the facts of a description.
  init(_ device: HostDevice, unit: Int?, group: Int?) {
    address = device.address
    self.unit = unit
    self.group = group
    canNoSnoop = device.noSnoopCapable != .no
    reserved = device.reserved.filter { $0.kind != .directRelaxable && $0.start <= $0.end }.map {
      AddressRange(start: $0.start, last: $0.end)
    }
    initialDriver = device.driver
    driver = device.driver
  }

  /// Whether vfio-pci has it, so that it has VFIO device nodes.
  var isOnVFIO: Bool { driver.map(VFIODriver.isVFIO) ?? false }

  /// Whether its driver does no DMA through the kernel (`driver_managed_dma`, §5.2).
  var hasSafeDriver: Bool { GroupViability.isSafe(driver: driver) }
}
