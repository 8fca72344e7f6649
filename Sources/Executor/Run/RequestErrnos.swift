import Planner

/// Which errnos a step can give, and what each means there for people.
///
/// From the kernel's own checks, Linux 7.3; the errnos of the 2021 proposal are those of the
/// simulator. ENOMEM is listed where it has a cause a user can do something about.
public enum RequestErrnos {
  /// One way a step can fail.
  public struct Cause: Hashable, Sendable {
    /// The errno.
    public var errno: Errno
    /// What it means for this request: lower case, no full stop.
    public var meaning: String
  }

  /// Every errno a step can give, in the order in which the kernel checks; empty for `expect`.
  public static func causes(of action: Action) -> [Cause] {
    switch action {
    case .open(let path, _): causes(of: path)
    case .ioctl(_, let request, _, _): byRequest[request.name] ?? []
    case .memory: memory
    case .sysfs(let write): causes(of: write)
    case .close: close
    case .expect: []
    }
  }

  /// What an errno means for a step; `nil` if the step does not usually give it.
  public static func meaning(of errno: Errno, for action: Action) -> String? {
    causes(of: action).first { $0.errno == errno }?.meaning
  }

  /// The errnos of a request by its name; empty for one that is not known.
  public static func causes(ofRequest name: String) -> [Cause] { byRequest[name] ?? [] }

  private static func causes(of path: DevicePath) -> [Cause] {
    switch path {
    case .iommu: [missing("/dev/iommu"), accessDenied, tooManyFiles]
    case .vfioContainer: [missing("/dev/vfio/vfio"), accessDenied, tooManyFiles]
    case .kvm: [missing("/dev/kvm"), accessDenied, tooManyFiles]
    case .ioasid: [missing("/dev/ioasid, as in every kernel there is"), accessDenied, tooManyFiles]
    case .vfioGroup:
      [
        missing("the group: none of its devices is on vfio-pci"),
        cause(.eperm, "the group has no IOMMU and the caller lacks CAP_SYS_RAWIO"),
        cause(.ebusy, "the group is open elsewhere, or one of its devices is bound to an iommufd"),
        accessDenied, tooManyFiles,
      ]
    case .vfioDevice:
      [
        missing("the device's file: it is not on vfio-pci, or the kernel has no VFIO cdevs"),
        cause(.enodev, "the device is being removed"), accessDenied, tooManyFiles,
      ]
    }
  }

  private static func causes(of write: SysfsWrite) -> [Cause] {
    switch write {
    case .unbind:
      [
        cause(.enoent, "the device has no driver any more, or is gone"),
        cause(.enodev, "the device is on another driver"),
        cause(.ebusy, "the device is in use"), accessDenied,
      ]
    case .driverOverride:
      [
        cause(.enoent, "the device is gone"), cause(.einval, "the driver's name is too long"),
        accessDenied,
      ]
    case .probe:
      [
        cause(.enodev, "the driver did not take the device, or the device is gone"),
        cause(.einval, "a user of VFIO owns the device's group, or the probe was refused"),
        accessDenied,
      ]
    }
  }

  private static let memory = [
    cause(.einval, "the length is no multiple of the huge page size, or there is no such size"),
    cause(.enomem, "not enough memory, or not enough free huge pages of that size"),
  ]

  private static let close = [
    cause(.ebadf, "the file is not open"), cause(.eio, "input or output"),
  ]

  private static let accessDenied = cause(
    Errno(rawValue: 13), "no permission; VFIO's files belong to root until udev says otherwise")
  private static let tooManyFiles = cause(.emfile, "too many open files (RLIMIT_NOFILE)")

  private static func missing(_ what: String) -> Cause { cause(.enoent, "there is no \(what)") }

  static func cause(_ errno: Errno, _ meaning: String) -> Cause {
    Cause(errno: errno, meaning: meaning)
  }

  private static let byRequest: [String: [Cause]] = Dictionary(
    uniqueKeysWithValues: iommufd + device + type1 + kvm + proposal)
}
