import Parser

/// The host description, indexed: what sits where, and what can share a page table.
///
/// Flat arrays of positions in the description, so that 100,000 devices cost a few allocations.
/// Never reads sysfs: the description is all it knows.
struct HostTopology: Sendable {
  /// What is indexed.
  let host: HostDescription
  /// The target that is planned for.
  let dialect: any Dialect
  /// The IOMMU unit of each device; `none` if it has none that is described.
  let iommuOfDevice: [UnitIndex]
  /// Compatibility class of each IOMMU unit: equal type, address bits and page sizes.
  let classOfIOMMU: [ClassIndex]
  /// What its kernel does.
  let rules: KernelRules
  /// Whether its KVM has a non-coherent mode.
  let hasIncoherentMode: Bool
  /// Whether each unit enforces snoop on the target and the kernel that is planned for.
  let enforcement: [Fact]
  /// Whether each unit is known to make first-stage tables for users.
  let isFirstStage: [Bool]
  /// A unit of each compatibility class, the first in the file.
  let representatives: [Int]
  /// The IOMMU group of each device; `none` if it has none.
  let groupOfDevice: [HostGroupIndex]
  /// The devices of each IOMMU group, assigned or not, in file order.
  let members: Buckets<HostTopology, HostDevice>

  /// Which devices hang on which.
  let relations: DeviceRelations

  private let index: AddressIndex

  /// Indexes a description; reports names and addresses that occur twice, and unknown IOMMU names.
  init(_ host: HostDescription, for dialect: any Dialect, into sink: inout DiagnosticSink) {
    self.host = host
    self.dialect = dialect
    rules = host.kernel.rules
    hasIncoherentMode = host.hasIncoherentMode
    enforcement = host.enforcement(on: dialect)
    let rules = rules
    isFirstStage = host.iommus.map { $0.firstStage(by: rules) == .yes }
    index = AddressIndex(host.devices)
    relations = DeviceRelations(host, index)
    for (first, later) in index.duplicates {
      sink.report(
        PlannerDiagnostics.duplicateHostAddress(host.devices[later], first: host.devices[first]))
    }
    let units = Self.units(of: host, into: &sink)
    iommuOfDevice = Self.iommus(of: host, units: units, into: &sink)
    (classOfIOMMU, representatives) = Self.classes(of: host.iommus)
    let groups = Self.groups(of: host)
    groupOfDevice = groups.keys
    members = Buckets(keys: groups.keys, count: groups.count)
  }

  /// The position of the device at an address; `hint` is tried first.
  func device(at address: BDF, hint: Int = 0) -> Int? {
    if hint < host.devices.count, host.devices[hint].address == address { return hint }
    return index.position(of: address)
  }

  /// The IOMMU unit of a device that has one.
  func unit(of device: Int) -> HostIOMMU { host.iommus[iommuOfDevice[device]] }

  /// All members of the IOMMU group of a device that has one, in file order.
  func members(ofGroupOf device: Int) -> ArraySlice<HostDeviceIndex> {
    members[groupOfDevice[device].offset]
  }
}

extension HostTopology {
  private static func units(
    of host: HostDescription, into sink: inout DiagnosticSink
  ) -> [String: UnitIndex] {
    var units = [String: UnitIndex](minimumCapacity: host.iommus.count)
    for (index, unit) in host.iommus.enumerated() {
      guard let first = units[unit.name] else {
        units[unit.name] = UnitIndex(index)
        continue
      }
      sink.report(PlannerDiagnostics.duplicateIOMMU(unit, first: host.iommus[first]))
    }
    return units
  }

  /// Looks names up; they mostly repeat, so the last match is tried first.
  private static func iommus(
    of host: HostDescription, units: [String: UnitIndex], into sink: inout DiagnosticSink
  ) -> [UnitIndex] {
    var result = [UnitIndex](repeating: .none, count: host.devices.count)
    var last = UnitIndex.none
    var unknown = 0
    for index in host.devices.indices {
      guard let name = host.devices[index].iommu else { continue }
      if last.isNone || host.iommus[last].name != name {
        guard let unit = units[name] else {
          unknown += 1
          sink.report(
            PlannerDiagnostics.unknownIOMMU(
              host.devices[index], name,
              known: unknown <= Spelling.limit ? host.iommus.map(\.name) : []))
          continue
        }
        last = unit
      }
      result[index] = last
    }
    return result
  }

  /// What units have in common that take each other's page tables.
  struct Compatibility: Hashable {
    var type: String
    var addressBits: Int
    var pageSizes: [UInt64]
  }

  /// The compatibility class of each unit, and a unit of each class.
  static func classes(of units: [HostIOMMU]) -> ([ClassIndex], representatives: [Int]) {
    var known: [Compatibility: ClassIndex] = [:]
    var representatives: [Int] = []
    let classes = units.enumerated().map { index, unit in
      let key = Compatibility(
        type: unit.type, addressBits: unit.addressBits, pageSizes: unit.pageSizes)
      if let found = known[key] { return found }
      let new = ClassIndex(representatives.count)
      known[key] = new
      representatives.append(index)
      return new
    }
    return (classes, representatives)
  }

  /// Numbers the groups from 0, in order of first member.
  ///
  /// Group numbers of Linux are small; a table serves those, a dictionary whatever else a file
  /// says.
  private static func groups(of host: HostDescription) -> (keys: [HostGroupIndex], count: Int) {
    let limit = 2 * host.devices.count + 1024
    var small = [HostGroupIndex](repeating: .none, count: limit)
    var large: [Int: HostGroupIndex] = [:]
    var keys = [HostGroupIndex](repeating: .none, count: host.devices.count)
    var count = 0
    for index in host.devices.indices {
      guard let number = host.devices[index].group else { continue }
      let isSmall = number >= 0 && number < limit
      let known = isSmall ? small[number] : large[number] ?? .none
      keys[index] = known
      guard known.isNone else { continue }
      keys[index] = HostGroupIndex(count)
      if isSmall { small[number] = keys[index] } else { large[number] = keys[index] }
      count += 1
    }
    return (keys, count)
  }
}
