/// The rules about no-snoop and enforce-snoop, stated once.
///
/// Sources are Linux 7.3 unless a line says otherwise.
enum CoherencyModel {
  /// Whether a page table enforces snoop from the moment it is made.
  ///
  /// iommufd and type1: iff the device it is allocated for can be enforced
  /// (`iommufd/hw_pagetable.c:193`, `vfio_iommu_type1.c:2353`); it never changes afterwards. The
  /// 2021 proposal: as the flag of `IOASID_ALLOC` says.
  static func newTableEnforces(_ allocatingUnit: SimulatedUnit) -> Bool {
    allocatingUnit.canEnforceSnoop
  }

  /// Whether the IOMMU driver lets a device onto a page table as far as coherency goes.
  ///
  /// Intel second stage and SMMUv3 refuse a device that cannot be enforced on a table that enforces
  /// (`intel/iommu.c:3134`, `arm-smmu-v3.c:3547`). Intel's first stage is not looked at from 6.19
  /// on (`intel/iommu.c:3054`, §7.23). AMD and virtio-iommu answer the same for every device, so
  /// the case does not come up there.
  static func admits(
    _ unit: SimulatedUnit, tableEnforces: Bool, isUnchecked: Bool = false
  ) -> Bool {
    !tableEnforces || unit.canEnforceSnoop || isUnchecked
  }

  /// Whether an attach up to 6.6 makes a table enforce that did not (§7.15).
  ///
  /// Intel's driver does if every attached unit can and nothing was ever mapped in a second-stage
  /// table (6.6: `intel/iommu.c`, `intel_iommu_enforce_cache_coherency`); AMD's always does.
  static func canMakeEnforcing(
    _ table: SimulatedHWPT, attached: [SimulatedUnit]
  ) -> Bool {
    attached.allSatisfy(\.canEnforceSnoop)
      && (!table.unit.isIntel || table.isFirstStage || table.mappedLast == nil)
  }

  /// Whether KVM counts a device as non-coherent.
  ///
  /// It asks for the capability of the device, not for the format of the table it is on
  /// (`vfio_main.c:1529`, `group.c:840`).
  static func countsAsIncoherent(_ unit: SimulatedUnit) -> Bool { !unit.canEnforceSnoop }

  /// Whether a device's no-snoop requests reach memory: the truth that KVM ought to know.
  ///
  /// Hardware ignores the attribute iff the table enforces and the unit has that format.
  static func isEffective(
    canNoSnoop: Bool, tableEnforces: Bool, unit: SimulatedUnit
  ) -> Bool {
    canNoSnoop && !(tableEnforces && unit.canEnforceSnoop)
  }
}
