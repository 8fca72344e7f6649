import Parser

/// What a simulated kernel holds: a value for reports and laws, in a fixed order.
public struct SimulatorState: Hashable, Sendable {
  /// A page table and who is on it.
  public struct PageTable: Hashable, Sendable {
    /// What it is: `HWPT 3 of IOAS 1`, `type1 domain 1`, `IOASID 1`.
    public var name: String
    /// Whether it ignores no-snoop.
    public var enforcesSnoop: Bool
    /// How many bytes its address space maps.
    public var mappedBytes: UInt64
    /// The attached devices, ascending.
    public var devices: [BDF]
  }

  /// What a VM of KVM was told.
  public struct VM: Hashable, Sendable {
    /// Whether KVM counts its DMA as non-coherent: it carries out the guest's WBINVD.
    public var allowsIncoherentDMA: Bool
    /// The devices KVM knows: those of registered files and groups, ascending.
    public var knownDevices: [BDF]
    /// The devices that make KVM count the DMA as non-coherent, ascending.
    public var proofs: [BDF]
  }

  /// An attached device.
  public struct Device: Hashable, Sendable {
    /// Its address.
    public var address: BDF
    /// Whether it may emit no-snoop requests; unknown counts as yes.
    public var canNoSnoop: Fact
    /// Whether its IOMMU can enforce snoop; unknown counts as no.
    public var canEnforceSnoop: Fact
    /// Position of its table in `pageTables`.
    public var pageTable: Int
    /// Whether its no-snoop requests reach memory: the truth, whatever KVM was told.
    public var isEffective: Bool
  }

  /// A device whose driver is not the one it had at the start.
  public struct DriverChange: Hashable, Sendable {
    /// Its address.
    public var address: BDF
    /// The driver at the start.
    public var before: String?
    /// The driver now.
    public var now: String?
    /// What `driver_override` says now.
    public var override: String?
  }

  /// Whether the host has KVM; without it nobody relies on the coherency of DMA.
  public var hasKVM = true
  /// Whether its KVM has a non-coherent mode (§3.7).
  public var hasIncoherentMode = true
  /// The page tables, in the order they were made.
  public var pageTables: [PageTable] = []
  /// The VMs, in the order they were made.
  public var vms: [VM] = []
  /// The attached devices, in the host's order.
  public var devices: [Device] = []
  /// What every open file is, in the order of opening; files without a number included.
  public var openFiles: [String] = []
  /// The objects inside the open files: `IOAS 1`, `HWPT 2`, `device 3`.
  public var objects: [String] = []
  /// Devices that are on another driver than at the start, in the host's order.
  public var driverChanges: [DriverChange] = []
  /// How many bytes of guest memory the process has.
  public var memoryBytes: UInt64 = 0
  /// How many bytes are pinned and counted against RLIMIT_MEMLOCK: what is mapped twice counts
  /// twice, unless it is registered.
  public var lockedBytes: UInt64 = 0

  /// Whether memory is registered with some ioasid file.
  var hasRegisteredMemory: Bool { objects.contains(Self.registeredMemory) }
  /// What a range of registered memory is called among the objects.
  static let registeredMemory = "registered memory"

  /// Whether nothing of a program is left.
  public var isPristine: Bool {
    openFiles.isEmpty && objects.isEmpty && driverChanges.isEmpty && memoryBytes == 0
      && lockedBytes == 0
  }

  /// Adds a page table that no device is on yet; its position.
  fileprivate mutating func append(
    _ name: String, _ enforcesSnoop: Bool, _ areas: SimulatedAreas
  ) -> Int {
    pageTables.append(
      PageTable(
        name: name, enforcesSnoop: enforcesSnoop, mappedBytes: areas.byteCount, devices: []))
    return pageTables.count - 1
  }
}

extension SimulatedKernel {
  /// What there is now.
  public func state() -> SimulatorState {
    var state = SimulatorState()
    state.hasKVM = host.nodes.hasKVM
    state.hasIncoherentMode = host.hasIncoherentMode
    var tables: [ObjectIdentifier: Int] = [:]
    for file in openFiles.all {
      state.openFiles.append(file.label)
      state.objects += file.objectNames
      for table in file.pageTables {
        tables[ObjectIdentifier(table.object)] = state.append(
          table.name, table.enforcesSnoop, table.areas)
      }
      if let vm = file as? SimulatedVM { state.vms.append(view(of: vm)) }
    }
    for index in host.devices.indices { add(index, to: &state, tables) }
    state.memoryBytes = openFiles.all.reduce(0) {
      $0 &+ (($1 as? SimulatedMemoryFile)?.size ?? 0)
    }
    state.lockedBytes = memory.lockedBytes &+ pinnedBytes
    return state
  }

  private func add(
    _ index: Int, to state: inout SimulatorState, _ tables: [ObjectIdentifier: Int]
  ) {
    let device = host.devices[index]
    if device.driver != device.initialDriver || device.driverOverride != nil {
      state.driverChanges.append(
        .init(
          address: device.address, before: device.initialDriver, now: device.driver,
          override: device.driverOverride))
    }
    let table: AnyObject? =
      device.hwpt as AnyObject? ?? device.ioasid as AnyObject? ?? domain(of: device)
    guard let table, let position = tables[ObjectIdentifier(table)], let unit = device.unit else {
      return
    }
    state.pageTables[position].devices.append(device.address)
    state.devices.append(
      .init(
        address: device.address, canNoSnoop: device.noSnoopFact,
        canEnforceSnoop: host.units[unit].enforcementFact, pageTable: position,
        isEffective: CoherencyModel.isEffective(
          canNoSnoop: device.canNoSnoop,
          tableEnforces: state.pageTables[position].enforcesSnoop, unit: host.units[unit])))
  }

  /// The type1 domain a device is on: only while its own file is open can it do DMA.
  func domain(of device: SimulatedDevice) -> SimulatedDomain? {
    guard device.openFiles > 0, let group = device.group else { return nil }
    return host.groups[group].domain
  }

  private func view(of vm: SimulatedVM) -> SimulatorState.VM {
    var known: [BDF] = []
    var proofs: [BDF] = []
    for (file, isIncoherent) in vm.vfioDevice?.list ?? [] {
      var devices: [Int] = []
      if let file = file as? SimulatedDeviceFile { devices = [file.device] }
      if let file = file as? SimulatedGroupFile { devices = host.vfioMembers(of: file.group) }
      let addresses = devices.map { host.devices[$0].address }
      known += addresses
      if isIncoherent { proofs += addresses }
    }
    for proof in vm.allowances {
      guard let device = proof.device else { continue }
      known.append(host.devices[device].address)
      proofs.append(host.devices[device].address)
    }
    return .init(
      allowsIncoherentDMA: host.hasIncoherentMode && vm.allowsIncoherentDMA,
      knownDevices: known.sorted(),
      proofs: proofs.sorted())
  }
}
