import Parser

/// The `/dev/ioasid` proposal of 2021, as the mail's flow has it; no kernel does.
public struct IOASIDProposalDialect: Dialect {
  /// Makes the dialect.
  public init() {}

  /// `ioasid`.
  public var name: String { "ioasid" }
  /// Only the simulator runs it.
  public var isProposalOnly: Bool { true }
  /// User space says which format a page table gets.
  public func snoopChoice(by rules: KernelRules) -> SnoopChoice { .free }
  /// Each device is asked.
  public var enforcesByBus: Bool { false }
  /// KVM is told with a device as the proof.
  public var registersFiles: Bool { false }
  /// KVM is told of none.
  public var registersGroups: Bool { false }
  /// A page table is all there is.
  public var hasAddressSpaceObjects: Bool { false }
  /// What two page tables map, and with it all the rest.
  ///
  /// v1: without that a page is accounted for each IOASID that maps it; with it, what is mapped
  /// must be registered.
  public func registeredMemory(of plan: IOASIDPlan) -> [RegisteredMemory] {
    RegisteredMemory.shared(in: plan)
  }
  /// No VMM knows it.
  public var vmmRule: VMMRule? { nil }
  /// Requests of `/dev/ioasid`, of devices in it, and KVM's share.
  public var requests: [RequestDescriptor] {
    IOASIDRequests.all + [KVMRequests.getAPIVersion, KVMRequests.createVM]
  }

  /// Nothing is missing: no kernel is asked.
  public func interfaces(on rules: KernelRules) -> [(node: String, isThere: Fact)] { [] }

  /// Writes the program: the steps of the mail, in its order.
  public func lower(
    _ plan: IOASIDPlan, for vm: ResolvedVM, on host: HostDescription
  ) -> Program {
    guard !plan.devices.isEmpty else { return Program() }
    var lowering = IOASIDLowering(plan, vm)
    lowering.builder.bindDrivers(of: plan)
    let ioasidFD = lowering.openIOASIDFD()
    let machine = lowering.registerWithKVM(ioasidFD, on: host.kernel)
    let devices = lowering.bindDevices(to: ioasidFD, host.enforcementByName(on: self))
    if let machine { lowering.allowIncoherentDMA(machine, ioasidFD, devices) }
    let tables = lowering.attachDevices(devices, in: ioasidFD)
    let memory = lowering.makeMemory(in: ioasidFD, registeredMemory(of: plan))
    lowering.map(memory, in: ioasidFD, tables)
    return lowering.builder.program
  }
}

/// The phases of lowering to the proposal, in the order they run.
private struct IOASIDLowering {
  typealias Devices = [(
    file: Reference<ObjectKind.DeviceFD>, label: Reference<ObjectKind.DeviceLabel>
  )]

  let plan: IOASIDPlan
  let vm: ResolvedVM
  let names: ResultNames
  var builder: ProgramBuilder

  init(_ plan: IOASIDPlan, _ vm: ResolvedVM) {
    self.plan = plan
    self.vm = vm
    names = ResultNames(for: plan, fixed: ["ioasid", "kvm", "vm"])
    // Per device: 3 for the driver, open, bind, information, check, attach.
    let others = 16 + 2 * plan.pageTables.count
    builder = ProgramBuilder(
      origin: vm.$name, steps: 8 * plan.devices.count + others,
      results: 3 * plan.devices.count + others)
  }

  mutating func openIOASIDFD() -> Reference<ObjectKind.IOASIDFD> {
    builder.origin = vm.$name
    return builder.open(.ioasid, named: "ioasid")
  }

  /// Step 0 of the mail: the ioasid file is created and registered with KVM.
  mutating func registerWithKVM(
    _ ioasidFD: Reference<ObjectKind.IOASIDFD>, on kernel: HostKernel
  ) -> Reference<ObjectKind.VM>? {
    guard kernel.kvm != .no, vm.kvm.owner != .command else { return nil }
    let machine = builder.makeVM(for: vm)
    builder.issue(IOASIDRequests.addIOASIDFD, on: machine, [.result(ioasidFD.id)])
    return machine
  }

  /// Steps 1 and 2 of the mail: bind each device, then ask whether snoop can be enforced for it.
  ///
  /// Step 3, the decision, is the plan; here the program makes sure that its ground still holds.
  mutating func bindDevices(
    to ioasidFD: Reference<ObjectKind.IOASIDFD>, _ units: [String: Fact]
  ) -> Devices {
    var bound: Devices = []
    bound.reserveCapacity(plan.devices.count)
    for (device, name) in zip(plan.devices, names.devices) {
      builder.origin = device.origin
      let file = builder.openDevice(device.address, named: name)
      let label = builder.bind(file, to: ioasidFD, named: name + ".label")
      let info = builder.info(of: label, in: ioasidFD, named: name + ".info")
      if let fact = units[device.iommu], fact != .unknown {
        builder.expect(info, equals: fact == .yes ? IOASIDRequests.enforceSnoop : 0)
      }
      bound.append((file, label))
    }
    return bound
  }

