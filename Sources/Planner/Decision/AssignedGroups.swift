import Parser

/// What is planned as a whole: the assigned devices of one IOMMU group, and the cells they lie in.
///
/// A cell is an address space together with a class of compatible IOMMUs: the devices of a page
/// table are all in one cell. Flat arrays by group, in order of the first device.
struct AssignedGroups: Sendable {
  /// The devices and their host facts.
  let devices: AssignedDevices
  /// The group of each device.
  let groupOfDevice: [Int32]
  /// The devices of each group, in description order.
  let members: Buckets
  /// The cell of each group.
  let cellOfGroup: [Int32]
  /// The address space of each cell.
  let spaceOfCell: [Int32]
  /// The compatibility class of each cell.
  let classOfCell: [Int32]
  /// The first device that cannot be enforced of each group; -1 if all can.
  let unenforceable: [Int32]
  /// Position on the host of a member that nobody assigned and that keeps a group from being
  /// enforced, although all assigned ones could be; -1 if there is none.
  let heldBackBy: [Int32]
  /// Whether each group that such a member holds back is known to be held back.
  let isSurelyHeldBack: [Bool]
  /// The first device of each cell that page tables which do not enforce are made for; -1 if none.
  ///
  /// One whose IOMMU is known to be unable to enforce snoop, if there is one, else one whose IOMMU
  /// counts as unable.
  let lenderOfCell: [Int32]
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
    var unenforceable = [Int32](repeating: -1, count: numbering.count)
    for device in 0..<devices.count {
      let group = Int(numbering.keys[device])
      if devices.canNoSnoop[device] { capable[group] += 1 }
      if !devices.canEnforce[device], unenforceable[group] < 0 {
        unenforceable[group] = Int32(truncatingIfNeeded: device)
      }
    }
    self.capable = capable
    self.unenforceable = unenforceable
    heldBackBy = Self.heldBack(members, unenforceable, devices, topology)
    isSurelyHeldBack = heldBackBy.map { mate in
      mate >= 0 && topology.enforcement[Int(topology.iommuOfDevice[Int(mate)])] == .no
    }
    var isKnown = [Bool](repeating: false, count: numbering.count)
    var lenders = [Int32](repeating: -1, count: cells.spaces.count)
    for device in 0..<devices.count where !devices.canEnforce[device] {
      let group = Int(numbering.keys[device])
      let cell = Int(cells.ofGroup[group])
      if devices.cannotEnforce[device] { isKnown[group] = true }
      let lender = Int(lenders[cell])
      if lender < 0 || Self.isBetter(device, than: lender, devices, topology) {
        lenders[cell] = Int32(truncatingIfNeeded: device)
      }
    }
    isKnownUnenforceable = isKnown
    lenderOfCell = lenders
    takesLender = Self.takers(of: lenders, cells.ofGroup, members, devices, topology)
  }

  /// How many groups there are.
  var count: Int { members.count }

  /// Whether every member of a group can be enforced, assigned or not.
  func canEnforce(_ group: Int) -> Bool { unenforceable[group] < 0 && heldBackBy[group] < 0 }

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
    let lender = Int(lenderOfCell[Int(cellOfGroup[group])])
    return lender >= 0 && devices.cannotEnforce[lender] && takesLender[group]
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
    return topology.isFirstStage[Int(devices.iommu[other])]
      && !topology.isFirstStage[Int(devices.iommu[device])]
  }

  private static func takers(
    of lenders: [Int32], _ cellOfGroup: [Int32], _ members: Buckets, _ devices: AssignedDevices,
    _ topology: HostTopology
  ) -> [Bool] {
    cellOfGroup.indices.map { group in
      let lender = Int(lenders[Int(cellOfGroup[group])])
      guard lender >= 0, topology.isFirstStage[Int(devices.iommu[lender])],
        let first = members[group].first.map(Int.init)
      else { return true }
      return topology.members(ofGroupOf: Int(devices.hostIndex[first])).allSatisfy { member in
        let unit = Int(topology.iommuOfDevice[Int(member)])
        return unit < 0 || topology.isFirstStage[unit]
      }
    }
  }

  private static func number(
    _ devices: AssignedDevices, _ topology: HostTopology
  ) -> (keys: [Int32], count: Int) {
    var numbers = [Int32](repeating: -1, count: topology.members.count)
    var count: Int32 = 0
    let keys = devices.hostIndex.map { host in
      let group = Int(topology.groupOfDevice[Int(host)])
      if numbers[group] < 0 {
        numbers[group] = count
        count += 1
      }
      return numbers[group]
    }
    return (keys, Int(count))
  }

  private static func heldBack(
    _ members: Buckets, _ unenforceable: [Int32], _ devices: AssignedDevices,
    _ topology: HostTopology
  ) -> [Int32] {
    (0..<members.count).map { group in
      guard unenforceable[group] < 0, let first = members[group].first.map(Int.init) else {
        return -1
      }
      let all = topology.members(ofGroupOf: Int(devices.hostIndex[first]))
      guard all.count > members[group].count else { return -1 }
      return all.first {
        let unit = topology.iommuOfDevice[Int($0)]
        return unit >= 0 && topology.enforcement[Int(unit)] != .yes
      } ?? -1
    }
  }

  /// Whether each group lies in one address space, and behind compatible IOMMUs with all of its
  /// members: the kernel attaches those that nobody assigned as well.
  private static func areWhole(
    _ members: Buckets, _ devices: AssignedDevices, _ vm: ResolvedVM, _ topology: HostTopology,
    into sink: inout DiagnosticSink
  ) -> Bool {
    var isWhole = true
    for group in 0..<members.count {
      let assigned = members[group]
      guard let first = assigned.first.map(Int.init) else { continue }
      let all = topology.members(ofGroupOf: Int(devices.hostIndex[first]))
      guard all.count > 1 else { continue }
      if let other = assigned.first(where: { devices.space[Int($0)] != devices.space[first] }) {
        isWhole = false
        let number = topology.host.devices[Int(devices.hostIndex[first])].group ?? 0
        sink.report(
          PlannerDiagnostics.splitGroup(
            vm.devices[Int(other)], first: vm.devices[first], group: number))
      }
      let unit = Int(devices.iommu[first])
      let unitClass = topology.classOfIOMMU[unit]
      if let other = all.lazy.map(Int.init).first(where: {
        let unit = topology.iommuOfDevice[$0]
        return unit >= 0 && topology.classOfIOMMU[Int(unit)] != unitClass
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
    _ members: Buckets, _ devices: AssignedDevices, _ topology: HostTopology
  ) -> (ofGroup: [Int32], spaces: [Int32], classes: [Int32]) {
    var known: [UInt64: Int32] = [:]
    var last: (key: UInt64, cell: Int32)?
    var spaces: [Int32] = []
    var classes: [Int32] = []
    var ofGroup = [Int32](repeating: 0, count: members.count)
    for group in 0..<members.count {
      guard let first = members[group].first.map(Int.init) else { continue }
      let unitClass = topology.classOfIOMMU[Int(devices.iommu[first])]
      let key =
        UInt64(UInt32(bitPattern: devices.space[first])) << 32
        | UInt64(UInt32(bitPattern: unitClass))
      if last?.key != key {
        let cell = known[key] ?? Int32(truncatingIfNeeded: spaces.count)
        if cell == spaces.count {
          known[key] = cell
          spaces.append(devices.space[first])
          classes.append(unitClass)
        }
        last = (key, cell)
      }
      ofGroup[group] = last?.cell ?? 0
    }
    return (ofGroup, spaces, classes)
  }
}
