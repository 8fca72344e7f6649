import Parser

/// The VFIO container and group interface with the type1 driver: every Linux since 3.6.
public struct VFIOType1Dialect: Dialect {
  /// Makes the dialect.
  public init() {}

  /// `type1`.
  public var name: String { "type1" }
  /// Kernels have it.
  public var isProposalOnly: Bool { false }
  /// The kernel makes the page tables, and enforces wherever it can.
  public var snoopChoice: SnoopChoice { .fixed }
  /// KVM is told of group files.
  public var registersFiles: Bool { true }
  /// A container is an address space by itself.
  public var hasAddressSpaceObjects: Bool { false }
  /// The kernel makes the page tables.
  public var vmmRule: VMMRule? { .type1 }
  /// Requests of containers, groups and KVM.
  public var requests: [RequestDescriptor] {
    VFIOContainerRequests.all + VFIOGroupRequests.all + KVMRequests.all
  }

  /// Needs `/dev/vfio/vfio`.
  public func missingInterface(on kernel: HostKernel) -> String? {
    kernel.type1 ? nil : "/dev/vfio/vfio (\(KernelOption.type1))"
  }

  /// Writes the program: one container per address space, page tables left to the kernel.
  public func lower(
    _ plan: IOASIDPlan, for vm: VMDescription, on host: HostDescription
  ) -> Program {
    guard !plan.devices.isEmpty else { return Program() }
    var lowering = VFIOType1Lowering(plan, vm)
    lowering.builder.bindDrivers(of: plan)
    let containers = lowering.openContainers()
    let groups = lowering.openGroups(in: containers)
    if let kvm = lowering.builder.makeKVMVFIO(for: vm, plan, on: host.kernel) {
      lowering.tell(kvm, about: groups)
    }
    lowering.openDevices(of: groups)
    lowering.checkCoherency(of: containers)
    lowering.mapMemory(in: containers)
    return lowering.builder.program
  }
}

/// The phases of lowering to type1, in the order they run.
private struct VFIOType1Lowering {
  typealias Container = Reference<ObjectKind.Container>
  typealias Group = Reference<ObjectKind.Group>

  let plan: IOASIDPlan
  let vm: VMDescription
  let names: ResultNames
  /// Positions of the first device of each IOMMU group, in description order.
  let firstDevices: [Int]
  /// For each device the position of its group in `firstDevices`.
  let groupOfDevice: [Int]
  var builder: ProgramBuilder

  init(_ plan: IOASIDPlan, _ vm: VMDescription) {
    self.plan = plan
    self.vm = vm
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
      origin: vm.nameSpan, steps: 4 * plan.devices.count + 5 * first.count + others,
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

  /// Puts every group into the container of its address space.
  ///
  /// The IOMMU driver is chosen once there is a first group: without one the kernel refuses it, and
  /// without the driver it would open no device.
  mutating func openGroups(in containers: [Container]) -> [Group] {
    var hasDriver = [Bool](repeating: false, count: containers.count)
    return firstDevices.map { index in
      let device = plan.devices[index]
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
  }

  /// Before the first device of a group is opened: drivers look for their VM then.
  mutating func tell(_ kvm: Reference<ObjectKind.KVMVFIO>, about groups: [Group]) {
    var isKnown = [Bool](repeating: false, count: groups.count)
    for (device, group) in zip(plan.devices, groupOfDevice) where device.isKnownToKVM {
      isKnown[group] = true
    }
    for (position, group) in groups.enumerated() where isKnown[position] {
      builder.origin = plan.devices[firstDevices[position]].origin
      builder.add(group, to: kvm)
    }
  }

  mutating func openDevices(of groups: [Group]) {
    for (index, device) in plan.devices.enumerated() {
      builder.origin = device.origin
      builder.openDevice(
        device.address, of: groups[groupOfDevice[index]], named: names.devices[index])
    }
  }

  /// Asks whether the kernel enforces what the plan says it enforces.
  mutating func checkCoherency(of containers: [Container]) {
    var isEnforced = [Bool](repeating: true, count: containers.count)
    for table in plan.pageTables where table.snoopPolicy == .notEnforced {
      isEnforced[table.addressSpace] = false
    }
    for (index, container) in containers.enumerated() {
      builder.origin = plan.addressSpaces[index].origin
      let coherent = builder.check(
        VFIOContainerRequests.dmaCC, of: container,
        named: names.spaces[index] + ".container.coherent")
      builder.expect(coherent, equals: isEnforced[index] ? 1 : 0)
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
    _ address: BDF, of group: Reference<ObjectKind.Group>, named name: String
  ) {
    let device = define(name, as: ObjectKind.DeviceFD.self)
    issue(VFIOGroupRequests.getDeviceFD, on: group, [.address(address)], results: [device.id])
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
