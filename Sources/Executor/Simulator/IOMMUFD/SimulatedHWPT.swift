/// A hardware page table of an iommufd: one `iommu_domain`, filled from its address space.
final class SimulatedHWPT {
  /// Its id in the context.
  var id: UInt32 = 0
  /// The address space that fills it.
  let ioas: SimulatedIOAS
  /// The unit of the device it was allocated for.
  let unit: SimulatedUnit
  /// Whether attaching by IOAS id made it, so that it goes with its last device.
  let isAutomatic: Bool
  /// Whether it ignores no-snoop; fixed when it is made.
  let enforcesSnoop: Bool
  /// Whether it is an Intel first-stage table.
  let isFirstStage: Bool
  /// The last I/O virtual address that its address space may have.
  let apertureLast: UInt64
  /// How many devices are attached.
  var attachedDevices = 0

  /// Makes a table for a unit, not yet part of its address space.
  ///
  /// Before 6.16 virtio-iommu fills in the aperture at the first attach, which comes before the
  /// address space asks only if a device that was on none makes the table by being attached:
  /// `isAttachedFirst` (`iommufd/hw_pagetable.c`, 6.12).
  init(
    for unit: SimulatedUnit, in ioas: SimulatedIOAS, isAutomatic: Bool, isAttachedFirst: Bool,
    of kernel: SimulatedKernel
  ) {
    let isEmpty = unit.isVirtio && !isAttachedFirst && kernel.release < .v7_3
    apertureLast = isEmpty ? 0 : unit.apertureLast
    self.ioas = ioas
    self.unit = unit
    self.isAutomatic = isAutomatic
    isFirstStage = kernel.usesIntelFirstStage && unit.isIntel
    enforcesSnoop = CoherencyModel.newTableEnforces(unit)
  }

  /// Whether it refuses mappings that may neither be read nor written: all drivers do but virtio's
  /// (`intel/iommu.c`, `amd/io_pgtable.c`, 6.12; `generic_pt/iommu_pt.h`, 7.3).
  var refusesNoAccess: Bool { !unit.isVirtio }

  /// Whether the IOMMU driver lets a unit's devices onto it (§2.22.A7, §2.22.A8).
  func admits(_ unit: SimulatedUnit) -> Bool {
    unit.compatibilityClass == self.unit.compatibilityClass
      && CoherencyModel.admits(
        unit, tableEnforces: enforcesSnoop, isIntelFirstStage: isFirstStage)
  }
}
