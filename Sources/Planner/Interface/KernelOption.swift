/// Kernel options that bring the interfaces, each with the first release that has it
/// (`drivers/iommu/iommufd/Kconfig`, `drivers/vfio/Kconfig`, `arch/x86/kvm/Kconfig`).
public enum KernelOption {
  /// `/dev/iommu`.
  public static let iommufd = "CONFIG_IOMMUFD, Linux 6.2"
  /// `/dev/vfio/devices`.
  public static let vfioCdev = "CONFIG_VFIO_DEVICE_CDEV, Linux 6.6"
  /// `/dev/vfio/vfio`.
  public static let type1 = "CONFIG_VFIO_IOMMU_TYPE1, Linux 3.6"
  /// `/dev/kvm`.
  public static let kvm = "CONFIG_KVM"
}
