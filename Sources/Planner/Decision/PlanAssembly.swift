import Parser

/// Turns a choice of format per group into the plan that is shown and lowered.
struct PlanAssembly {
  let vm: ResolvedVM
  let topology: HostTopology
  let groups: AssignedGroups
  let intents: ResolvedIntents
  let maps: AddressSpaceMaps
  let problem: GroupingProblem
  let dialect: any Dialect
  let choice: SnoopChoice
  var objective: Objective
  let freeChoice: PlacementReasons.FreeChoice

  private var devices: AssignedDevices { groups.devices }

  /// The plan for a choice.
  func plan(isEnforced: [Bool]) -> IOASIDPlan {
    let metrics = problem.metrics(isEnforced: isEnforced)
    let spaces = usedSpaces()
    let tables = pageTables(isEnforced, spaces.position)
    let coherency = coherency(isEnforced, tables)
    let known = knownToKVM(coherency)
    let reasons = PlacementReasons(
      groups: groups, intents: intents, problem: problem, choice: choice, freeChoice: freeChoice)
    let groupReasons = reasons.reasons(isEnforced: isEnforced, metrics: metrics)
    let heldBack = topology.heldBackUnits
    var plan = IOASIDPlan(
      target: dialect.name, objective: objective, metrics: metrics, addressSpaces: spaces.spaces,
      pageTables: tables.tables,
      devices: (0..<devices.count).map { device in
        let group = groups.groupOfDevice[device].offset
        return planned(
          device, on: tables.ofDevice[device].offset, isEnforced: isEnforced[group],
          isKnown: known[device], heldBack: heldBack[devices.iommu[device].offset],
          reason: reasons.reason(for: device, groupReasons[group]))
      }, companions: Companion.all(of: groups, for: vm, on: topology), coherency: coherency)
    plan.intentTable = intents.table
    return plan
  }

  private func planned(
    _ index: Int, on table: Int, isEnforced: Bool, isKnown: Bool, heldBack: String?,
    reason: PlacementReason
  ) -> PlannedDevice {
    let host = devices.hostIndex[index].offset
    var planned = PlannedDevice(
      name: vm.devices[index].name, address: vm.devices[index].address,
      group: topology.host.devices[host].group ?? 0,
      iommu: topology.host.iommus[devices.iommu[index]].name,
      driver: topology.host.devices[host].driver, intent: vm.devices[index].noSnoop,
      resolved: intents.resolved[index], canNoSnoop: topology.host.devices[host].noSnoopCapable,
      canEnforceSnoop: topology.enforcement[devices.iommu[index].offset], pageTable: table,
      isEffective: !isEnforced && devices.canNoSnoop[index], isKnownToKVM: isKnown,
      reason: reason, origin: vm.devices[index].span, resolution: intents.resolutions[index])
    planned.wantedDriver = vm.devices[index].driver
    planned.isOnVFIO = topology.host.devices[host].hasVFIODriver
    planned.heldBack = heldBack
    planned.vfToken = vm.devices[index].vfToken
    return planned
  }
}

// MARK: - Address spaces and page tables

extension PlanAssembly {
  /// The address spaces that have devices, and the position of each declared one among them.
  private func usedSpaces() -> (spaces: [PlannedAddressSpace], position: [Int]) {
    var isUsed = [Bool](repeating: false, count: maps.mappings.count)
    for space in groups.spaceOfCell { isUsed[space.offset] = true }
    var spaces: [PlannedAddressSpace] = []
    var position = [Int](repeating: 0, count: isUsed.count)
    for space in isUsed.indices where isUsed[space] {
      position[space] = spaces.count
      let declared = space == 0 ? nil : vm.addressSpaces[space - 1]
      spaces.append(
        PlannedAddressSpace(
          name: declared?.name ?? VMDescription.guestPhysicalSpace,
          mappings: maps.mappings[space],
          origin: declared?.$name ?? vm.memory.first?.span ?? vm.$name))
    }
    return (spaces, position)
  }

  private struct Tables {
    var tables: [PageTable] = []
    var ofDevice: [PositionIndex<PageTable>] = []
  }

  /// Numbers the page tables in order of their first device.
  private func pageTables(_ isEnforced: [Bool], _ position: [Int]) -> Tables {
    var result = Tables()
    result.ofDevice.reserveCapacity(devices.count)
    var tableOfSlot = [PositionIndex<PageTable>](repeating: .none, count: problem.cells * 2)
    var perSpace = [Int](repeating: 0, count: position.count)
    var units = UnitNames(topology.host)
    for device in 0..<devices.count {
      let group = groups.groupOfDevice[device].offset
      let slot = groups.cellOfGroup[group].offset * 2 + (isEnforced[group] ? 0 : 1)
      if tableOfSlot[slot].isNone {
        tableOfSlot[slot] = PositionIndex(result.tables.count)
        let space = devices.space[device].offset
        result.tables.append(
          table(perSpace[space], space, position[space], isEnforced[group], first: device))
        perSpace[space] += 1
      }
      let table = tableOfSlot[slot].offset
      result.ofDevice.append(tableOfSlot[slot])
      result.tables[table].devices.append(device)
      if let name = units.new(devices.iommu[device], on: table) {
        result.tables[table].iommus.append(name)
      }
    }
    chooseLeaders(of: &result.tables)
    return result
  }

