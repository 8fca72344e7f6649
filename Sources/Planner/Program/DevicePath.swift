import Parser

/// A device node a program may open: a closed set, whatever a plan file says.
///
/// What is the same wherever a node is named stands here, a row for each.
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

  /// Those of which there is one at most.
  public static let single: [DevicePath] = [.iommu, .vfioContainer, .kvm, .ioasid]

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

  /// Where it is; a cdev by its device, since nobody knows its number before it is opened.
  public var node: String {
    switch self {
    case .iommu: "/dev/iommu"
    case .vfioContainer: "/dev/vfio/vfio"
    case .vfioGroup(let number): "/dev/vfio/\(number)"
    case .vfioDevice(let address): "cdev(\(address))"
    case .kvm: "/dev/kvm"
    case .ioasid: "/dev/ioasid"
    }
  }

  /// What it is, for people who have never seen one.
  public var summary: String {
    switch self {
    case .iommu: "the kernel's IOMMU interface"
    case .vfioContainer: "a VFIO container: one I/O address space"
    case .vfioGroup(let number): "IOMMU group \(number)"
    case .vfioDevice(let address): "device \(address)"
    case .kvm: "KVM"
    case .ioasid: "the proposed I/O address space interface"
    }
  }

  /// The option without which a kernel has no such node; `nil` if none would bring it.
  public var option: KernelOption? {
    switch self {
    case .iommu: .iommufd
    case .vfioContainer: .type1
    case .vfioDevice: .vfioCdev
    case .kvm: .kvm
    case .vfioGroup, .ioasid: nil
    }
  }

  /// Its minor number among `misc` devices, of those of which there is one at most; iommufd's and
  /// the proposal's are any that is free (`linux/miscdevice.h`).
  public var minor: UInt32? {
    switch self {
    case .iommu: 127
    case .vfioContainer: 196
    case .kvm: 232
    case .ioasid: 126
    case .vfioGroup, .vfioDevice: nil
    }
  }

  /// Whether no kernel has it.
  public var isProposalOnly: Bool { self == .ioasid }

  /// Every errno that opening it can give.
  var errnos: ErrnoTable {
    causes + accessDenied + [.emfile: "too many open files (RLIMIT_NOFILE)"]
  }

  private var causes: ErrnoTable {
    switch self {
    case .iommu, .vfioContainer, .kvm: [.enoent: "there is no \(node)"]
    case .ioasid: [.enoent: "there is no \(node), as in every kernel there is"]
    case .vfioGroup:
      [
        .enoent: "there is no file of the group: none of its devices is on vfio-pci",
        .eperm: "the group has no IOMMU and the caller lacks CAP_SYS_RAWIO",
        .ebusy: "the group is open elsewhere, or one of its devices is bound to an iommufd",
      ]
    case .vfioDevice:
      [
        .enoent:
          "the device has no file of its own: it is not on vfio-pci, or the kernel has no VFIO "
          + "cdevs",
        .enodev: "the device is being removed",
      ]
    }
  }
}

/// What stands at the end of what opening a node or writing an attribute can give.
let accessDenied: ErrnoTable = [
  .eacces: "no permission; VFIO's files belong to root until udev says otherwise"
]
