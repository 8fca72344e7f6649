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

  /// Whether the IOMMU driver lets a unit's devices onto it (2.22, A7 and A8).
  func admits(_ unit: SimulatedUnit) -> Bool {
    unit.compatibilityClass == self.unit.compatibilityClass
      && CoherencyModel.admits(
        unit, tableEnforces: enforcesSnoop, isIntelFirstStage: isFirstStage)
  }
}

extension SimulatedIOMMUFD {
  private static let faultIDValid: UInt32 = 4
  private static let pasid: UInt32 = 8

  /// `IOMMU_HWPT_ALLOC` (2.11), on hardware without nesting, dirty tracking and PASIDs.
  ///
  /// There 7.3 knows two flags: Intel's driver makes tables for PASIDs even so, and a fault queue
  /// is looked for once the table is part of its address space; there are none.
  func allocateHWPT(_ argument: inout SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    try argument.checkSize(min: 24, full: 48)
    let flags = argument.u32(4)
    if argument.u32(20) != 0 { throw .eopnotsupp }
    let (dataType, dataLength) = (argument.u32(24), argument.u32(28))
    if (dataType == 0) != (dataLength == 0) { throw .einval }
    let unit = try kernel.host.unit(of: device(argument.u32(8)))
    switch object(argument.u32(12)) {
    case .ioas(let ioas):
      if flags & ~flagsOfTables(of: unit) != 0 || dataType != 0 { throw .eopnotsupp }
      let hwpt = SimulatedHWPT(
        for: unit, in: ioas, isAutomatic: false, isAttachedFirst: false, of: kernel)
      try add(hwpt)
      if flags & Self.faultIDValid != 0 {
        ioas.removeHWPT(hwpt)
        remove(hwpt.id)
        throw .enoent
      }
      argument.set32(hwpt.id, 16)
    case .hwpt:  // a nested table, whose parent was not made for it
      let known = Self.faultIDValid | (release < .v7_3 ? 0 : Self.pasid)
      throw flags & ~known != 0 || dataLength == 0 || !canNest(unit) ? .eopnotsupp : .einval
    case .device, nil: throw .einval
    }
  }

  private func flagsOfTables(of unit: SimulatedUnit) -> UInt32 {
    if release < .v7_3 || unit.isVirtio { return 0 }
    return Self.faultIDValid | (unit.isIntel ? Self.pasid : 0)
  }

  /// Whether a unit's driver has nested tables at all.
  ///
  /// Intel's has; before 7.x AMD's also looks at the parent (`domain_alloc_user`; from 7.x on
  /// `domain_alloc_nested`).
  private func canNest(_ unit: SimulatedUnit) -> Bool {
    unit.isIntel || (release < .v7_3 && !unit.isVirtio)
  }

  /// Puts a new table into its address space and gives it an id.
  func add(_ hwpt: SimulatedHWPT) throws(Errno) {
    try hwpt.ioas.addHWPT(hwpt)
    hwpt.id = add(.hwpt(hwpt))
  }

  /// `IOMMU_GET_HW_INFO` (2.12): Intel's registers with the snoop control bit, else no data.
  ///
  /// From 6.17 on a flag asks for one type of data; only drivers that have data look at it.
  func reportHardware(
    _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.checkSize(min: 32, full: 40)
    let flags = argument.u32(4)
    if flags & ~(release >= .v7_3 ? 1 : 0) != 0 { throw .eopnotsupp }
    if argument.u32(28) & 0xffff_ff00 != 0 { throw .eopnotsupp }
    let unit = try kernel.host.unit(of: device(argument.u32(8)))
    if flags != 0, unit.isIntel, argument.u32(24) > 1 { throw .eopnotsupp }
    let information = unit.hardwareInformation
    let room = Int(argument.u32(12))
    if room > 0 {
      guard let buffer = argument.target(at: 16), buffer.count >= room else { throw .efault }
      let zeros = [UInt8](repeating: 0, count: buffer.count)
      argument.setTarget(Array((information + zeros).prefix(buffer.count)), at: 16)
    }
    argument.set32(UInt32(information.count), 12)
    argument.set32(unit.isIntel ? 1 : 0, 24)
    argument.set32(0, 28)
    argument.set64(0, 32)
  }
}

extension SimulatedUnit {
  /// `struct iommu_hw_info_vtd` with the one bit that matters here: ECAP.SC, bit 7.
  fileprivate var hardwareInformation: [UInt8] {
    guard isIntel else { return [] }
    var bytes = [UInt8](repeating: 0, count: 24)
    bytes.setLittleEndian(canEnforceSnoop ? 1 << 7 : 0, at: 16, width: 8)
    return bytes
  }
}
