import Parser
import Planner

/// A plan written by hand, for tests of what comes after the planner.
public struct PlanSketch: Sendable {
  /// One device of a sketch.
  public struct Device: Sendable {
    /// The user's name.
    public var name: String
    /// Its IOMMU group.
    public var group: Int
    /// The driver that has it.
    public var driver: String?
    /// Position of its address space; 0 is `gpa`.
    public var space: Int
    /// Whether its page table is enforced.
    public var isEnforced: Bool
    /// Whether its IOMMU can enforce.
    public var canEnforce: Bool
    /// Whether KVM is told about it.
    public var isKnownToKVM: Bool

    /// Sketches a device.
    public init(
      _ name: String, group: Int, driver: String? = "vfio-pci", space: Int = 0,
      isEnforced: Bool = true, canEnforce: Bool = true, isKnownToKVM: Bool = true
    ) {
      self.name = name
      self.group = group
      self.driver = driver
      self.space = space
      self.isEnforced = isEnforced
      self.canEnforce = canEnforce
      self.isKnownToKVM = isKnownToKVM
    }
  }

  /// The devices, in description order.
  public var devices: [Device]
  /// Names of the address spaces, `gpa` first.
  public var spaces: [String]
  /// Guest memory; each space maps each region at its guest-physical address.
  public var memory: [MemoryRegion]

  /// Sketches a plan.
  public init(
    _ devices: [Device], spaces: [String] = ["gpa"],
    memory: [MemoryRegion] = [MemoryRegion(gpa: 0, size: 1 << 30, span: Self.span(900))]
  ) {
    self.devices = devices
    self.spaces = spaces
    self.memory = memory
  }

  /// A span that tells where it comes from: ten bytes from an offset.
  public static func span(_ offset: UInt32) -> SourceSpan {
    SourceSpan(source: .vm, start: offset, end: offset + 10)
  }

  /// The description the plan is for.
  public var vm: ResolvedVM {
    ResolvedVM(
      name: "vm", memory: memory, kvm: KVMClause(span: Self.span(50)),
      devices: devices.indices.map { index in
        AssignedDevice(
          name: devices[index].name, address: Self.address(index),
          addressSpace: spaces[devices[index].space], span: Self.span(1000 + UInt32(index)))
      }, nameSpan: Self.span(10))
  }

  /// A host with every kernel interface, of one of the releases that the kernel lab runs, with a
  /// unit that can enforce and one that can't, both of a kind that no request asks.
  public var host: HostDescription {
    HostDescription(
      name: "host", kernel: HostKernel(release: "6.12.95"),
      iommus: [true, false].map { canEnforce in
        HostIOMMU(
          name: Self.unit(canEnforce: canEnforce), type: "unnamed", enforceSnoop: Fact(canEnforce))
      })
  }

  /// The unit that devices are behind that can be enforced, or can't.
  private static func unit(canEnforce: Bool) -> String { canEnforce ? "dmar0" : "dmar1" }

  /// A device's address by its position.
  public static func address(_ index: Int) -> BDF {
    BDF(
      domain: UInt32(index >> 16), bus: UInt8(truncatingIfNeeded: index >> 8),
      device: UInt8(truncatingIfNeeded: index >> 3) & 31,
      function: UInt8(truncatingIfNeeded: index) & 7)
  }

  /// The plan for a target.
  public func plan(target: String) -> IOASIDPlan {
    let tables = pageTables()
    let proof = devices.firstIndex { !$0.isEnforced }
    return IOASIDPlan(
      target: target, objective: .coherency,
      metrics: PlanMetrics(
        wbinvd: proof == nil ? 0 : 1, incoherentDevices: devices.count { !$0.isEnforced },
        pageTables: tables.count, blockedNoSnoop: 0),
      addressSpaces: spaces.map { name in
        PlannedAddressSpace(
          name: name,
          mappings: memory.indices.map { region in
            PlannedAddressSpace.Mapping(
              iova: memory[region].gpa, size: memory[region].size, region: region, offset: 0,
              origin: memory[region].span)
          }, origin: Self.span(20))
      }, pageTables: tables, devices: plannedDevices(tables),
      coherency: VMCoherency(
        allowsIncoherentDMA: proof != nil, proof: proof,
        reason: proof == nil ? .noEffectiveDevice : .effectiveDevices))
  }

  private func pageTables() -> [PageTable] {
    var tables: [PageTable] = []
    for index in devices.indices {
      let device = devices[index]
      let policy: PageTable.SnoopPolicy = device.isEnforced ? .enforced : .notEnforced
      let isSame = { (table: PageTable) in
        table.addressSpace == device.space && table.snoopPolicy == policy
      }
      if let found = tables.firstIndex(where: isSame) {
        tables[found].devices.append(index)
        if !device.canEnforce, devices[tables[found].leader].canEnforce {
          tables[found].leader = index
        }
        continue
      }
      let number = tables.count { $0.addressSpace == device.space }
      tables.append(
        PageTable(
          name: "\(spaces[device.space]).\(number)", addressSpace: device.space,
          snoopPolicy: policy,
          iommus: [Self.unit(canEnforce: device.canEnforce)], devices: [index], leader: index))
    }
    return tables
  }

  private func plannedDevices(_ tables: [PageTable]) -> [PlannedDevice] {
    var tableOf = [Int](repeating: 0, count: devices.count)
    for (position, table) in tables.enumerated() {
      for index in table.devices { tableOf[index] = position }
    }
    return devices.indices.map { index in
      let device = devices[index]
      return PlannedDevice(
        name: device.name, address: Self.address(index), group: device.group,
        iommu: Self.unit(canEnforce: device.canEnforce), driver: device.driver, intent: .allowed,
        resolved: .allowed, canNoSnoop: true,
        canEnforceSnoop: Fact(device.canEnforce), pageTable: tableOf[index],
        isEffective: !device.isEnforced, isKnownToKVM: device.isKnownToKVM, reason: .tie,
        origin: Self.span(1000 + UInt32(index)))
    }
  }
}