  /// What the mail puts last: KVM is told, with a device as the proof.
  ///
  /// Before the attaches, so that KVM never takes a VM for coherent while a device can do
  /// otherwise: neither on the way in nor, in reverse, on the way out.
  mutating func allowIncoherentDMA(
    _ machine: Reference<ObjectKind.VM>, _ ioasidFD: Reference<ObjectKind.IOASIDFD>,
    _ devices: Devices
  ) {
    guard plan.coherency.allowsIncoherentDMA, let proof = plan.coherency.proof else { return }
    builder.origin =
      plan.coherency.reason == .override ? vm.kvm.$incoherentDMA : plan.devices[proof].origin
    builder.issue(
      IOASIDRequests.allowIncoherentDMA, on: machine,
      [.result(ioasidFD.id), .result(devices[proof].label.id)])
  }

  /// Steps 4 and 5 of the mail: the flag at the allocation decides the format, and an attach has no
  /// second snoop argument.
  mutating func attachDevices(
    _ devices: Devices, in ioasidFD: Reference<ObjectKind.IOASIDFD>
  ) -> [Reference<ObjectKind.IOASID>] {
    zip(plan.pageTables, names.tables).map { table, name in
      builder.origin = plan.devices[table.leader].origin
      let ioasid = builder.allocate(table.snoopPolicy, in: ioasidFD, named: name)
      table.forEachDeviceLeaderFirst { index in
        builder.origin = plan.devices[index].origin
        builder.issue(
          IOASIDRequests.attach, on: devices[index].file, [.result(ioasid.id)])
      }
      return ioasid
    }
  }

  /// Makes guest memory and registers what several page tables are to map.
  mutating func makeMemory(
    in ioasidFD: Reference<ObjectKind.IOASIDFD>, _ pieces: [RegisteredMemory]
  ) -> [Reference<ObjectKind.Memory>?] {
    let memory = builder.makeMemory(for: plan, of: vm) { $0.mappedMemory($1, named: $2) }
    for piece in pieces {
      guard let backing = memory[piece.region] else { continue }
      builder.origin = vm.memory[piece.region].span
      builder.register(piece, of: backing, in: ioasidFD)
    }
    return memory
  }

  /// After all attaches: an IOASID takes no command before every device of its groups is attached.
  ///
  /// Each page table is mapped for itself; the proposal has nothing above it.
  mutating func map(
    _ memory: [Reference<ObjectKind.Memory>?], in ioasidFD: Reference<ObjectKind.IOASIDFD>,
    _ tables: [Reference<ObjectKind.IOASID>]
  ) {
    for (table, ioasid) in zip(plan.pageTables, tables) {
      for mapping in plan.addressSpaces[table.addressSpace].mappings {
        guard let backing = memory[mapping.region] else { continue }
        builder.origin = mapping.origin
        builder.map(mapping, of: backing, into: ioasid, in: ioasidFD)
      }
    }
  }
}

/// The requests of the proposal as typed steps.
extension ProgramBuilder {
  fileprivate mutating func bind(
    _ device: Reference<ObjectKind.DeviceFD>, to ioasidFD: Reference<ObjectKind.IOASIDFD>,
    named name: String
  ) -> Reference<ObjectKind.DeviceLabel> {
    issue(IOASIDRequests.bind, on: device, [.result(ioasidFD.id)], named: name)
  }

  fileprivate mutating func info(
    of label: Reference<ObjectKind.DeviceLabel>, in ioasidFD: Reference<ObjectKind.IOASIDFD>,
    named name: String
  ) -> Reference<ObjectKind.Number> {
    let flags = define(name, as: ObjectKind.Number.self)
    issue(
      IOASIDRequests.getDevInfo, on: ioasidFD, [.result(label.id)],
      results: [flags.id, nil, nil])
    return flags
  }

  fileprivate mutating func allocate(
    _ policy: PageTable.SnoopPolicy, in ioasidFD: Reference<ObjectKind.IOASIDFD>,
    named name: String
  ) -> Reference<ObjectKind.IOASID> {
    let flags = policy == .enforced ? IOASIDRequests.enforceSnoop : 0
    return issue(IOASIDRequests.alloc, on: ioasidFD, [.literal(flags)], named: name)
  }

  fileprivate mutating func register(
    _ piece: RegisteredMemory, of memory: Reference<ObjectKind.Memory>,
    in ioasidFD: Reference<ObjectKind.IOASIDFD>
  ) {
    issue(
      IOASIDRequests.registerMemory, on: ioasidFD,
      [.memory(memory.id, offset: piece.offset), .literal(piece.size)])
  }

  fileprivate mutating func map(
    _ mapping: PlannedAddressSpace.Mapping, of memory: Reference<ObjectKind.Memory>,
    into ioasid: Reference<ObjectKind.IOASID>, in ioasidFD: Reference<ObjectKind.IOASIDFD>
  ) {
    issue(
      IOASIDRequests.mapDMA, on: ioasidFD,
      [
        .literal(IOASIDRequests.mapFlags), .result(ioasid.id),
        .memory(memory.id, offset: mapping.offset), .literal(mapping.iova), .literal(mapping.size),
      ])
  }
}
