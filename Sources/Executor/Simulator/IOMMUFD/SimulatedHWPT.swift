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
  /// Whether it ignores no-snoop; fixed when it is made, but for attaches up to 6.6.
  var enforcesSnoop: Bool
  /// Whether it is an Intel first-stage table.
  let isFirstStage: Bool
  /// The last I/O virtual address that its address space may have.
  let apertureLast: UInt64
  /// The last address that was ever mapped in it; `nil` if none was.
  private(set) var mappedLast: UInt64?
  /// The first I/O virtual address that its address space may have.
  let apertureFirst: UInt64
  /// Its dirty pages, if it was made to track them.
  var dirty: DirtyPagesOfTable?
  /// Whether it was made for PASIDs, too.
  var takesPASIDs = false
  /// How many devices are attached.
  var attachedDevices = 0
  private let facts: SimulatedRelease

  /// Makes a table for a unit, not yet part of its address space.
  ///
  /// `isAttachedFirst` says that a device that was on none makes it by being attached.
  init(
    for unit: SimulatedUnit, in ioas: SimulatedIOAS, isAutomatic: Bool, isAttachedFirst: Bool,
    isHuge: Bool = false, by facts: SimulatedRelease
  ) {
    apertureLast = isHuge ? .max : unit.apertureLast(ofNewTable: isAttachedFirst, by: facts)
    apertureFirst = unit.mock == nil || isHuge ? 0 : Mock.apertureStart
    self.facts = facts
    self.ioas = ioas
    self.unit = unit
    self.isAutomatic = isAutomatic
    isFirstStage = unit.prefersFirstStage
    enforcesSnoop = CoherencyModel.newTableEnforces(unit)
  }

  /// Whether it refuses mappings that may neither be read nor written: all drivers do but virtio's
  /// (`intel/iommu.c`, `amd/io_pgtable.c`, 6.12; `generic_pt/iommu_pt.h`, 7.3).
  var refusesNoAccess: Bool { !unit.isVirtio }

  /// Whether the IOMMU driver lets a unit's devices onto it (§2.22.A7, §2.22.A8).
  func admits(_ unit: SimulatedUnit) -> Bool {
    if dirty != nil, unit.mock?.tracksDirty != true { return false }
    return unit.takes(
      tableOf: self.unit, mappedUpTo: mappedLast, isFirstStage: isFirstStage, by: facts)
      && CoherencyModel.admits(
        unit, tableEnforces: enforcesSnoop,
        isUnchecked: isFirstStage && facts.has(.firstStageIsUnchecked))
  }

  /// Whether it reaches an address: one that was made wider than the unit of the devices on it is
  /// cut off there.
  func reaches(_ last: UInt64) -> Bool { attachedDevices == 0 || last <= unit.apertureLast }

  /// Notes what is mapped in it.
  func note(_ last: UInt64) { mappedLast = max(mappedLast ?? 0, last) }
}
