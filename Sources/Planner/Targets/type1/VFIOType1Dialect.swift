import Parser

/// The VFIO container and group interface with the type1 driver: Linux 3.15 and later.
public struct VFIOType1Dialect: Dialect {
  /// Makes the dialect.
  public init() {}

  /// `type1`.
  public var name: String { "type1" }
  /// Kernels have it.
  public var isProposalOnly: Bool { false }
  /// The kernel makes the page tables, and enforces wherever it can.
  public func snoopChoice(by rules: KernelRules) -> SnoopChoice { .fixed }
  /// Before 5.19 the kernel asked the bus.
  public var enforcesByBus: Bool { true }
  /// KVM is told of group files.
  public var registersFiles: Bool { true }
  /// KVM is told of groups.
  public var registersGroups: Bool { true }
  /// A container is an address space by itself.
  public var hasAddressSpaceObjects: Bool { false }
  /// The kernel makes the page tables.
  public var vmmRule: VMMRule? { .type1 }
  /// Requests of containers, groups and KVM.
  public var requests: [RequestDescriptor] {
    VFIOContainerRequests.all + VFIOGroupRequests.all + KVMRequests.all
  }

  /// The limit of the module, unless iommufd answers in its place.
  public func mappingLimit(on kernel: HostKernel) -> MappingLimit? {
    kernel.vfioContainer == .iommufd ? nil : .type1(on: kernel)
  }
  /// Taken by type1 (§2.26, MAP10), refused where iommufd answers in its place (§2.27).
  public func mapsBARs(on kernel: HostKernel) -> Fact {
    kernel.vfioContainer == .iommufd ? .no : .yes
  }

  /// Needs `/dev/vfio/vfio`.
  public func interfaces(on rules: KernelRules) -> [(node: String, isThere: Fact)] {
    [("/dev/vfio/vfio (\(KernelOption.type1))", rules.hasContainer)]
  }

  /// Writes the program: one container per address space, page tables left to the kernel.
  public func lower(
    _ plan: IOASIDPlan, for vm: ResolvedVM, on host: HostDescription
  ) -> Program {
    guard !plan.devices.isEmpty else { return Program() }
    var lowering = VFIOType1Lowering(plan, vm, host)
    lowering.builder.bindDrivers(of: plan)
    let containers = lowering.openContainers()
    let kvm = lowering.builder.makeKVMVFIO(for: vm, plan, on: host.kernel)
    let groups = lowering.openGroups(in: containers, tellingKVM: kvm)
    lowering.openDevices(of: groups)
    lowering.checkCoherency(of: containers, host.coherencyAnswers(for: plan, self))
    lowering.mapMemory(in: containers)
    return lowering.builder.program
  }
}

/// The phases of lowering to type1, in the order they run.
private struct VFIOType1Lowering {
  typealias Container = Reference<ObjectKind.Container>
  typealias Group = Reference<ObjectKind.Group>

  let plan: IOASIDPlan
  let vm: ResolvedVM
  let names: ResultNames
  /// Positions of the first device of each IOMMU group, in description order.
  let firstDevices: [Int]
  /// For each device the position of its group in `firstDevices`.
  let groupOfDevice: [Int]
  /// Whether each device's page table is first stage, which other units do not take.
  let isFirstStage: [Bool]
  var builder: ProgramBuilder

  init(_ plan: IOASIDPlan, _ vm: ResolvedVM, _ host: HostDescription) {
    self.plan = plan
    self.vm = vm
    let rules = host.kernel.rules
    let units = Set(host.iommus.lazy.filter { $0.firstStage(by: rules) == .yes }.map(\.name))
    isFirstStage = plan.devices.map { !units.isEmpty && units.contains($0.iommu) }
    names = ResultNames(for: plan, fixed: ["kvm", "vm", "kvm-vfio"])
    var positions: [Int: Int] = [:]
    positions.reserveCapacity(plan.devices.count)
    var first: [Int] = []
    groupOfDevice = plan.devices.indices.map { index in
      let group = plan.devices[index].group
      if let known = positions[group] { return known }
      positions[group] = first.count
      first.append(index)
      return first.count - 1
    }
    firstDevices = first
    // Per device: 3 for the driver and its file; per group: open, status, check, container, KVM.
    let others = 16 + 16 * plan.addressSpaces.count
    builder = ProgramBuilder(
      origin: vm.$name, steps: 4 * plan.devices.count + 5 * first.count + others,
      results: plan.devices.count + 2 * first.count + others)
  }

