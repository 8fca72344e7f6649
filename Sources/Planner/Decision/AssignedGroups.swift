import Parser

/// What is planned as a whole: the assigned devices of one IOMMU group, and the cells they lie in.
///
/// A cell is an address space together with a class of compatible IOMMUs: the devices of a page
/// table are all in one cell. Flat arrays by group, in order of the first device.
struct AssignedGroups: Sendable {
  /// What may share page tables: devices of one address space behind units of one class.
  struct Cell: Hashable {
    let space: SpaceIndex
    let unitClass: ClassIndex
  }

  /// The devices and their host facts.
  let devices: AssignedDevices
  /// The group of each device.
  let groupOfDevice: [GroupIndex]
  /// The devices of each group, in description order.
  let members: Buckets<AssignedGroups, ResolvedDevice>
  /// The cell of each group.
  let cellOfGroup: [CellIndex]
  /// The address space of each cell.
  let spaceOfCell: [SpaceIndex]
  /// The compatibility class of each cell.
  let classOfCell: [ClassIndex]
  /// The first device that cannot be enforced of each group; `none` if all can.
  let unenforceable: [DeviceIndex]
  /// Position on the host of a member that nobody assigned and that keeps a group from being
  /// enforced, although all assigned ones could be; `none` if there is none.
  let heldBackBy: [HostDeviceIndex]
  /// Whether each group that such a member holds back is known to be held back.
  let isSurelyHeldBack: [Bool]
  /// The first device of each cell that page tables which do not enforce are made for, if any.
  ///
  /// One whose IOMMU is known to be unable to enforce snoop, if there is one, else one whose IOMMU
  /// counts as unable.
  let lenderOfCell: [DeviceIndex]
  /// Whether each group's units take the tables of its cell's lender: first-stage tables are taken
  /// by units that make such tables only.
  let takesLender: [Bool]
  /// Whether a device that is known to be unable to be enforced is in each group.
  let isKnownUnenforceable: [Bool]
  /// How many devices of each group can no-snoop.
  let capable: [Int32]

  /// Gathers the groups; reports those that lie in two address spaces or behind incompatible
  /// IOMMUs, and is `nil` then.
  init?(
    _ devices: AssignedDevices, of vm: ResolvedVM, on topology: HostTopology,
    into sink: inout DiagnosticSink
  ) {
    self.devices = devices
    let numbering = Self.number(devices, topology)
    groupOfDevice = numbering.keys
    members = Buckets(keys: numbering.keys, count: numbering.count)
    guard Self.areWhole(members, devices, vm, topology, into: &sink) else { return nil }
    let cells = Self.cells(members, devices, topology)
    cellOfGroup = cells.ofGroup
    spaceOfCell = cells.spaces
    classOfCell = cells.classes
    var capable = [Int32](repeating: 0, count: numbering.count)
    var unenforceable = [DeviceIndex](repeating: .none, count: numbering.count)
    for device in 0..<devices.count {
      let group = numbering.keys[device].offset
      if devices.canNoSnoop[device] { capable[group] += 1 }
      if !devices.canEnforce[device], unenforceable[group].isNone {
        unenforceable[group] = DeviceIndex(device)
      }
    }
    self.capable = capable
    self.unenforceable = unenforceable
    heldBackBy = Self.heldBack(members, unenforceable, devices, topology)
    isSurelyHeldBack = heldBackBy.map { mate in
      mate.position.map { topology.enforcement[topology.iommuOfDevice[$0].offset] == .no } ?? false
    }
    var isKnown = [Bool](repeating: false, count: numbering.count)
    var lenders = [DeviceIndex](repeating: .none, count: cells.spaces.count)
    for device in 0..<devices.count where !devices.canEnforce[device] {
      let group = numbering.keys[device].offset
      let cell = cells.ofGroup[group].offset
      if devices.cannotEnforce[device] { isKnown[group] = true }
      let lender = lenders[cell].position
      if lender.map({ Self.isBetter(device, than: $0, devices, topology) }) ?? true {
        lenders[cell] = DeviceIndex(device)
      }
    }
    isKnownUnenforceable = isKnown
    lenderOfCell = lenders
    takesLender = Self.takers(of: lenders, cells.ofGroup, members, devices, topology)
  }

  /// How many groups there are.
  var count: Int { members.count }

  /// Whether every member of a group can be enforced, assigned or not.
  func canEnforce(_ group: Int) -> Bool {
    unenforceable[group].isNone && heldBackBy[group].isNone
  }

  /// Whether the rules of a target alone let a group's page table be not enforced.
  func mayLeaveUnenforced(_ group: Int, _ choice: SnoopChoice) -> Bool {
    guard canEnforce(group) else { return true }
    return switch choice {
    case .free: true
    case .joinsUnenforceable: hasLender(group)
    case .fixed: false
    }
  }

  /// Whether there is a page table near that is known not to enforce, for a group to share.
  ///
  /// An IOMMU that nobody knows enough of may make one that does.
  private func hasLender(_ group: Int) -> Bool {
    guard let lender = lenderOfCell[cellOfGroup[group].offset].position else { return false }
    return devices.cannotEnforce[lender] && takesLender[group]
  }

  /// Whether a group's page table, left not enforced by the plan, is so whatever the facts are that
  /// nobody knows.
  func isSurelyUnenforced(_ group: Int, _ choice: SnoopChoice) -> Bool {
    switch choice {
    case .free: true
    case .joinsUnenforceable: isKnownUnenforceable[group] || hasLender(group)
    case .fixed: isKnownUnenforceable[group]
    }
  }
}

