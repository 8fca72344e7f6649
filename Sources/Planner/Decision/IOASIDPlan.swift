import Parser

/// The decision: which devices share which page table in which format, and what KVM is told.
///
/// Independent of any kernel interface except that every choice in it can be expressed by `target`.
/// All indices are positions in the arrays of this value or of the VM description.
public struct IOASIDPlan: Hashable, Sendable {
  /// The name of the dialect that can express it.
  public var target: String
  /// The order of metrics it is optimal in.
  public var objective: Objective
  /// What it costs.
  public var metrics: PlanMetrics
  /// The address spaces in use, in description order, `gpa` first.
  public var addressSpaces: [PlannedAddressSpace]
  /// The page tables, in order of their first device in the description.
  public var pageTables: [PageTable]
  /// One entry per device of the VM, in description order.
  public var devices: [PlannedDevice]
  /// Devices that leave their drivers because of the groups they are in.
  public var companions: [Companion]
  /// What KVM is told, and why.
  public var coherency: VMCoherency
  /// What `auto` was looked up in; resolutions are positions in it.
  public var intentTable = AutoIntentTable()

  /// Makes a plan.
  public init(
    target: String, objective: Objective, metrics: PlanMetrics,
    addressSpaces: [PlannedAddressSpace], pageTables: [PageTable], devices: [PlannedDevice],
    companions: [Companion] = [], coherency: VMCoherency
  ) {
    self.target = target
    self.objective = objective
    self.metrics = metrics
    self.addressSpaces = addressSpaces
    self.pageTables = pageTables
    self.devices = devices
    self.companions = companions
    self.coherency = coherency
  }
}

extension IOASIDPlan {
  /// The dialect that can express it; `nil` if there is none of the name.
  public var dialect: (any Dialect)? { Dialects.named(target) }

  /// Whether the page table of the device at a position enforces snoop.
  public func isEnforced(_ device: Int) -> Bool {
    pageTables[devices[device].pageTable].snoopPolicy == .enforced
  }

  /// Whether a page table that does not enforce is known not to, whatever facts nobody knows.
  ///
  /// Where the kernel decides, it may find that the unit of the device it makes the table for
  /// enforces.
  public func isKnown(_ table: PageTable) -> Bool {
    table.snoopPolicy == .enforced || dialect?.isProposalOnly == true
      || devices[table.leader].enforcementFact != .unknown
  }

  /// Whether KVM is known to do as the plan says.
  ///
  /// Where it asks what units can do, one that it holds has to be known to be unable to enforce.
  public var isKVMKnown: Bool {
    guard coherency.allowsIncoherentDMA, dialect?.isProposalOnly != true else { return true }
    return devices.contains { $0.isKnownToKVM && $0.enforcementFact == .no }
  }

  /// The IOMMU groups with a device that can't be enforced.
  var unenforceableGroups: Set<Int> {
    Set(devices.lazy.filter { !$0.canEnforceSnoop }.map(\.group))
  }
}

/// The value of the four metrics.
public struct PlanMetrics: Hashable, Sendable {
  /// 1 if KVM carries out the guest's WBINVD, else 0; always 0 on anything but x86.
  public var wbinvd: Int
  /// Devices whose no-snoop DMA is effective.
  public var incoherentDevices: Int
  /// Page tables.
  public var pageTables: Int
  /// Devices that can no-snoop, are not forbidden to, and are blocked.
  public var blockedNoSnoop: Int

  /// Makes the metrics.
  public init(wbinvd: Int, incoherentDevices: Int, pageTables: Int, blockedNoSnoop: Int) {
    self.wbinvd = wbinvd
    self.incoherentDevices = incoherentDevices
    self.pageTables = pageTables
    self.blockedNoSnoop = blockedNoSnoop
  }

  /// The value of one metric.
  public subscript(metric: Metric) -> Int {
    switch metric {
    case .wbinvd: wbinvd
    case .incoherentDevices: incoherentDevices
    case .pageTables: pageTables
    case .blockedNoSnoop: blockedNoSnoop
    }
  }
}

/// An address space of the plan: one IOVA map.
public struct PlannedAddressSpace: Hashable, Sendable {
  /// A contiguous piece of the map, backed by one guest memory region.
  public struct Mapping: Hashable, Sendable {
    /// First I/O virtual address.
    public var iova: UInt64
    /// Length in bytes.
    public var size: UInt64
    /// Position of the backing region in `VMDescription.memory`.
    public var region: Int
    /// Offset into that region, in bytes.
    public var offset: UInt64
    /// The line that asked for it.
    public var origin: SourceSpan

