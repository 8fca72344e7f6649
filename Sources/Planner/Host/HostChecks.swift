import Parser

/// What the host must grant before any of the VM's devices can be bound and its memory mapped.
///
/// Every pass is linear in devices, group members and reserved regions.
struct HostChecks {
  let vm: ResolvedVM
  let topology: HostTopology
  let groups: AssignedGroups
  let maps: AddressSpaceMaps
  let target: any Dialect
  private let isAssigned: [Bool]
  private let relations: RelationChecks

  /// Prepares the checks of a VM on a host.
  init(
    vm: ResolvedVM, topology: HostTopology, groups: AssignedGroups, maps: AddressSpaceMaps,
    target: any Dialect
  ) {
    self.vm = vm
    self.topology = topology
    self.groups = groups
    self.maps = maps
    self.target = target
    var isAssigned = [Bool](repeating: false, count: topology.host.devices.count)
    for host in groups.devices.hostIndex { isAssigned[host.offset] = true }
    self.isAssigned = isAssigned
    relations = RelationChecks(vm: vm, topology: topology, groups: groups, target: target)
  }

  private var devices: AssignedDevices { groups.devices }
  private var rules: KernelRules { topology.rules }

  /// Reports everything the host refuses.
  func run(into sink: inout DiagnosticSink) {
    if target.registersGroups { topology.host.reportRulesOfNoKernel(into: &sink) }
    checkInterrupts(into: &sink)
    checkUnits(into: &sink)
    checkHugePages(into: &sink)
    relations.run(into: &sink)
    var regions = ReservedRegions(spaces: maps.mappings.count)
    for group in 0..<groups.count {
      checkMembers(of: group, &regions, into: &sink)
      if !target.isProposalOnly { checkEnforcement(of: group, into: &sink) }
    }
    reportOverlaps(regions, into: &sink)
    var isChecked = [Bool](repeating: false, count: groups.spaceOfCell.count)
    var limits = LimitChecks(maps)
    for group in 0..<groups.count {
      let cell = groups.cellOfGroup[group].offset
      guard !isChecked[cell], let first = groups.members[group].first?.offset else {
        continue
      }
      isChecked[cell] = true
      checkLimits(of: first, &limits, into: &sink)
    }
  }

  private func checkInterrupts(into sink: inout DiagnosticSink) {
    guard !topology.host.kernel.allowUnsafeInterrupts,
      topology.host.iommus.contains(where: { !$0.isolatedMSI })
    else { return }
    var behind = [[Int]](repeating: [], count: topology.host.iommus.count)
    for device in 0..<devices.count { behind[devices.iommu[device].offset].append(device) }
    for (unit, members) in zip(topology.host.iommus, behind) where !unit.isolatedMSI {
      guard let first = members.first else { continue }
      sink.report(
        PlannerDiagnostics.unsafeInterrupts(
          unit, devices: members.map { vm.devices[$0].name }, module: interruptModule,
          at: vm.devices[first].$place))
    }
  }

  /// The module whose parameter gives devices without isolated interrupts on the target.
  private var interruptModule: String {
    target.registersGroups && topology.host.kernel.vfioContainer != .iommufd
      ? "vfio_iommu_type1" : "iommufd"
  }

  /// Looks at all members of an IOMMU group, the unassigned ones, too.
  private func checkMembers(
    of group: Int, _ regions: inout ReservedRegions, into sink: inout DiagnosticSink
  ) {
    guard let first = groups.members[group].first?.offset else { return }
    let hostGroup = topology.groupOfDevice[devices.hostIndex[first].offset].offset
    let members = topology.members[hostGroup]
    if members.count > groups.members[group].count {
      checkDrivers(of: members, first, into: &sink)
    }
    var isDirectReported = false
    for member in members.lazy.map(\.offset) {
      guard !topology.host.devices[member].reserved.isEmpty else { continue }
      for region in topology.host.devices[member].reserved {
        let refuses = region.kind == .direct && refusesDirectRegions(of: member)
        if refuses, !isDirectReported {
          isDirectReported = true
          reportDirect(region, member, first, into: &sink)
        }
        guard !refuses else { continue }
        check(region, of: member, space: devices.space[first].offset, &regions)
      }
    }
  }

  /// Looks at what holds the kernel back from attaching a group as planned.
  private func checkEnforcement(of group: Int, into sink: inout DiagnosticSink) {
    guard let first = groups.members[group].first?.offset else { return }
    if let mate = groups.heldBackBy[group].position {
      sink.report(
        PlannerDiagnostics.mateUnenforceable(
          topology.host.devices[mate], behind: topology.unenforced(of: mate),
          of: vm.devices[first]))
    }
    guard let unenforceable = groups.unenforceable[group].position, !target.registersGroups,
      !rules.holds(KernelRules.attachKeepsTables),
      let able = groups.members[group].lazy.map(\.offset).first(where: { devices.canEnforce[$0] })
    else { return }
    sink.report(
      PlannerDiagnostics.mixedGroup(
        vm.devices[able], mate: vm.devices[unenforceable],
        release: topology.host.kernel.release,
        group: topology.host.devices[devices.hostIndex[able]].group ?? 0))
  }

