import Parser

/// `/dev/iommu` and device cdevs: Linux 6.6 and later.
public struct IOMMUFDDialect: Dialect {
  /// Makes the dialect.
  public init() {}

  /// `iommufd`.
  public var name: String { "iommufd" }
  /// Kernels have it.
  public var isProposalOnly: Bool { false }
  /// The kernel makes a page table as the device it is made for can have it; until 6.6 it also
  /// makes a table that a device joins enforce, or refuses.
  public func snoopChoice(by rules: KernelRules) -> SnoopChoice {
    rules.holds(KernelRules.attachKeepsTables) ? .joinsUnenforceable : .fixed
  }
  /// Each device is asked.
  public var enforcesByBus: Bool { false }
  /// KVM is told of device files.
  public var registersFiles: Bool { true }
  /// KVM is told of devices.
  public var registersGroups: Bool { false }
  /// The IOAS.
  public var hasAddressSpaceObjects: Bool { true }
  /// Each VMM has one of its own.
  public var vmmRule: VMMRule? { nil }
  /// Requests of `/dev/iommu`, device files and KVM.
  public var requests: [RequestDescriptor] {
    IOMMUFDRequests.all + VFIODeviceRequests.all + KVMRequests.all
  }

  /// Refused as memory (VM_PFNMAP, EFAULT, §2.6), taken as dma-bufs by later kernels (§2.7).
  public func mapsBARs(on kernel: HostKernel) -> Fact {
    kernel.rules.answer(KernelRules.barsAsDMABufs)
  }

  /// Needs `/dev/iommu` and the devices' own files.
  public func interfaces(on rules: KernelRules) -> [(node: String, isThere: Fact)] {
    [(Self.object, rules.hasIOMMUFD), (Self.cdevs, rules.hasCdevs)]
  }

  private static let object = "/dev/iommu (\(KernelOption.iommufd))"
  private static let cdevs = "/dev/vfio/devices (\(KernelOption.vfioCdev))"

  /// Writes the program: one IOAS per address space, one HWPT per page table.
  public func lower(
    _ plan: IOASIDPlan, for vm: ResolvedVM, on host: HostDescription
  ) -> Program {
    guard !plan.devices.isEmpty else { return Program() }
    let rules = host.kernel.rules
    var lowering = IOMMUFDLowering(plan, vm)
    lowering.builder.bindDrivers(of: plan)
    let iommufd = lowering.openIOMMUFD()
    let spaces = lowering.makeAddressSpaces(in: iommufd)
    let kvm = lowering.builder.makeKVMVFIO(for: vm, plan, on: host.kernel)
    let devices = lowering.bindDevices(to: iommufd, knownTo: kvm)
    lowering.checkSnoopControl(of: devices, in: iommufd, host.snoopControl)
    lowering.attachDevices(
      devices, in: iommufd, spaces, lateUnits: host.unitsWithLateTables)
    if rules.knows(IOMMUFDRequests.ioasMapFile) == .yes {
      lowering.mapFiles(in: iommufd, spaces)
    } else {
      lowering.mapMemory(in: iommufd, spaces)
    }
    return lowering.builder.program
  }
}

/// The phases of lowering to iommufd, in the order they run.
private struct IOMMUFDLowering {
  typealias Devices = [(
    file: Reference<ObjectKind.DeviceFD>, id: Reference<ObjectKind.BoundDevice>
  )]

  let plan: IOASIDPlan
  let vm: ResolvedVM
  var builder: ProgramBuilder
  let names: ResultNames

  init(_ plan: IOASIDPlan, _ vm: ResolvedVM) {
    self.plan = plan
    self.vm = vm
    names = ResultNames(for: plan, fixed: ["iommufd", "kvm", "vm", "kvm-vfio"])
    // Per device: 3 for the driver, open, add, bind, attach, expect; file, id and table of each.
    let others = 16 + plan.pageTables.count + 2 * plan.addressSpaces.count
    builder = ProgramBuilder(
      origin: vm.$name, steps: 8 * plan.devices.count + others,
      results: 3 * plan.devices.count + others)
  }

  mutating func openIOMMUFD() -> Reference<ObjectKind.IOMMUFD> {
    builder.origin = vm.$name
    let iommufd = builder.openIOMMUFD(named: "iommufd")
    // First of all: with any object in the file the kernel answers EBUSY. Per process is what VFIO
    // always did, and what a limit set for one VM's process means.
    builder.accountPerProcess(iommufd)
    return iommufd
  }

  mutating func makeAddressSpaces(
    in iommufd: Reference<ObjectKind.IOMMUFD>
  ) -> [Reference<ObjectKind.IOAS>] {
    zip(plan.addressSpaces, names.spaces).map { space, name in
      builder.origin = space.origin
      return builder.allocateIOAS(in: iommufd, named: name)
    }
  }

  /// Opens and binds every device before any is attached, so that in reverse KVM forgets the device
  /// that proves non-coherent DMA only when no other is on its page table any more.
  mutating func bindDevices(
    to iommufd: Reference<ObjectKind.IOMMUFD>, knownTo kvm: Reference<ObjectKind.KVMVFIO>?
  ) -> Devices {
    var bound: Devices = []
    bound.reserveCapacity(plan.devices.count)
    for (device, name) in zip(plan.devices, names.devices) {
      builder.origin = device.origin
      let file = builder.openDevice(device.address, named: name)
      // Before the bind: drivers look for their VM when the device is opened for good, which is at
      // the bind (Documentation/driver-api/vfio.rst).
      if let kvm, device.isKnownToKVM { builder.add(file, to: kvm) }
      let id = builder.bind(file, to: iommufd, device.vfToken, named: name + ".id")
      bound.append((file, id))
    }
    return bound
  }

