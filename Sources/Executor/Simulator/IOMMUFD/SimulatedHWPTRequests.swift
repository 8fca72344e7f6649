import Parser
import Planner

/// The requests about page tables and hardware of an iommufd.
extension SimulatedIOMMUFD {
  /// `IOMMU_HWPT_ALLOC` (§2.11), on hardware without nesting, dirty tracking and PASIDs.
  ///
  /// There later kernels know two flags: Intel's driver makes tables for PASIDs even so, and a
  /// fault queue is looked for once the table is part of its address space; there are none.
  func allocateHWPT(_ request: inout SimulatedRequest<HWPTAlloc>) throws(Errno) {
    let flags = request.flags
    if request.reserved != 0 { throw .eopnotsupp }
    guard facts.has(.dirtyTracking) else { return try allocatePlainHWPT(&request) }
    let hasData = request.dataLen != 0
    let isNamed = request.dataType != HWPTDataType.none
    if hasData ? !isNamed : isNamed && facts.has(.invalidation) { throw .einval }
    let unit = try request.kernel.host.unit(of: device(request.devID))
    // The parent's kind decides which flags are known, so it comes before them (§2.11.4, §2.11.8).
    switch object(request.ptID) {
    case .ioas(let ioas) where unit.mock != nil:
      try allocateMockTable(&request, for: unit, in: ioas)
    case .ioas(let ioas):
      if !flags.isSubset(of: flagsOfTables(of: unit)) || hasData { throw .eopnotsupp }
      let hwpt = try addHWPT(for: unit, in: ioas)
      // The table is whole before its fault queue is looked for (§2.11.17).
      if flags.contains(.faultIDValid) {
        ioas.removeHWPT(hwpt)
        remove(hwpt.id)
        throw .enoent
      }
      request.outHWPTID = hwpt.id
    case .hwpt: throw nestingRefusal(flags, hasLength: hasData, on: unit)
    case .device, .mock, .access, nil: throw .einval
    }
  }

  /// A table of the kernel's tests, which may track dirty pages and have another form.
  private func allocateMockTable(
    _ request: inout SimulatedRequest<HWPTAlloc>, for unit: SimulatedUnit, in ioas: SimulatedIOAS
  ) throws(Errno) {
    let flags = request.flags
    let tracks = flags.contains(.dirtyTracking)
    guard flags.isSubset(of: [.nestParent, .dirtyTracking, .pasid]),
      !tracks || unit.mock?.tracksDirty == true
    else { throw .eopnotsupp }
    var isHuge = false
    if request.dataLen != 0 {
      if request.dataType != Mock.tableType { throw .eopnotsupp }
      if request.dataLen < MockTable.sizeOfFirstRelease { throw .einval }
      guard let data = request.dataUptr, data.holds(1) else { throw .efault }
      let format = request.dataLen < MockTable.size ? 0 : data[0, \.format]
      if format > Mock.hugeTable { throw .eopnotsupp }
      isHuge = format == Mock.hugeTable
    }
    let hwpt = SimulatedHWPT(
      for: unit, in: ioas, isAutomatic: false, isAttachedFirst: false, isHuge: isHuge, by: facts)
    if tracks { hwpt.dirty = .init(pageBytes: isHuge ? Mock.hugeBytes : 4096) }
    hwpt.takesPASIDs = flags.contains(.pasid)
    try add(hwpt)
    request.outHWPTID = hwpt.id
  }

  /// The same on 6.6: no flags, no data, and nothing but an address space (§7.42).
  private func allocatePlainHWPT(
    _ request: inout SimulatedRequest<HWPTAlloc>
  ) throws(Errno) {
    if !request.flags.isEmpty { throw .eopnotsupp }
    let unit = try request.kernel.host.unit(of: device(request.devID))
    request.outHWPTID = try addHWPT(for: unit, in: ioas(request.ptID)).id
  }

