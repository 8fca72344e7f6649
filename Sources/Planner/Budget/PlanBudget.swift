import Parser

/// What a plan takes of the host's limits, and how wide the addresses are that come of it.
///
/// A plan maps guest memory only. A VMM that attaches devices by itself may map their BARs as well,
/// so that devices reach each other; what that would take is told as far as the BARs are known.
public struct PlanBudget: Hashable, Sendable {
  /// Whom the kernel charges for the memory it locks; the raw value is the word in files.
  public enum Account: String, Hashable, Sendable {
    /// The process that maps.
    case process
    /// All processes of its user together.
    case user
  }

  private let plan: IOASIDPlan
  /// Who is charged.
  public let account: Account
  /// How many mappings all address spaces have.
  public let mappings: Int
  /// How many the address space with the most of them has.
  public let largestSpace: Int
  /// How many an address space may have; `nil` if the interface sets no limit.
  public let mappingLimit: MappingLimit?
  /// The BARs of the VM's devices.
  public let windows: DeviceWindows
  /// The narrowest IOMMU unit of the plan; `nil` if it has no device.
  public let narrowest: HostIOMMU?
  /// How many bits physical addresses of the host's CPUs have; `nil` if unknown.
  public let processorBits: Int?
  /// Whether the interface maps BARs for anybody who asks.
  public let mapsBARs: Fact
  /// Whether what a VMM maps of BARs counts as locked, too.
  ///
  /// Never in the kernel's own releases: type1 counts no page that is not memory
  /// (`vfio_pin_pages_remote`), iommufd no dma-buf (`iopt_alloc_dmabuf_pages`). Vendors have let
  /// iommufd map BARs as memory, and it then counts them.
  public let locksBARs: Fact

  /// Reckons up a plan.
  public init(_ compiled: CompiledPlan) {
    self.init(
      compiled.plan, of: compiled.vm, on: compiled.host, account: Self.account(of: compiled))
  }

  /// Reckons up a decision.
  init(
    _ plan: IOASIDPlan, of vm: ResolvedVM, on host: HostDescription,
    account: Account = .process
  ) {
    self.account = account
    self.plan = plan
    mappings = plan.addressSpaces.reduce(0) { $0 + $1.mappings.count }
    largestSpace = plan.addressSpaces.reduce(0) { max($0, $1.mappings.count) }
    mappingLimit = plan.dialect?.mappingLimit(on: host.kernel)
    windows = DeviceWindows(plan, of: vm, on: host)
    narrowest = Self.narrowest(of: plan, host)
    processorBits = host.kernel.processor.addressBits
    mapsBARs = plan.dialect?.mapsBARs(on: host.kernel) ?? .unknown
    let isOpen = plan.dialect?.hasAddressSpaceObjects == true && host.kernel.isVendorsOwn
    locksBARs = isOpen ? .unknown : .no
  }

  private static func narrowest(of plan: IOASIDPlan, _ host: HostDescription) -> HostIOMMU? {
    var (used, last) = (Set<String>(), "")
    // Most devices are behind the unit of the one before.
    for index in plan.devices.indices where plan.devices[index].iommu != last {
      last = plan.devices[index].iommu
      used.insert(last)
    }
    return host.iommus.lazy.filter { used.contains($0.name) }
      .min { $0.addressBits < $1.addressBits }
  }

  /// How many bytes of guest memory are locked and counted against RLIMIT_MEMLOCK.
  public var lockedBytes: UInt64 { plan.lockedBytes }

  /// How many bytes of guest memory are mapped, each counted once; less than what is locked where
  /// address spaces have memory in common.
  public var guestBytes: UInt64 {
    RegisteredMemory.mapped(by: plan).reduce(0) { $0 &+ $1.size }
  }

  /// By user unless an iommufd is told otherwise, which programs do first of all (§4.6).
  private static func account(of compiled: CompiledPlan) -> Account {
    guard compiled.plan.dialect?.hasAddressSpaceObjects == true else { return .process }
    let isTold = compiled.program.steps.contains { $0.action.request == IOMMUFDRequests.option }
    return isTold ? .process : .user
  }
}

/// How many mappings an address space may have.
public struct MappingLimit: Hashable, Sendable {
  /// How many.
  public var count: Int
  /// Whether the host says so; else it is what kernels start with.
  public var isStated: Bool

  /// That of type1's containers, `dma_entry_limit` (`drivers/vfio/vfio_iommu_type1.c`, 5.1 to 7.3).
  static func type1(on kernel: HostKernel) -> MappingLimit {
    MappingLimit(count: kernel.mappingLimit ?? 65535, isStated: kernel.mappingLimit != nil)
  }
}

// MARK: - Widths

extension PlanBudget {
  /// The widest guest-physical addresses that count: what page tables of four levels give a guest
  /// (EPT, NPT), and firmware keeps to.
  static let widestGuest = 48
  /// What QEMU gives a guest unless its CPU is the host's.
  public static let usualGuest = 40

  /// How many bits guest-physical addresses need for all memory, and for the BARs of 64 bits in the
  /// lowest place above it.
  public var guestBits: Int {
    64 - max(windows.memoryLast, windows.last ?? 0).leadingZeroBitCount
  }

  /// Whether memory and BARs have room in the addresses of the narrowest unit.
  ///
  /// What a plan maps always has, or it is refused; this is about the guest's own addresses, in
  /// which a VMM gives every device all of it.
  public var fitsIOMMU: Fact {
    guard let narrowest else { return .yes }
    if guestBits > narrowest.addressBits { return .no }
    return windows.unknown.isEmpty || narrowest.addressBits >= 64 ? .yes : .unknown
  }

  /// Whether they have room in the addresses that the host's CPUs give a guest.
  public var fitsGuest: Fact {
    guard let processorBits else { return .unknown }
    if guestBits > processorBits { return .no }
    return windows.unknown.isEmpty ? .yes : .unknown
  }

  /// The bits that guest-physical addresses must not exceed, so that a VMM can map BARs wherever
  /// firmware puts them; `nil` if no guest's do, or BARs have no room there anyway.
  public var guestLimit: Int? {
    guard let narrowest, fitsIOMMU != .no, windows.last != nil || !windows.unknown.isEmpty else {
      return nil
    }
    let widest = min(processorBits ?? Self.widestGuest, Self.widestGuest)
    return narrowest.addressBits < widest ? narrowest.addressBits : nil
  }
}