  /// Looks for huge pages that the kernel does not have, once for each size.
  private func checkHugePages(into sink: inout DiagnosticSink) {
    let kernel = topology.host.kernel
    let known = topology.host.architecture?.hugePageSizes(withPages: kernel.pageBytes)
    guard let known else { return }
    var seen = Set(known)
    for region in vm.memory {
      guard let bytes = region.hugePageBytes, seen.insert(bytes).inserted else { continue }
      sink.report(PlannerDiagnostics.noHugePages(region, of: bytes, known: known, on: kernel))
    }
  }

  /// Looks for units whose driver VFIO takes no device from.
  private func checkUnits(into sink: inout DiagnosticSink) {
    guard !target.isProposalOnly, !rules.holds(KernelRules.riscvIsCoherent),
      topology.host.iommus.contains(where: { $0.type == HostIOMMU.riscv })
    else { return }
    for (unit, fact) in topology.host.iommus.enumerated() where fact.type == HostIOMMU.riscv {
      let behind = (0..<devices.count).filter { devices.iommu[$0].offset == unit }
      guard let first = behind.first else { continue }
      sink.report(
        PlannerDiagnostics.refused(
          fact, devices: behind.map { vm.devices[$0].name }, at: vm.devices[first].$place))
    }
  }

  /// Whether a direct region keeps the device from being given away; else it is left out of what
  /// may be mapped.
  private func refusesDirectRegions(of member: Int) -> Bool {
    let unit = topology.iommuOfDevice[member]
    return rules.holds(KernelRules.directRegionsRefuse)
      || !unit.isNone && topology.host.iommus[unit].type == HostIOMMU.intel
  }

  /// Reports once the members of a group that the host goes on using; what holds one of them with
  /// its driver is a finding of its own.
  private func checkDrivers(
    of members: ArraySlice<HostDeviceIndex>, _ first: Int, into sink: inout DiagnosticSink
  ) {
    var used: [HostDevice] = []
    for member in members.lazy.map(\.offset) where !isAssigned[member] {
      let fact = topology.host.devices[member]
      guard !GroupViability.keepsViable(fact), !relations.isSaid(of: member, in: first, into: &sink)
      else { continue }
      if vm.companions == .bind, Companion.canBeKept(fact) { continue }
      used.append(fact)
    }
    guard !used.isEmpty else { return }
    let own = groups.members[groups.groupOfDevice[first].offset].map { vm.devices[$0].address }
    let group = UsedGroup(
      device: vm.devices[first], assigned: own, members: used,
      uses: topology.host.observations.uses)
    sink.report(PlannerDiagnostics.unsafe(group))
  }

  private func reportDirect(
    _ region: ReservedRegion, _ member: Int, _ first: Int, into sink: inout DiagnosticSink
  ) {
    let fact = topology.host.devices[member]
    sink.report(
      PlannerDiagnostics.direct(
        region, of: fact, group: fact.group ?? 0, device: vm.devices[first]))
  }

  private func check(
    _ region: ReservedRegion, of member: Int, space: Int, _ regions: inout ReservedRegions
  ) {
    guard region.kind != .directRelaxable,
      regions.isNew(region, space: space)
    else { return }
    let next = maps.firstMapping(of: space, endingAtOrAfter: region.start)
    guard next < maps.mappings[space].count, maps.mappings[space][next].iova <= region.end
    else { return }
    regions.overlaps.append(
      .init(region: region, member: member, space: space, mapping: maps.mappings[space][next]))
  }

  /// Reports memory in reserved regions, with lines that leave out all of them.
  private func reportOverlaps(_ regions: ReservedRegions, into sink: inout DiagnosticSink) {
    if regions.overlaps.isEmpty { return }
    let limits = spaceLimits
    var advice: [Int: String] = [:]
    for overlap in regions.overlaps {
      let space = overlap.space
      let known =
        advice[space]
        ?? MemoryAroundHoles(
          regions.all(of: space), bits: limits[space].bits, pageBytes: limits[space].page
        ).advice(for: vm, space: space)
      advice[space] = known
      sink.report(
        PlannerDiagnostics.reserved(
          overlap.region, of: topology.host.devices[overlap.member], hits: overlap.mapping,
          in: name(ofSpace: space), advice: known))
    }
  }