  private func table(
    _ number: Int, _ space: Int, _ position: Int, _ isEnforced: Bool, first: Int
  ) -> PageTable {
    let name = space == 0 ? VMDescription.guestPhysicalSpace : vm.addressSpaces[space - 1].name
    return PageTable(
      name: "\(name).\(number)", addressSpace: position,
      snoopPolicy: isEnforced ? .enforced : .notEnforced, iommus: [], devices: [], leader: first)
  }

  /// Where the kernel decides the format, it is the format of the device a table is allocated for:
  /// one that is known to make it so, if there is one.
  ///
  /// Of several it is one that makes a second-stage table, which units of both stages take.
  private func chooseLeaders(of tables: inout [PageTable]) {
    guard choice != .free else { return }
    for index in tables.indices {
      let members = tables[index].devices
      let leader =
        tables[index].snoopPolicy == .enforced
        ? secondStage(members) { _ in true }
        : secondStage(members) { devices.cannotEnforce[$0] }
          ?? secondStage(members) { !devices.canEnforce[$0] }
      tables[index].leader = leader ?? tables[index].leader
    }
  }

  /// The first of some devices that fulfils a condition, one with second-stage tables if possible.
  private func secondStage(_ members: [Int], where isFit: (Int) -> Bool) -> Int? {
    guard let first = members.first(where: isFit), isFirstStage(first) else {
      return members.first(where: isFit)
    }
    return members.first { isFit($0) && !isFirstStage($0) } ?? first
  }

  private func isFirstStage(_ device: Int) -> Bool {
    topology.isFirstStage[devices.iommu[device].offset]
  }
}

/// Remembers which IOMMU units each page table has.
private struct UnitNames {
  private let host: HostDescription
  private struct Pair: Hashable {
    var table: Int
    var unit: UnitIndex
  }

  private var last: [UnitIndex] = []
  private var seen: Set<Pair> = []

  init(_ host: HostDescription) { self.host = host }

  /// The name of a unit if the table does not have it yet.
  mutating func new(_ unit: UnitIndex, on table: Int) -> String? {
    while last.count <= table { last.append(.none) }
    guard last[table] != unit else { return nil }
    last[table] = unit
    return seen.insert(Pair(table: table, unit: unit)).inserted ? host.iommus[unit].name : nil
  }
}

// MARK: - KVM

extension PlanAssembly {
  private func coherency(_ isEnforced: [Bool], _ tables: Tables) -> VMCoherency {
    let isEffective = { (device: Int) in
      devices.canNoSnoop[device] && !isEnforced[groups.groupOfDevice[device].offset]
    }
    guard problem.hasIncoherentMode else {
      return VMCoherency(
        allowsIncoherentDMA: false, proof: nil,
        reason: topology.host.isX86 ? .noKVM : .noIncoherentMode)
    }
    if let first = (0..<devices.count).first(where: isEffective) {
      let leader = tables.tables[tables.ofDevice[first].offset].leader
      let proof = proof(among: (0..<devices.count).lazy.filter(isEffective)) ?? leader
      return VMCoherency(
        allowsIncoherentDMA: true, proof: proof, reason: .effectiveDevices)
    }
    guard problem.kvm == .always else {
      return VMCoherency(allowsIncoherentDMA: false, proof: nil, reason: .noEffectiveDevice)
    }
    return VMCoherency(
      allowsIncoherentDMA: true, proof: proof(among: 0..<devices.count), reason: .override)
  }

  /// The first device that proves the right to non-coherent DMA, one that is known to if possible.
  ///
  /// It has to be able to no-snoop where the user decides, else its IOMMU is what counts.
  private func proof(among candidates: some Collection<Int>) -> Int? {
    candidates.first { provesMode($0) == .yes } ?? candidates.first { provesMode($0) == .unknown }
  }

  private func provesMode(_ device: Int) -> Fact {
    if choice == .free {
      return topology.host.devices[devices.hostIndex[device]].noSnoopCapable
    }
    return switch topology.enforcement[devices.iommu[device].offset] {
    case .yes: .no
    case .no: .yes
    case .unknown: .unknown
    }
  }

  /// Which devices are registered with KVM.
  ///
  /// kvm-vfio takes a VM for non-coherent iff the IOMMU of some registered file lacks the
  /// capability (virt/kvm/vfio.c), whatever the page tables are. So if WBINVD is to be ignored,
  /// files of devices that cannot be enforced stay out; sound, because none of them can no-snoop.
  /// Where KVM has no non-coherent mode it does no harm that it knows all.
  private func knownToKVM(_ coherency: VMCoherency) -> [Bool] {
    guard topology.host.kernel.kvm != .no else {
      return [Bool](repeating: false, count: devices.count)
    }
    if choice == .free {
      return (0..<devices.count).map { $0 == coherency.proof }
    }
    guard problem.hasIncoherentMode, !coherency.allowsIncoherentDMA else {
      return [Bool](repeating: true, count: devices.count)
    }
    guard dialect.registersGroups else { return devices.canEnforce }
    return groups.groupOfDevice.map { groups.canEnforce($0.offset) }
  }
}
