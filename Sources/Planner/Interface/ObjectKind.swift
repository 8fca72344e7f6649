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