  /// Makes a table that no device makes by being attached.
  private func addHWPT(
    for unit: SimulatedUnit, in ioas: SimulatedIOAS
  ) throws(Errno) -> SimulatedHWPT {
    let hwpt = SimulatedHWPT(
      for: unit, in: ioas, isAutomatic: false, isAttachedFirst: false, by: facts)
    try add(hwpt)
    return hwpt
  }

  /// Why there is no nested table: what the driver cannot do at all, then that the parent was not
  /// made for it (§2.11.6n, §2.11.7n).
  private func nestingRefusal(
    _ flags: HWPTFlags, hasLength: Bool, on unit: SimulatedUnit
  ) -> Errno {
    var known: HWPTFlags = facts.has(.faultQueues) ? .faultIDValid : []
    if facts.has(.pasids) { known.insert(.pasid) }
    return flags.isSubset(of: known) && hasLength && canNest(unit) ? .einval : .eopnotsupp
  }

  private func flagsOfTables(of unit: SimulatedUnit) -> HWPTFlags {
    if unit.isVirtio || !facts.has(.faultsOfTables) { return [] }
    // AMD's driver does not know the flag where it gets to see it.
    if !facts.has(.driversSeeNoFaults) { return unit.isIntel ? .faultIDValid : [] }
    return unit.isIntel && facts.has(.pasids) ? [.faultIDValid, .pasid] : .faultIDValid
  }

  /// Whether a unit's driver has nested tables at all.
  ///
  /// Intel's has; before 6.13 AMD's also looks at the parent (`domain_alloc_user`; from then on
  /// `domain_alloc_nested`).
  private func canNest(_ unit: SimulatedUnit) -> Bool {
    unit.isIntel || (!facts.has(.faultsOfTables) && !unit.isVirtio)
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
    let known: HWInfoFlags = facts.has(.hardwareQueues) ? .inputType : []
    if !request.flags.isSubset(of: known) { throw .eopnotsupp }
    // The byte before was reserved, too, before there were PASIDs.
    if !facts.has(.pasids), request.outMaxPASIDLog2 != 0 { throw .eopnotsupp }
    if request.reserved != 0 { throw .eopnotsupp }
    let unit = try request.kernel.host.unit(of: device(request.devID))
    if asksForType, unit.isIntel, request.outDataType > HWInfoType.intelVTD { throw .eopnotsupp }
    if asksForType, unit.mock != nil, request.outDataType != HWInfoType.none,
      request.outDataType != Mock.hardwareType
    {
      throw .eopnotsupp
    }
    let information = unit.hardwareInformation
    let room = Int(request.dataLen)
    // A short buffer is not an error, a long one is filled with zeros.
    if room > 0 {
      guard var buffer = request.dataUptr, buffer.holds(room) else { throw .efault }
      for index in 0..<room {
        buffer[index, \.byte] = index < information.count ? information[index] : 0
      }
      request.dataUptr = buffer
    }
    request.dataLen = UInt32(information.count)
    request.outDataType = unit.hardwareType
    request.outMaxPASIDLog2 = unit.mock?.hasPASIDs == true ? Mock.pasidBits : 0
    request.outCapabilities = unit.mock?.tracksDirty == true ? HWCapabilities.dirtyTracking : 0
  }
}

extension SimulatedUnit {
  /// The kind of what its driver says.
  fileprivate var hardwareType: UInt32 {
    if mock != nil { return Mock.hardwareType }
    return isIntel ? HWInfoType.intelVTD : HWInfoType.none
  }

  /// What its driver says: registers with the one bit that matters here, or nothing.
  fileprivate var hardwareInformation: [UInt8] {
    if mock != nil {
      var information = Structure<MockHardware>()
      information.register = Mock.register
      return information.bytes
    }
    guard isIntel else { return [] }
    var registers = Structure<HWInfoVTD>()
    registers.ecapReg = canEnforceSnoop ? HostIOMMU.snoopControlBit : 0
    return registers.bytes
  }
}
