import Parser

/// A device node a program may open: a closed set, whatever a plan file says.
public enum DevicePath: Hashable, Sendable {
  /// `/dev/iommu`.
  case iommu
  /// `/dev/vfio/vfio`.
  case vfioContainer
  /// `/dev/vfio/N`, the group file.
  case vfioGroup(Int)
  /// `/dev/vfio/devices/vfioN` of a device, found when it is opened: N is not stable.
  case vfioDevice(BDF)
  /// `/dev/kvm`.
  case kvm
  /// `/dev/ioasid` of the 2021 proposal.
  case ioasid

  /// The kind of file that opening it gives.
  public var kind: ObjectKind {
    switch self {
    case .iommu: .iommufd
    case .vfioContainer: .container
    case .vfioGroup: .group
    case .vfioDevice: .deviceFD
    case .kvm: .kvm
    case .ioasid: .ioasidFD
    }
  }
}

/// A write to a driver attribute of sysfs: a closed set, too.
public enum SysfsWrite: Hashable, Sendable {
  /// Takes a device from its driver: its address into `driver/unbind`.
  case unbind(BDF, from: String)
  /// Says which driver may have a device: a name into `driver_override`.
  case driverOverride(BDF, String)
  /// Lets the named driver find the device: its address into `drivers_probe`.
  case probe(BDF, by: String)

  /// The device whose driver changes.
  public var address: BDF {
    switch self {
    case .unbind(let address, _), .driverOverride(let address, _), .probe(let address, _): address
    }
  }
}

/// A piece of guest memory: a file in memory (`memfd_create(2)`) that the program makes.
public struct GuestMemory: Hashable, Sendable {
  /// Its length in bytes, a positive multiple of 4 KiB and of its huge pages.
  public var size: UInt64
  /// Size of its huge pages in bytes; `nil` for ordinary pages.
  public var hugePageBytes: UInt64?
  /// When its pages are taken from the host.
  public var population: MemoryRegion.Population

  /// Describes a piece of memory.
  public init(
    size: UInt64, hugePageBytes: UInt64? = nil, population: MemoryRegion.Population = .lazy
  ) {
    self.size = size
    self.hugePageBytes = hugePageBytes
    self.population = population
  }
}

/// What one step of a program does; the closed set of the plan format.
public enum Action: Hashable, Sendable {
  /// Opens a device node, close-on-exec, for reading and writing.
  case open(DevicePath, ResultID)
  /// Issues a request on an open file.
  ///
  /// `arguments` hold one operand for each field of the descriptor that takes one, in field order;
  /// `results` one entry for each value the request gives (fields in order, then the return value),
  /// `nil` for those nobody uses.
  case ioctl(ResultID, RequestDescriptor, arguments: [Operand], results: [ResultID?])
  /// Makes guest memory, and maps it where the interface takes addresses instead of files.
  case memory(GuestMemory, file: ResultID, address: ResultID?)
  /// Changes a device's driver.
  case sysfs(SysfsWrite)
  /// Stops the program unless an earlier result has a value, in the bits of a mask if one is given.
  case expect(ResultID, mask: UInt64?, equals: Operand)
  /// Closes an open file before the program's end.
  case close(ResultID)
}

/// One step of a program and the bytes of the description that caused it.
public struct Step: Hashable, Sendable {
  /// What it does.
  public var action: Action
  /// Why it is there: the part of the user's file it comes from.
  public var origin: SourceSpan

  /// Makes a step.
  public init(_ action: Action, origin: SourceSpan) {
    self.action = action
    self.origin = origin
  }
}
