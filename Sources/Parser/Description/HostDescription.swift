/// What the host has: a snapshot, from YAML or from sysfs.
public struct HostDescription: Hashable, Sendable {
  /// The host's name.
  @Located public var name: String
  /// What its kernel offers.
  public var kernel: HostKernel
  /// Its IOMMU units, in file order; names are unique.
  public var iommus: [HostIOMMU]
  /// Its PCI devices, in file order; addresses are unique.
  public var devices: [HostDevice]
  /// How much memory it has.
  public var memory = HostMemory()
  /// What messages say beyond it.
  public var observations = HostObservations()

  /// Makes a description.
  public init(
    name: String, kernel: HostKernel = HostKernel(), iommus: [HostIOMMU] = [],
    devices: [HostDevice] = [], nameSpan: SourceSpan = .wholeHost
  ) {
    _name = Located(name, at: nameSpan)
    self.kernel = kernel
    self.iommus = iommus
    self.devices = devices
  }
}

/// How much memory a host has; what is left out is unknown.
public struct HostMemory: Hashable, Sendable {
  /// A pool of huge pages of one size.
  public struct Pool: Hashable, Sendable {
    /// How large a page is, in bytes.
    public var pageBytes: UInt64
    /// How many there are, used ones and those that the pool may grow by included.
    public var count: UInt64

    /// Makes a pool.
    public init(pageBytes: UInt64, count: UInt64) {
      self.pageBytes = pageBytes
      self.count = count
    }
  }

  /// All of it, in bytes; `nil` if unknown.
  public var bytes: UInt64?
  /// The pools of huge pages; `nil` if they are unknown, which is not none.
  public var pools: [Pool]?
  /// Where it is described.
  public var span: SourceSpan

  /// Nothing is known.
  public init(at span: SourceSpan = .wholeHost) { self.span = span }

  /// Whether anything is known.
  public var isKnown: Bool { bytes != nil || pools != nil }

  /// How many huge pages of a size there are; `nil` if unknown.
  public func count(ofPagesOf bytes: UInt64) -> UInt64? {
    pools.map { $0.lazy.filter { $0.pageBytes == bytes }.reduce(0) { $0 &+ $1.count } }
  }
}

/// A fact that may be unknown; the raw value is the word in files.
public enum Fact: String, CaseIterable, Hashable, Sendable, ExpressibleByBooleanLiteral {
  /// Known to hold.
  case yes = "true"
  /// Known not to hold.
  case no = "false"
  /// Nobody could tell.
  case unknown

  /// A fact that is known.
  public init(_ holds: Bool) { self = holds ? .yes : .no }

  /// A fact that is known.
  public init(booleanLiteral holds: Bool) { self.init(holds) }

  /// Itself if it is known, else what something else tells.
  public func or(_ other: @autoclosure () -> Fact) -> Fact { self == .unknown ? other() : self }
}

/// IOVAs a device must not use.
public struct ReservedRegion: Hashable, Sendable {
  /// Why a region is reserved; the raw value is the word in files and in sysfs.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// Firmware mapping that must stay (RMRR); a bind of the device is refused.
    case direct
    /// Firmware mapping that may go once the device is given away; not reserved then.
    case directRelaxable = "direct-relaxable"
    /// Never usable.
    case reserved
    /// The interrupt window.
    case msi
  }

  /// First address.
  public var start: UInt64
  /// Last address, inclusive.
  public var end: UInt64
  /// Why it is reserved.
  public var kind: Kind
  /// Where the region stands in the file.
  public var span: SourceSpan

  /// Makes a region.
  public init(start: UInt64, end: UInt64, kind: Kind, span: SourceSpan = .wholeHost) {
    self.start = start
    self.end = end
    self.kind = kind
    self.span = span
  }
}

/// A window of a device's memory in the machine's addresses, by its base address register.
///
/// Windows of I/O ports, which nobody maps for DMA, and the ROM do not count here.
public struct BAR: Hashable, Sendable {
  /// The number of its register, 0 to 5; one of 64 bits takes the next register, too.
  public var index: Int
  /// Its size in bytes.
  public var size: UInt64
  /// Whether reads of it have no effects.
  public var isPrefetchable: Bool
  /// Whether it may lie above 4 GiB: it has an address of 64 bits, not of 32.
  public var is64Bit: Bool

  /// Makes a window.
  public init(index: Int, size: UInt64, isPrefetchable: Bool = false, is64Bit: Bool = true) {
    self.index = index
    self.size = size
    self.isPrefetchable = isPrefetchable
    self.is64Bit = is64Bit
  }

  /// How many bits its address has.
  public var bits: Int { is64Bit ? 64 : 32 }
}

/// One PCI device of the host.
public struct HostDevice: Hashable, Sendable {
  /// Its PCI address.
  public var address: BDF
  /// PCI vendor id.
  public var vendor: UInt16
  /// PCI device id.
  public var device: UInt16
  /// PCI class code, 24 bits: base class, subclass, programming interface.
  public var classCode: UInt32
  /// The ids of the card or board it is part of; `nil` if unknown.
  public var subsystem: PCISubsystem?
  /// Name of the IOMMU unit it sits behind; `nil` if none.
  public var iommu: String?
  /// Number of its IOMMU group; `nil` if it has none.
  public var group: Int?
  /// The driver that has it; `nil` if none.
  public var driver: String?
  /// Whether it may emit no-snoop requests; unknown counts as yes.
  @Located public var noSnoopCapable: Fact
  /// Where that fact comes from, for people; `nil` if nothing says.
  public var noSnoopSource: String?
  /// IOVAs it must not use.
  public var reserved: [ReservedRegion]
  /// The function that this one is a virtual function of; `nil` if it is none, or nothing says so.
  public var physicalFunction: BDF?
  /// The device without whose driver this one would not be there (VMD); `nil` if nothing says so.
  public var behind: BDF?
  /// Whether VFIO gives it away although no IOMMU holds it back (`enable_unsafe_noiommu_mode`).
  public var isUnprotected = false
  /// Whether the driver that has it is one of VFIO's; unknown where only the name tells.
  public var vfioDriver = Fact.unknown
  /// The windows of its memory, by ascending index; `nil` if nothing tells, which is not none.
  public var bars: [BAR]?
  /// Its way from the root bus; `nil` if it is not known, or is the address itself.
  public var path: PCIPath?
  /// Where its address stands.
  public var span: SourceSpan

  /// Makes a device.
  public init(
    address: BDF, vendor: UInt16 = 0, device: UInt16 = 0, classCode: UInt32 = 0,
    subsystem: PCISubsystem? = nil, iommu: String? = nil, group: Int? = nil, driver: String? = nil,
    noSnoopCapable: Fact = .unknown, reserved: [ReservedRegion] = [],
    span: SourceSpan = .wholeHost
  ) {
    self.address = address
    self.vendor = vendor
    self.device = device
    self.classCode = classCode
    self.subsystem = subsystem
    self.iommu = iommu
    self.group = group
    self.driver = driver
    _noSnoopCapable = Located(noSnoopCapable, at: span)
    self.reserved = reserved
    self.span = span
  }
}