  mutating func openContainers() -> [Container] {
    zip(plan.addressSpaces, names.spaces).map { space, name in
      builder.origin = space.origin
      let file = name + ".container"
      let container = builder.openContainer(named: file)
      builder.expect(builder.apiVersion(of: container, named: file + ".version"), equals: 0)
      let hasType1 = builder.check(
        VFIOContainerRequests.type1v2, of: container, named: file + ".type1v2")
      builder.expect(hasType1, equals: 1)
      return container
    }
  }

  /// Puts every group into the container of its address space, and tells KVM of those to be known.
  ///
  /// Those come first: up to 6.1 KVM asks the container of a group whether all of it is coherent,
  /// and asks again only when a file is added or removed. A device that joins after the last
  /// addition is not asked about. (Before the first device of a group is opened, for drivers look
  /// for their VM then.)
  mutating func openGroups(
    in containers: [Container], tellingKVM kvm: Reference<ObjectKind.KVMVFIO>?
  ) -> [Group] {
    var groups = [Group?](repeating: nil, count: firstDevices.count)
    var hasDriver = [Bool](repeating: false, count: containers.count)
    let isFirst = kvm == nil ? groups.map { _ in true } : knownGroups
    for position in positions where isFirst[position] {
      groups[position] = openGroup(at: position, in: containers, &hasDriver)
    }
    if let kvm {
      for (position, group) in groups.enumerated() {
        guard let group else { continue }
        builder.origin = plan.devices[firstDevices[position]].origin
        builder.add(group, to: kvm)
      }
    }
    for position in positions where !isFirst[position] {
      groups[position] = openGroup(at: position, in: containers, &hasDriver)
    }
    return groups.compactMap(\.self)
  }

  /// The groups in the order they join: those with second-stage tables, which every unit takes,
  /// before others.
  private var positions: [Int] {
    let isLate = firstDevices.map { isFirstStage[$0] }
    return firstDevices.indices.filter { !isLate[$0] } + firstDevices.indices.filter { isLate[$0] }
  }

  /// For each group whether KVM is told of it.
  private var knownGroups: [Bool] {
    var isKnown = [Bool](repeating: false, count: firstDevices.count)
    for (device, group) in zip(plan.devices, groupOfDevice) where device.isKnownToKVM {
      isKnown[group] = true
    }
    return isKnown
  }

  /// Opens a group and puts it into its container.
  ///
  /// The IOMMU driver is chosen once there is a first group: without one the kernel refuses it, and
  /// without the driver it would open no device.
  private mutating func openGroup(
    at position: Int, in containers: [Container], _ hasDriver: inout [Bool]
  ) -> Group {
    let device = plan.devices[firstDevices[position]]
    builder.origin = device.origin
    let name = ResultNames.group(device.group)
    let group = builder.openGroup(device.group, named: name)
    // Not viable means that a mate has a host driver; SET_CONTAINER would only say EPERM.
    let status = builder.status(of: group, named: name + ".status")
    builder.expect(status, equals: VFIOContainerRequests.viable)
    let space = plan.pageTables[device.pageTable].addressSpace
    builder.put(group, into: containers[space])
    if !hasDriver[space] { builder.setType1(containers[space]) }
    hasDriver[space] = true
    return group
  }

  /// Opens the devices, those on page tables that enforce first.
  ///
  /// Where iommufd answers in the place of containers, a device is attached when it is opened, to
  /// the first page table that takes it: in this order each gets one as it was planned, as far as
  /// any order does (`ContainerTables`).
  mutating func openDevices(of groups: [Group]) {
    let isEnforced = plan.devices.indices.map { plan.isEnforced($0) }
    for (wanted, stage) in [(true, false), (true, true), (false, false), (false, true)] {
      for (index, device) in plan.devices.enumerated()
      where isEnforced[index] == wanted && isFirstStage[index] == stage {
        builder.origin = device.origin
        builder.openDevice(
          device.address, device.vfToken, of: groups[groupOfDevice[index]],
          named: names.devices[index])
      }
    }
  }

