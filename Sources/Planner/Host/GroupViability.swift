import Parser

/// Which drivers may hold the members of an IOMMU group that are not given to the VM.
///
/// The kernel refuses to hand a group to user space while a driver does DMA through the kernel's
/// own mappings for one of its members (`iommu_group_claim_dma_owner`, drivers/iommu/iommu.c,
/// 5.19).
public enum GroupViability {
  /// Drivers that set `driver_managed_dma` because they do no DMA: they may stay
  /// (`drivers/pci/pcie/portdrv.c`, `drivers/pci/pci-stub.c`, 5.19 to 7.3; no other of PCI does).
  static let harmlessDrivers = ["pcieport", "pci-stub"]

  /// Whether a member with this driver leaves its group usable; `nil` means that it has none.
  public static func keepsViable(driver: String?) -> Bool {
    guard let driver else { return true }
    return harmlessDrivers.contains(driver) || VFIODriver.isVFIO(driver)
  }

  /// Whether a member leaves its group usable.
  public static func keepsViable(_ member: HostDevice) -> Bool {
    guard let driver = member.driver else { return true }
    return harmlessDrivers.contains(driver) || member.hasVFIODriver
  }
}
