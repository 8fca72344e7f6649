extension Action {
  /// Every errno a step can give; empty for `expect`, which asks nothing.
  public var errnos: ErrnoTable {
    switch self {
    case .open(let path, _): path.errnos
    case .ioctl(_, let request, _, _): request.errnos
    case .memory: GuestMemory.errnos
    case .sysfs(let write): write.errnos
    case .close: Self.closeErrnos
    case .expect: [:]
    }
  }

  private static let closeErrnos: ErrnoTable = [
    .ebadf: "the file is not open",
    .eio: "input or output",
  ]
}

extension DevicePath {
  /// Every errno that opening it can give.
  var errnos: ErrnoTable {
    let before: ErrnoTable =
      switch self {
      case .iommu: [.enoent: "there is no /dev/iommu"]
      case .vfioContainer: [.enoent: "there is no /dev/vfio/vfio"]
      case .kvm: [.enoent: "there is no /dev/kvm"]
      case .ioasid: [.enoent: "there is no /dev/ioasid, as in every kernel there is"]
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
    return before + accessDenied + [.emfile: "too many open files (RLIMIT_NOFILE)"]
  }
}

extension GuestMemory {
  /// Every errno that making it can give.
  static let errnos: ErrnoTable = [
    .einval: "the length is not a multiple of the huge page size, or there is no such size",
    .enomem: "not enough memory, or not enough free huge pages of that size",
  ]
}

extension SysfsWrite {
  /// Every errno that the write can give.
  var errnos: ErrnoTable {
    let before: ErrnoTable =
      switch self {
      case .unbind:
        [
          .enoent: "the device has no driver any more, or is gone",
          .enodev: "the device is on another driver",
          .ebusy: "the device is in use",
        ]
      case .driverOverride:
        [
          .enoent: "the device is gone",
          .einval: "the driver's name is too long",
        ]
      case .probe:
        [
          .enodev: "the driver did not take the device, or the device is gone",
          .ebusy: "vfio-pci takes no physical function that has virtual functions",
          .einval: "a user of VFIO owns the device's group, or the probe was refused",
        ]
      }
    return before + accessDenied
  }
}

private let accessDenied: ErrnoTable = [
  .eacces: "no permission; VFIO's files belong to root until udev says otherwise"
]
