/// What a value made by a step stands for.
///
/// The first block are open files, the second ids inside one of them, the third plain values.
public enum ObjectKind: UInt8, CaseIterable, Hashable, Sendable {
  /// An open `/dev/iommu`.
  case iommufd
  /// An open device: a VFIO cdev, or what `VFIO_GROUP_GET_DEVICE_FD` returns.
  case deviceFD
  /// An open `/dev/vfio/vfio`.
  case container
  /// An open `/dev/vfio/N`.
  case group
  /// An open `/dev/kvm`.
  case kvm
  /// A VM of KVM.
  case vm
  /// The kvm-vfio device of a VM.
  case kvmVFIO
  /// An open `/dev/ioasid` of the 2021 proposal.
  case ioasidFD
  /// Guest memory as a file (`memfd_create(2)`).
  case memoryFile

  /// An I/O address space of an iommufd.
  case ioas
  /// A hardware page table of an iommufd.
  case hwpt
  /// A bound device's id in an iommufd (`out_devid`).
  case boundDevice
  /// The 2021 proposal's label of a bound device.
  case deviceLabel
  /// The 2021 proposal's page table.
  case ioasid

  /// Guest memory: the address it is mapped at in the calling process.
  case memory
  /// A number that only `expect` looks at.
  case number

  /// Whether a value of this kind is an open file, which `close` gives back.
  public var isFile: Bool { rawValue <= ObjectKind.memoryFile.rawValue }
}

/// A set of kinds; what a field accepts.
public struct ObjectKindSet: OptionSet, Hashable, Sendable {
  /// One bit per kind.
  public let rawValue: UInt32

  /// Makes a set from its bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The set of one kind.
  public init(_ kind: ObjectKind) { rawValue = 1 << UInt32(kind.rawValue) }

  /// The set of some kinds.
  public init(_ kinds: ObjectKind...) {
    rawValue = kinds.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
  }

  /// The kinds that make up the set, in declaration order.
  public var kinds: [ObjectKind] { ObjectKind.allCases.filter { contains(ObjectKindSet($0)) } }
}

/// A type that stands for a kind of result at compile time.
public protocol MadeObject: Sendable {
  /// The kind of its values.
  static var kind: ObjectKind { get }
}

extension ObjectKind {
  /// An open `/dev/iommu`.
  public enum IOMMUFD: MadeObject {
    /// `ObjectKind.iommufd`.
    public static let kind = ObjectKind.iommufd
  }
  /// An open device.
  public enum DeviceFD: MadeObject {
    /// `ObjectKind.deviceFD`.
    public static let kind = ObjectKind.deviceFD
  }
  /// An open `/dev/vfio/vfio`.
  public enum Container: MadeObject {
    /// `ObjectKind.container`.
    public static let kind = ObjectKind.container
  }
  /// An open `/dev/vfio/N`.
  public enum Group: MadeObject {
    /// `ObjectKind.group`.
    public static let kind = ObjectKind.group
  }
  /// An open `/dev/kvm`.
  public enum KVM: MadeObject {
    /// `ObjectKind.kvm`.
    public static let kind = ObjectKind.kvm
  }
  /// A VM of KVM.
  public enum VM: MadeObject {
    /// `ObjectKind.vm`.
    public static let kind = ObjectKind.vm
  }
  /// The kvm-vfio device of a VM.
  public enum KVMVFIO: MadeObject {
    /// `ObjectKind.kvmVFIO`.
    public static let kind = ObjectKind.kvmVFIO
  }
  /// An open `/dev/ioasid`.
  public enum IOASIDFD: MadeObject {
    /// `ObjectKind.ioasidFD`.
    public static let kind = ObjectKind.ioasidFD
  }
  /// An I/O address space.
  public enum IOAS: MadeObject {
    /// `ObjectKind.ioas`.
    public static let kind = ObjectKind.ioas
  }
  /// A hardware page table.
  public enum HWPT: MadeObject {
    /// `ObjectKind.hwpt`.
    public static let kind = ObjectKind.hwpt
  }
  /// A bound device's id.
  public enum BoundDevice: MadeObject {
    /// `ObjectKind.boundDevice`.
    public static let kind = ObjectKind.boundDevice
  }
  /// A bound device's label.
  public enum DeviceLabel: MadeObject {
    /// `ObjectKind.deviceLabel`.
    public static let kind = ObjectKind.deviceLabel
  }
  /// The 2021 proposal's page table.
  public enum IOASID: MadeObject {
    /// `ObjectKind.ioasid`.
    public static let kind = ObjectKind.ioasid
  }
  /// Guest memory as a file.
  public enum MemoryFile: MadeObject {
    /// `ObjectKind.memoryFile`.
    public static let kind = ObjectKind.memoryFile
  }
  /// Guest memory at an address.
  public enum Memory: MadeObject {
    /// `ObjectKind.memory`.
    public static let kind = ObjectKind.memory
  }
  /// A number that only `expect` looks at.
  public enum Number: MadeObject {
    /// `ObjectKind.number`.
    public static let kind = ObjectKind.number
  }
}
