import Planner

/// The requests about page tables and hardware of an iommufd.
extension SimulatedIOMMUFD {
  /// `IOMMU_HWPT_ALLOC` (§2.11), on hardware without nesting, dirty tracking and PASIDs.
  ///
  /// There 7.3 knows two flags: Intel's driver makes tables for PASIDs even so, and a fault queue
  /// is looked for once the table is part of its address space; there are none.
  func allocateHWPT(_ request: inout SimulatedRequest<HWPTAlloc>) throws(Errno) {
    let flags = request.flags
    if request.reserved != 0 { throw .eopnotsupp }
    let hasData = request.dataType != HWPTDataType.none
    if hasData != (request.dataLen != 0) { throw .einval }
    let unit = try request.kernel.host.unit(of: device(request.devID))
    // The parent's kind decides which flags are known, so it comes before them (§2.11.4, §2.11.8).
    switch object(request.ptID) {
    case .ioas(let ioas):
      if !flags.isSubset(of: flagsOfTables(of: unit)) || hasData { throw .eopnotsupp }
      let hwpt = SimulatedHWPT(
        for: unit, in: ioas, isAutomatic: false, isAttachedFirst: false, of: request.kernel)
      try add(hwpt)
      // The table is whole before its fault queue is looked for (§2.11.17).
      if flags.contains(.faultIDValid) {
        ioas.removeHWPT(hwpt)
        remove(hwpt.id)
        throw .enoent
      }
      request.outHWPTID = hwpt.id
    case .hwpt: throw nestingRefusal(flags, hasLength: request.dataLen != 0, on: unit)
    case .device, nil: throw .einval
    }
  }

  /// Why there is no nested table: what the driver cannot do at all, then that the parent was not
  /// made for it (§2.11.6n, §2.11.7n).
  private func nestingRefusal(
    _ flags: HWPTFlags, hasLength: Bool, on unit: SimulatedUnit
  ) -> Errno {
    let known: HWPTFlags = release < .v7_3 ? .faultIDValid : [.faultIDValid, .pasid]
    return flags.isSubset(of: known) && hasLength && canNest(unit) ? .einval : .eopnotsupp
  }

  private func flagsOfTables(of unit: SimulatedUnit) -> HWPTFlags {
    if release < .v7_3 || unit.isVirtio { return [] }
    return unit.isIntel ? [.faultIDValid, .pasid] : .faultIDValid
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

  /// `IOMMU_GET_HW_INFO` (§2.12): Intel's registers with the snoop control bit, else no data.
  ///
  /// From 6.17 on a flag asks for one type of data; only drivers that have data look at it.
  func reportHardware(_ request: inout SimulatedRequest<HWInfo>) throws(Errno) {
    let asksForType = request.flags.contains(.inputType)
    let known: HWInfoFlags = release >= .v7_3 ? .inputType : []
    if !request.flags.isSubset(of: known) { throw .eopnotsupp }
    if request.reserved != 0 { throw .eopnotsupp }
    let unit = try request.kernel.host.unit(of: device(request.devID))
    if asksForType, unit.isIntel, request.outDataType > HWInfoType.intelVTD { throw .eopnotsupp }
    let information = unit.hardwareInformation
    let room = Int(request.dataLen)
    // A short buffer is no error, a long one is filled with zeros.
    if room > 0 {
      guard let buffer = request.dataUptr, buffer.bytes.count >= room else { throw .efault }
      let zeros = [UInt8](repeating: 0, count: buffer.bytes.count)
      request.dataUptr = StructureArray(
        bytes: Array((information + zeros).prefix(buffer.bytes.count)))
    }
    request.dataLen = UInt32(information.count)
    request.outDataType = unit.isIntel ? HWInfoType.intelVTD : HWInfoType.none
    request.outMaxPASIDLog2 = 0
    request.outCapabilities = 0
  }
}

extension SimulatedUnit {
  /// ECAP.SC, *Snoop Control*: bit 7 of the extended capability register (§3.8).
  private static let snoopControl: UInt64 = 1 << 7

  /// What its driver says: registers with the one bit that matters here, or nothing.
  fileprivate var hardwareInformation: [UInt8] {
    guard isIntel else { return [] }
    var registers = Structure<HWInfoVTD>()
    registers.ecapReg = canEnforceSnoop ? Self.snoopControl : 0
    return registers.bytes
  }
}