extension AssignedGroups {
  /// Whether a device is one to borrow from rather than another: known to be unable to enforce,
  /// then one with second-stage tables.
  private static func isBetter(
    _ device: Int, than other: Int, _ devices: AssignedDevices, _ topology: HostTopology
  ) -> Bool {
    if devices.cannotEnforce[device] != devices.cannotEnforce[other] {
      return devices.cannotEnforce[device]
    }
    return topology.isFirstStage[devices.iommu[other].offset]
      && !topology.isFirstStage[devices.iommu[device].offset]
  }

  private static func takers(
    of lenders: [DeviceIndex], _ cellOfGroup: [CellIndex],
    _ members: Buckets<AssignedGroups, ResolvedDevice>, _ devices: AssignedDevices,
    _ topology: HostTopology
  ) -> [Bool] {
    cellOfGroup.indices.map { group in
      guard let lender = lenders[cellOfGroup[group].offset].position,
        topology.isFirstStage[devices.iommu[lender].offset],
        let first = members[group].first?.offset
      else { return true }
      return topology.members(ofGroupOf: devices.hostIndex[first].offset).allSatisfy { member in
        topology.iommuOfDevice[member.offset].position.map { topology.isFirstStage[$0] } ?? true
      }
    }
  }

  private static func number(
    _ devices: AssignedDevices, _ topology: HostTopology
  ) -> (keys: [GroupIndex], count: Int) {
    var numbers = [GroupIndex](repeating: .none, count: topology.members.count)
    var count = 0
    let keys = devices.hostIndex.map { host in
      let group = topology.groupOfDevice[host.offset].offset
      if numbers[group].isNone {
        numbers[group] = GroupIndex(count)
        count += 1
      }
      return numbers[group]
    }
    return (keys, count)
  }

  private static func heldBack(
    _ members: Buckets<AssignedGroups, ResolvedDevice>, _ unenforceable: [DeviceIndex],
    _ devices: AssignedDevices, _ topology: HostTopology
  ) -> [HostDeviceIndex] {
    (0..<members.count).map { group in
      guard unenforceable[group].isNone, let first = members[group].first?.offset else {
        return .none
      }
      let all = topology.members(ofGroupOf: devices.hostIndex[first].offset)
      guard all.count > members[group].count else { return .none }
      return all.first {
        let unit = topology.iommuOfDevice[$0.offset].position
        return unit.map { topology.enforcement[$0] != .yes } ?? false
      } ?? .none
    }
  }

  /// Whether each group lies in one address space, and behind compatible IOMMUs with all of its
  /// members: the kernel attaches those that nobody assigned as well.
  private static func areWhole(
    _ members: Buckets<AssignedGroups, ResolvedDevice>, _ devices: AssignedDevices,
    _ vm: ResolvedVM, _ topology: HostTopology, into sink: inout DiagnosticSink
  ) -> Bool {
    var isWhole = true
    for group in 0..<members.count {
      let assigned = members[group]
      guard let first = assigned.first?.offset else { continue }
      let all = topology.members(ofGroupOf: devices.hostIndex[first].offset)
      guard all.count > 1 else { continue }
      if let other = assigned.first(where: { devices.space[$0.offset] != devices.space[first] }) {
        isWhole = false
        let number = topology.host.devices[devices.hostIndex[first]].group ?? 0
        sink.report(
          PlannerDiagnostics.splitGroup(
            vm.devices[other], first: vm.devices[first], group: number))
      }
      let unit = devices.iommu[first].offset
      let unitClass = topology.classOfIOMMU[unit]
      if let other = all.lazy.map(\.offset).first(where: {
        let unit = topology.iommuOfDevice[$0].position
        return unit.map { topology.classOfIOMMU[$0] != unitClass } ?? false
      }) {
        isWhole = false
        sink.report(
          PlannerDiagnostics.incompatibleGroup(
            topology.host.devices[other], behind: topology.unit(of: other),
            first: vm.devices[first], behind: topology.host.iommus[unit]))
      }
    }
    return isWhole
  }

  private static func cells(
    _ members: Buckets<AssignedGroups, ResolvedDevice>, _ devices: AssignedDevices,
    _ topology: HostTopology
  ) -> (ofGroup: [CellIndex], spaces: [SpaceIndex], classes: [ClassIndex]) {
    var known: [Cell: CellIndex] = [:]
    var last: (key: Cell, cell: CellIndex)?
    var spaces: [SpaceIndex] = []
    var classes: [ClassIndex] = []
    var ofGroup = [CellIndex](repeating: CellIndex(0), count: members.count)
    for group in 0..<members.count {
      guard let first = members[group].first?.offset else { continue }
      let unitClass = topology.classOfIOMMU[devices.iommu[first].offset]
      let key = Cell(space: devices.space[first], unitClass: unitClass)
      if last?.key != key {
        let cell = known[key] ?? CellIndex(spaces.count)
        if cell.offset == spaces.count {
          known[key] = cell
          spaces.append(devices.space[first])
          classes.append(unitClass)
        }
        last = (key, cell)
      }
      ofGroup[group] = last?.cell ?? CellIndex(0)
    }
    return (ofGroup, spaces, classes)
  }
}
