import Parser

/// A kernel option that brings an interface, with the first release that has it
/// (`drivers/iommu/iommufd/Kconfig`, `drivers/vfio/Kconfig`, `arch/x86/kvm/Kconfig`).
public struct KernelOption: Hashable, Sendable, CustomStringConvertible {
  /// Its name in the kernel's configuration.
  public let name: String
  /// The first release that has it; `nil` if it is as old as everything here.
  public let since: KernelVersion?

  /// `/dev/iommu`.
  public static let iommufd = KernelOption(
    name: "CONFIG_IOMMUFD", since: KernelRules.iommufd.since)
  /// `/dev/vfio/devices`.
  public static let vfioCdev = KernelOption(
    name: "CONFIG_VFIO_DEVICE_CDEV", since: KernelRules.vfioCdevs.since)
  /// `/dev/vfio/vfio`, with the type that plans use, TYPE1v2.
  public static let type1 = KernelOption(
    name: "CONFIG_VFIO_IOMMU_TYPE1", since: KernelVersion(3, 15))
  /// `/dev/kvm`.
  public static let kvm = KernelOption(name: "CONFIG_KVM", since: nil)

  /// Name and release for people, for example `CONFIG_IOMMUFD, Linux 6.2`.
  public var description: String { since.map { "\(name), Linux \($0)" } ?? name }
}