  /// Makes sure that each VT-d unit can do what the plan rests on, as far as the kernel tells.
  ///
  /// Other drivers say nothing of it (`drivers/iommu`, 7.3). What is not known is asked and
  /// reported only.
  mutating func checkSnoopControl(
    of devices: Devices, in iommufd: Reference<ObjectKind.IOMMUFD>, _ units: [String: Fact]
  ) {
    var unchecked = units
    for (index, device) in plan.devices.enumerated() where !unchecked.isEmpty {
      guard let fact = unchecked.removeValue(forKey: device.iommu) else { continue }
      builder.origin = device.origin
      let capabilities = builder.extendedCapabilities(
        of: devices[index].id, in: iommufd, named: names.devices[index] + ".ecap")
      guard fact != .unknown else { continue }
      builder.expect(IOMMUFDRequests.snoopControl, of: capabilities, areSet: fact == .yes)
    }
  }

  /// Makes each page table for its leader and attaches by the table's id.
  ///
  /// By the address space's id the kernel would take the first table of its own making that accepts
  /// the device, which depends on the order and can lose enforcement silently.
  mutating func attachDevices(
    _ devices: Devices, in iommufd: Reference<ObjectKind.IOMMUFD>,
    _ spaces: [Reference<ObjectKind.IOAS>], lateUnits: Set<String>
  ) {
    for (table, name) in zip(plan.pageTables, names.tables) {
      builder.origin = plan.devices[table.leader].origin
      if lateUnits.contains(plan.devices[table.leader].iommu) {
        attach(devices, of: table, toOneOf: spaces[table.addressSpace])
        continue
      }
      let hwpt = builder.allocateHWPT(
        for: devices[table.leader].id, of: spaces[table.addressSpace], in: iommufd,
        named: name)
      table.forEachDeviceLeaderFirst { index in
        builder.origin = plan.devices[index].origin
        let used = builder.attach(
          devices[index].file, to: hwpt, named: names.devices[index] + ".pt")
        // The kernel says which table it really used.
        builder.expect(used, equals: hwpt)
      }
    }
  }

  /// Attaches by the address space's id where the kernel completes a table only with its first
  /// device; none of those enforces, so that the order loses nothing.
  private mutating func attach(
    _ devices: Devices, of table: PageTable, toOneOf space: Reference<ObjectKind.IOAS>
  ) {
    var first: Reference<ObjectKind.Number>?
    table.forEachDeviceLeaderFirst { index in
      builder.origin = plan.devices[index].origin
      let used = builder.attach(
        devices[index].file, to: space, named: names.devices[index] + ".pt")
      if let first { builder.expect(used, equals: first) }
      first = first ?? used
    }
  }

  /// Maps each address space once, for all its page tables; after the attaches, because tables of
  /// Intel's second stage take enforcement only while they are empty, and because without a page
  /// table the kernel would not look at the memory and the error would show up at an attach.
  mutating func mapMemory(
    in iommufd: Reference<ObjectKind.IOMMUFD>, _ spaces: [Reference<ObjectKind.IOAS>]
  ) {
    let memory = builder.makeMemory(for: plan, of: vm) { $0.mappedMemory($1, named: $2) }
    forEachMapping(of: memory, spaces) { $0.map($1, of: $2, into: $3, in: iommufd) }
  }

  /// As `mapMemory`, where the kernel takes the memory's files: nothing is mapped into the process.
  mutating func mapFiles(
    in iommufd: Reference<ObjectKind.IOMMUFD>, _ spaces: [Reference<ObjectKind.IOAS>]
  ) {
    let files = builder.makeMemory(for: plan, of: vm) { $0.memoryFile($1, named: $2) }
    forEachMapping(of: files, spaces) { $0.map($1, of: $2, into: $3, in: iommufd) }
  }

  private mutating func forEachMapping<Made>(
    of memory: [Reference<Made>?], _ spaces: [Reference<ObjectKind.IOAS>],
    _ map: (
      inout ProgramBuilder, PlannedAddressSpace.Mapping, Reference<Made>,
      Reference<ObjectKind.IOAS>
    ) -> Void
  ) {
    for (space, ioas) in zip(plan.addressSpaces, spaces) {
      for mapping in space.mappings {
        guard let backing = memory[mapping.region] else { continue }
        builder.origin = mapping.origin
        map(&builder, mapping, backing, ioas)
      }
    }
  }
}

extension HostDescription {
  /// The units whose page tables the kernel completes only when a device is attached.
  fileprivate var unitsWithLateTables: Set<String> {
    let rules = kernel.rules
    var late: Set<String> = []
    if !rules.holds(KernelRules.virtioTablesAreWhole) { late.insert(HostIOMMU.virtio) }
    if !rules.holds(KernelRules.smmuTablesAreWhole) { late.insert(HostIOMMU.arm) }
    return Set(iommus.lazy.filter { late.contains($0.type) }.map(\.name))
  }

  /// Whether each of Intel's units has snoop control.
  fileprivate var snoopControl: [String: Fact] {
    let rules = kernel.rules
    let units = iommus.lazy.filter { $0.type == HostIOMMU.intel }
    return Dictionary(
      units.map { ($0.name, $0.enforcement(by: rules)) }, uniquingKeysWith: { first, _ in first })
  }
}
