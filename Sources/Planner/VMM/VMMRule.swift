/// How a VMM comes to page tables: it attaches one device after another, each to a page table that
/// accepts it, and makes a new one only if none does.
public struct VMMRule: Hashable, Sendable {
  /// Which of several page tables that accept a device it gets.
  public enum Choice: Hashable, Sendable {
    /// The newest.
    case newest
    /// The oldest.
    case oldest
    /// The one that does with no-snoop requests what the device's IOMMU can do best.
    case ownFormat
  }

  /// Its name on the command line.
  public let name: String
  /// What it is called in texts.
  public let title: String
  /// Which page table a device gets.
  public let choice: Choice

  /// QEMU with an iommufd object.
  ///
  /// It keeps the page tables of an address space newest first, and takes the first that does not
  /// answer EINVAL (`iommufd_cdev_autodomains_get`, hw/vfio/iommufd.c, QEMU 9.1 and later).
  public static let qemu = VMMRule(name: "qemu", title: "QEMU with iommufd", choice: .newest)

  /// cloud-hypervisor with `iommufd=on`, and whoever else attaches by IOAS id.
  ///
  /// The kernel takes the first of its own page tables that does not answer EINVAL, oldest first
  /// (`iommufd_device_auto_get_domain`, drivers/iommu/iommufd/device.c, 6.2 to 7.3).
  public static let cloudHypervisor = VMMRule(
    name: "cloud-hypervisor", title: "cloud-hypervisor with iommufd", choice: .oldest)

  /// Any VMM on a VFIO container.
  ///
  /// The kernel puts a group on a page table with the same enforcement only
  /// (`vfio_iommu_type1_attach_group`, drivers/vfio/vfio_iommu_type1.c, 6.1 to 7.3).
  public static let type1 = VMMRule(
    name: "type1", title: "a VMM with type1", choice: .ownFormat)

  /// Every rule, in the order they are documented.
  public static let all = [qemu, cloudHypervisor, type1]
}