  /// Asks whether the kernel enforces what the plan says it enforces; what is not known is reported
  /// only.
  mutating func checkCoherency(of containers: [Container], _ answers: [Fact]) {
    for (index, container) in containers.enumerated() {
      builder.origin = plan.addressSpaces[index].origin
      let coherent = builder.check(
        VFIOContainerRequests.dmaCC, of: container,
        named: names.spaces[index] + ".container.coherent")
      guard answers[index] != .unknown else { continue }
      builder.expect(coherent, equals: answers[index] == .yes ? 1 : 0)
    }
  }

  mutating func mapMemory(in containers: [Container]) {
    let memory = builder.makeMemory(for: plan, of: vm) { $0.mappedMemory($1, named: $2) }
    for (space, container) in zip(plan.addressSpaces, containers) {
      for mapping in space.mappings {
        guard let backing = memory[mapping.region] else { continue }
        builder.origin = mapping.origin
        builder.map(mapping, of: backing, into: container)
      }
    }
  }
}

extension HostDescription {
  /// What the kernel answers for each container when it is asked whether all DMA is coherent.
  ///
  /// Arm's driver said so of any device before the kernel asked page tables.
  fileprivate func coherencyAnswers(
    for plan: IOASIDPlan, _ dialect: VFIOType1Dialect
  ) -> [Fact] {
    let byTable = kernel.rules.answer(KernelRules.type1EnforcesByTable)
    var enforcement = enforcementByName(on: dialect)
    for unit in iommus where unit.type == HostIOMMU.arm && byTable != .yes {
      enforcement[unit.name] = byTable == .no ? .yes : .unknown
    }
    var answers = [Fact](repeating: .yes, count: plan.addressSpaces.count)
    for device in plan.devices {
      let space = plan.pageTables[device.pageTable].addressSpace
      let fact = enforcement[device.iommu] ?? .unknown
      if fact == .no || fact == .unknown && answers[space] == .yes { answers[space] = fact }
    }
    return answers
  }
}

/// The requests of containers and groups as typed steps.
extension ProgramBuilder {
  fileprivate mutating func openContainer(named name: String) -> Reference<ObjectKind.Container> {
    open(.vfioContainer, named: name)
  }

  fileprivate mutating func openGroup(
    _ number: Int, named name: String
  ) -> Reference<ObjectKind.Group> {
    open(.vfioGroup(number), named: name)
  }

  fileprivate mutating func apiVersion(
    of container: Reference<ObjectKind.Container>, named name: String
  ) -> Reference<ObjectKind.Number> {
    issue(VFIOContainerRequests.getAPIVersion, on: container, named: name)
  }

  fileprivate mutating func check(
    _ extensionNumber: UInt64, of container: Reference<ObjectKind.Container>, named name: String
  ) -> Reference<ObjectKind.Number> {
    issue(
      VFIOContainerRequests.checkExtension, on: container, [.literal(extensionNumber)],
      named: name)
  }

  fileprivate mutating func setType1(_ container: Reference<ObjectKind.Container>) {
    issue(
      VFIOContainerRequests.setIOMMU, on: container, [.literal(VFIOContainerRequests.type1v2)])
  }

  fileprivate mutating func status(
    of group: Reference<ObjectKind.Group>, named name: String
  ) -> Reference<ObjectKind.Number> {
    issue(VFIOGroupRequests.getStatus, on: group, named: name)
  }

  fileprivate mutating func put(
    _ group: Reference<ObjectKind.Group>, into container: Reference<ObjectKind.Container>
  ) {
    issue(VFIOGroupRequests.setContainer, on: group, [.result(container.id)])
  }

  fileprivate mutating func openDevice(
    _ address: BDF, _ token: VFToken?, of group: Reference<ObjectKind.Group>, named name: String
  ) {
    let device = define(name, as: ObjectKind.DeviceFD.self)
    issue(
      VFIOGroupRequests.getDeviceFD, on: group,
      [.address(address)] + (token.map { [.token($0)] } ?? []), results: [device.id])
  }

  fileprivate mutating func map(
    _ mapping: PlannedAddressSpace.Mapping, of memory: Reference<ObjectKind.Memory>,
    into container: Reference<ObjectKind.Container>
  ) {
    issue(
      VFIOContainerRequests.mapDMA, on: container,
      [
        .literal(VFIOContainerRequests.mapFlags), .memory(memory.id, offset: mapping.offset),
        .literal(mapping.iova), .literal(mapping.size),
      ])
  }
}
