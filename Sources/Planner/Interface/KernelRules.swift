import Parser

/// A way of kernels that differs between releases, beyond which requests there are.
public struct KernelRule: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// The first release with this way.
  public let since: KernelVersion
  /// What kernels do from then on, in one clause.
  public let meaning: String
  /// Where the kernel does it.
  public let source: String

  /// Whether a kernel does so; one whose release is not known is taken for an older one.
  public func holds(on kernel: HostKernel) -> Bool { kernel.isAtLeast(since) }
}

/// Every rule of kernels that anything here depends on; the only place that knows what a release
/// does, but for what a request's descriptor says of the request itself.
public enum KernelRules {
  /// A driver can be chosen for one device.
  public static let driverOverride = KernelRule(
    name: "driverOverride", since: KernelVersion(3, 16),
    meaning: "a device of PCI has driver_override", source: "drivers/pci/pci-sysfs.c")

  /// Devices of VFIO have files of their own, outside their groups.
  public static let vfioCdevs = KernelRule(
    name: "vfioCdevs", since: KernelVersion(6, 6),
    meaning: "devices of VFIO have nodes in /dev/vfio/devices",
    source: "drivers/vfio/device_cdev.c")

  /// The page tables of virtio-iommu are whole before a device is attached.
  ///
  /// Before, one that IOMMU_HWPT_ALLOC makes takes no address at all: the driver fills in the width
  /// at the first attach, and iommufd asks for it earlier.
  public static let virtioTablesAreWhole = KernelRule(
    name: "virtioTablesAreWhole", since: KernelVersion(6, 16),
    meaning: "IOMMU_HWPT_ALLOC gives a page table of virtio-iommu its width",
    source: "drivers/iommu/virtio-iommu.c, drivers/iommu/iommufd/hw_pagetable.c")

  /// The width of AMD's host tables follows from the unit's features (HATS); before, the driver
  /// gave them all 64 bits.
  public static let amdTableWidthByHATS = KernelRule(
    name: "amdTableWidthByHATS", since: KernelVersion(6, 16),
    meaning: "the levels of AMD's host tables limit I/O virtual addresses",
    source: "drivers/iommu/amd/iommu.c")

  /// Every rule, by release.
  public static let all = [
    driverOverride, vfioCdevs, virtioTablesAreWhole, amdTableWidthByHATS,
  ]
}