    /// Makes a mapping.
    public init(iova: UInt64, size: UInt64, region: Int, offset: UInt64, origin: SourceSpan) {
      self.iova = iova
      self.size = size
      self.region = region
      self.offset = offset
      self.origin = origin
    }
  }

  /// The user's name for it.
  public var name: String
  /// Its map, by ascending IOVA.
  public var mappings: [Mapping]
  /// Where it is declared.
  public var origin: SourceSpan

  /// Makes an address space.
  public init(name: String, mappings: [Mapping], origin: SourceSpan) {
    self.name = name
    self.mappings = mappings
    self.origin = origin
  }
}

/// One page table of IOMMUs: an IOASID of the mail, an HWPT of iommufd, a domain of type1.
public struct PageTable: Hashable, Sendable {
  /// What a page table does with no-snoop requests.
  public enum SnoopPolicy: Hashable, Sendable {
    /// It ignores the attribute: DMA through it is coherent.
    case enforced
    /// It lets no-snoop requests through.
    case notEnforced
  }

  /// Its name: address space, dot, number within it.
  public var name: String
  /// Position in `IOASIDPlan.addressSpaces`.
  public var addressSpace: Int
  /// Its format.
  public var snoopPolicy: SnoopPolicy
  /// Names of the IOMMU units of its devices, in order of first use.
  public var iommus: [String]
  /// Positions of its devices, ascending.
  public var devices: [Int]
  /// The device the table is allocated for; for a table that is not enforced on a target where the
  /// kernel decides, one whose IOMMU cannot enforce.
  public var leader: Int

  /// Makes a page table.
  public init(
    name: String, addressSpace: Int, snoopPolicy: SnoopPolicy, iommus: [String], devices: [Int],
    leader: Int
  ) {
    self.name = name
    self.addressSpace = addressSpace
    self.snoopPolicy = snoopPolicy
    self.iommus = iommus
    self.devices = devices
    self.leader = leader
  }
}

/// What was decided for one device, with the host facts it rests on.
public struct PlannedDevice: Hashable, Sendable {
  /// The user's name for it.
  public var name: String
  /// Its PCI address.
  public var address: BDF
  /// Its IOMMU group.
  public var group: Int
  /// The IOMMU unit it sits behind.
  public var iommu: String
  /// The driver that has it now; `nil` if none.
  public var driver: String?
  /// The driver it is to be given to; `nil` for `vfio-pci`, or the VFIO driver that has it.
  public var wantedDriver: String?
  /// Whether the driver that has it now is one of VFIO's.
  public var isOnVFIO: Bool
  /// The token that opens it; `nil` if none is given.
  public var vfToken: VFToken?
  /// What the user wrote.
  public var intent: NoSnoopIntent
  /// What `auto` became; equal to `intent` otherwise, never `auto`.
  public var resolved: NoSnoopIntent
  /// How `auto` was resolved; `.stated` if the user wrote something else.
  public var resolution: IntentResolution
  /// Whether it may emit no-snoop requests.
  public var noSnoopFact: Fact
  /// Whether its IOMMU can enforce snoop.
  public var enforcementFact: Fact
  /// What keeps its IOMMU, which could enforce snoop by itself, from doing so, as a clause that
  /// follows the unit's name; `nil` if nothing does.
  public var heldBack: String?
  /// Position of its page table.
  public var pageTable: Int
  /// Whether its no-snoop DMA reaches memory.
  public var isEffective: Bool
  /// Whether its file (or its group's) is registered with KVM.
  public var isKnownToKVM: Bool
  /// Why it is on its page table.
  public var reason: PlacementReason
  /// The line that asked for it.
  public var origin: SourceSpan