  /// The narrowest width and the largest smallest page of each address space's IOMMUs.
  private var spaceLimits: [(bits: Int, page: UInt64)] {
    var limits = [(bits: Int, page: UInt64)](
      repeating: (64, topology.host.kernel.pageBytes), count: maps.mappings.count)
    for device in 0..<devices.count {
      let unit = topology.host.iommus[devices.iommu[device]]
      let space = devices.space[device].offset
      limits[space].bits = min(limits[space].bits, unit.addressBits)
      limits[space].page = max(limits[space].page, unit.pageSizes.min() ?? 1)
    }
    return limits
  }

  /// Compares an address space with the IOMMU of the first device of a cell.
  private func checkLimits(
    of device: Int, _ limits: inout LimitChecks, into sink: inout DiagnosticSink
  ) {
    let space = devices.space[device].offset
    let unit = topology.host.iommus[devices.iommu[device]]
    let pageBytes = unit.pageSizes.min() ?? 1
    if pageBytes > topology.host.kernel.pageBytes, !target.isProposalOnly {
      sink.report(
        PlannerDiagnostics.tooCoarse(
          unit, device: vm.devices[device], on: topology.host.kernel))
    }
    if let mapping = limits.mapping(of: space, beyond: unit.addressBits) {
      sink.report(
        PlannerDiagnostics.beyondWidth(
          mapping, in: name(ofSpace: space), unit: unit, device: vm.devices[device]))
    }
    let kernel = topology.host.kernel
    if let mapping = limits.mapping(
      of: space, notMultipleOf: max(pageBytes, kernel.pageBytes))
    {
      sink.report(
        pageBytes < kernel.pageBytes
          ? PlannerDiagnostics.misaligned(mapping, in: name(ofSpace: space), on: kernel)
          : PlannerDiagnostics.misaligned(
            mapping, in: name(ofSpace: space), unit: unit, pageBytes: pageBytes))
    }
  }

  private func name(ofSpace space: Int) -> String {
    space == 0 ? VMDescription.guestPhysicalSpace : vm.addressSpaces[space - 1].name
  }
}

/// Finds the first mapping of an address space that some IOMMU can't have.
///
/// Remembers what it found: there may be many units, but only so many widths and pages.
private struct LimitChecks {
  private struct Limit: Hashable {
    var space: Int
    var value: UInt64
  }

  private let maps: AddressSpaceMaps
  private var tooWide: [Limit: PlannedAddressSpace.Mapping?] = [:]
  private var misaligned: [Limit: PlannedAddressSpace.Mapping?] = [:]

  init(_ maps: AddressSpaceMaps) { self.maps = maps }

  mutating func mapping(of space: Int, beyond bits: Int) -> PlannedAddressSpace.Mapping? {
    guard bits < 64 else { return nil }
    let limit = Limit(space: space, value: UInt64(max(0, bits)))
    return Self.remembered(limit, in: &tooWide, maps) {
      AddressSpaceMaps.last($0.iova, $0.size) >> limit.value != 0
    }
  }

  mutating func mapping(
    of space: Int, notMultipleOf page: UInt64
  ) -> PlannedAddressSpace.Mapping? {
    Self.remembered(Limit(space: space, value: page), in: &misaligned, maps) {
      ($0.iova | $0.size | $0.offset) & (page &- 1) != 0
    }
  }

  private static func remembered(
    _ limit: Limit, in known: inout [Limit: PlannedAddressSpace.Mapping?],
    _ maps: AddressSpaceMaps, where isWrong: (PlannedAddressSpace.Mapping) -> Bool
  ) -> PlannedAddressSpace.Mapping? {
    if let found = known[limit] { return found }
    let found = maps.mappings[limit.space].first(where: isWrong)
    known[limit] = .some(found)
    return found
  }
}

/// Remembers which reserved regions were looked at, by address space: devices mostly share them.
private struct ReservedRegions {
  /// A region that memory of an address space lies in.
  struct Overlap {
    let region: ReservedRegion
    /// The device that must not use it, by its position on the host.
    let member: Int
    let space: Int
    let mapping: PlannedAddressSpace.Mapping
  }

  private struct Key: Hashable {
    var start: UInt64
    var end: UInt64
  }

  /// What was found, in order.
  var overlaps: [Overlap] = []
  private var last: [Key?]
  private var seen: [Set<Key>]

  init(spaces: Int) {
    last = Array(repeating: nil, count: spaces)
    seen = Array(repeating: [], count: spaces)
  }

  mutating func isNew(_ region: ReservedRegion, space: Int) -> Bool {
    let key = Key(start: region.start, end: region.end)
    guard last[space] != key else { return false }
    last[space] = key
    return seen[space].insert(key).inserted
  }

  /// Every region that an address space has to leave out, each once.
  func all(of space: Int) -> [ClosedRange<UInt64>] {
    seen[space].filter { $0.start <= $0.end }.map { $0.start...$0.end }
  }
}