  /// Makes a decision.
  public init(
    name: String, address: BDF, group: Int, iommu: String, driver: String?,
    intent: NoSnoopIntent, resolved: NoSnoopIntent, canNoSnoop: Fact, canEnforceSnoop: Fact,
    pageTable: Int, isEffective: Bool, isKnownToKVM: Bool, reason: PlacementReason,
    origin: SourceSpan, resolution: IntentResolution = .stated
  ) {
    self.name = name
    self.address = address
    self.group = group
    self.iommu = iommu
    self.driver = driver
    isOnVFIO = driver.map(VFIODriver.isVFIO) ?? false
    self.intent = intent
    self.resolved = resolved
    self.resolution = resolution
    noSnoopFact = canNoSnoop
    enforcementFact = canEnforceSnoop
    self.pageTable = pageTable
    self.isEffective = isEffective
    self.isKnownToKVM = isKnownToKVM
    self.reason = reason
    self.origin = origin
  }

  /// The driver that it has to be given to; `nil` if it is where it belongs.
  var driverToGet: String? {
    if isOnVFIO, driver == wantedDriver ?? driver { return nil }
    return wantedDriver ?? VFIODriver.standard
  }

  /// Whether it may emit no-snoop requests; unknown counts as yes.
  public var canNoSnoop: Bool { noSnoopFact != .no }
  /// Whether its IOMMU can enforce snoop; unknown counts as no.
  public var canEnforceSnoop: Bool { enforcementFact == .yes }
  /// Whether both facts are known.
  public var isKnown: Bool { noSnoopFact != .unknown && enforcementFact != .unknown }

  /// The facts that nobody knows.
  public var unknown: [Diagnostic.OpenFact] {
    (noSnoopFact == .unknown ? [.canNoSnoop] : [])
      + (enforcementFact == .unknown ? [.canEnforceSnoop] : [])
  }

  /// Whether its no-snoop DMA reaches memory, with no fact of it counted for the worse.
  public var isSurelyEffective: Bool { isEffective && isKnown }

  /// The box of the 2021 discussion, 1 to 4.
  public var box: Int { Self.box(canEnforceSnoop: canEnforceSnoop, canNoSnoop: canNoSnoop) }

  /// The box of a device with these facts.
  public static func box(canEnforceSnoop: Bool, canNoSnoop: Bool) -> Int {
    switch (canEnforceSnoop, canNoSnoop) {
    case (true, true): 1
    case (true, false): 2
    case (false, true): 3
    case (false, false): 4
    }
  }
}

/// Why a device is on a table of its format; rendered by `PlanExplanation`.
public enum PlacementReason: Hashable, Sendable {
  /// Its IOMMU, or that of the device named by position in its group, cannot enforce.
  case cannotEnforce(device: Int)
  /// Of its IOMMU, or that of the device named by position in its group, nobody knows whether it
  /// enforces, which counts as no.
  case notKnownToEnforce(device: Int)
  /// The IOMMU of a member of its group that nobody assigned cannot enforce, or is not known to.
  case heldBack(isKnown: Bool)
  /// The device at a position, itself or a mate in its group, is required to no-snoop.
  case required(device: Int)
  /// The device at a position, itself or a mate in its group, is forbidden to no-snoop.
  case forbidden(device: Int)
  /// The target leaves no choice: it enforces wherever it can.
  case targetEnforces
  /// Both formats were possible; this metric, the first that differs, decided.
  case objective(Metric)
  /// Both formats cost the same; enforcing is the safer one.
  case tie
  /// KVM must never carry out WBINVD, and the device or a mate in its group can no-snoop.
  case kvmNever
  /// Both formats were possible; this row of the Pareto front takes this one.
  case paretoRow
}

/// What KVM is told about a VM's DMA.
public struct VMCoherency: Hashable, Sendable {
  /// Why KVM is told what it is told.
  public enum Reason: Hashable, Sendable {
    /// Some device is effective.
    case effectiveDevices
    /// No device is effective.
    case noEffectiveDevice
    /// The user said `always`, and no device is effective.
    case override
    /// KVM has no such mode: the CPUs are not x86.
    case noIncoherentMode
    /// There is no KVM.
    case noKVM
  }

  /// Whether KVM is in non-coherent mode: WBINVD is carried out, not ignored (§3.7).
  public var allowsIncoherentDMA: Bool
  /// Position of the device that proves the right to it; `nil` iff it is not allowed.
  public var proof: Int?
  /// Why.
  public var reason: Reason

  /// Makes a decision.
  public init(allowsIncoherentDMA: Bool, proof: Int?, reason: Reason) {
    self.allowsIncoherentDMA = allowsIncoherentDMA
    self.proof = proof
    self.reason = reason
  }
}
