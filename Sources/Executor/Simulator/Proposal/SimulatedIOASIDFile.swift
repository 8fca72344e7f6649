import Planner

/// An open `/dev/ioasid` of the proposal of 2021.
///
/// The three texts of the proposal leave open which errno a refusal gives; those here are ours, as
/// close to what iommufd does today as may be. So are the numbers and layouts without one in the
/// texts (`Targets/ioasid`).
final class SimulatedIOASIDFile: SimulatedFile {
  private var tables: [SimulatedIOASID?] = [nil]  // number 0 is never used
  private var lowestFreeTable = 1
  private var labels: [Int?] = [nil]  // the bound device of each label
  private var lowestFreeLabel = 1
  private var proofs: [UInt32: Int] = [:]  // how many VMs have a label as a proof
  private var registrations = SimulatedRegistrations()

  override var label: String { "/dev/ioasid" }

  /// Its page tables by ascending number.
  var liveTables: [SimulatedIOASID] { tables.compactMap { $0 } }

  /// How many ranges of memory are registered.
  var registeredRanges: Int { registrations.count }

  override var objectNames: [String] {
    pageTables.map(\.name)
      + repeatElement(SimulatorState.registeredMemory, count: registeredRanges)
  }

  override var pageTables: [SimulatedPageTable] {
    liveTables.map { table in
      SimulatedPageTable(
        object: table, name: "IOASID \(table.id)", enforcesSnoop: table.enforcesSnoop,
        areas: table.areas)
    }
  }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    try Self.operations.answer(command, &argument, of: self, in: kernel)
  }

  /// Adds a device and returns its label, the lowest that is free and that no proof names.
  func bind(_ device: Int) -> UInt32 {
    while lowestFreeLabel < labels.count,
      labels[lowestFreeLabel] != nil || proofs[UInt32(lowestFreeLabel)] != nil
    {
      lowestFreeLabel += 1
    }
    if lowestFreeLabel == labels.count {
      labels.append(device)
    } else {
      labels[lowestFreeLabel] = device
    }
    lowestFreeLabel += 1
    return UInt32(lowestFreeLabel - 1)
  }

  /// Removes a device.
  func unbind(_ label: UInt32) {
    labels[Int(label)] = nil
    lowestFreeLabel = min(lowestFreeLabel, Int(label))
  }

  /// Keeps a label from being given to another device while a VM has it as a proof.
  func holdLabel(_ label: UInt32) { proofs[label, default: 0] += 1 }

  /// Ends that; the label is free again with the last proof, if its device is gone.
  func releaseLabel(_ label: UInt32) {
    let left = proofs[label, default: 1] - 1
    proofs[label] = left > 0 ? left : nil
    if left == 0, labels[Int(label)] == nil { lowestFreeLabel = min(lowestFreeLabel, Int(label)) }
  }

  /// The bound device of a label.
  func device(_ label: UInt32) throws(Errno) -> Int {
    guard Int(label) < labels.count, let device = labels[Int(label)] else { throw .enoent }
    return device
  }

  /// The page table of a number.
  func table(_ id: UInt32) throws(Errno) -> SimulatedIOASID {
    guard Int(id) < tables.count, let table = tables[Int(id)] else { throw .enoent }
    return table
  }

  /// `IOASID_CHECK_EXTENSION`.
  func checkExtension(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) -> Int32 {
    request.number == IOASIDExtension.enforceSnoop ? 1 : 0
  }

  /// `IOASID_ALLOC`: the flag decides the format.
  func allocate(_ request: inout SimulatedRequest<IOASIDAlloc>) throws(Errno) -> Int32 {
    if !request.flags.isSubset(of: .enforceSnoop) { throw .einval }
    while lowestFreeTable < tables.count, tables[lowestFreeTable] != nil { lowestFreeTable += 1 }
    let table = SimulatedIOASID(
      id: UInt32(lowestFreeTable), enforcesSnoop: request.flags.contains(.enforceSnoop))
    if lowestFreeTable == tables.count {
      tables.append(table)
    } else {
      tables[lowestFreeTable] = table
    }
    lowestFreeTable += 1
    return Int32(table.id)
  }

  /// `IOASID_FREE`: refused while attached; mappings go with the table.
  func free(_ request: inout SimulatedRequest<IOASIDName>) throws(Errno) {
    if !request.flags.isEmpty { throw .einval }
    let table = try table(request.ioasid)
    if table.attachedDevices > 0 { throw .ebusy }
    tables[Int(table.id)] = nil
    lowestFreeTable = min(lowestFreeTable, Int(table.id))
  }

  /// `IOASID_GET_INFO`: only once a device is attached.
  func reportTable(_ request: inout SimulatedRequest<IOASIDInfo>) throws(Errno) {
    let table = try table(request.ioasid)
    guard let unit = table.unit else { throw .einval }
    request.flags = table.enforcesSnoop ? .enforceSnoop : []
    request.iovaPgsizes = unit.pageSizeBits
    request.lastIOVA = unit.apertureLast
  }

  /// `IOASID_GET_DEV_INFO`: whether the device's IOMMU can enforce snoop, step 2 of the mail.
  func reportDevice(_ request: inout SimulatedRequest<IOASIDDeviceInfo>) throws(Errno) {
    let unit = try request.kernel.host.unit(of: device(request.deviceLabel))
    request.flags = unit.canEnforceSnoop ? .enforceSnoop : []
    request.iovaPgsizes = unit.pageSizeBits
    request.lastIOVA = unit.apertureLast
  }

  /// `IOASID_MAP_DMA`, with the rules of type1v2.
  func map(_ request: inout SimulatedRequest<IOASIDMapDMA>) throws(Errno) {
    let (flags, source) = (request.flags, request.vaddr)
    let (iova, size) = (request.iova, request.size)
    // A table without devices takes no command, whatever it says.
    let table = try table(request.ioasid)
    guard table.acceptsCommands, let unit = table.unit else { throw .einval }
    if !flags.isSubset(of: [.read, .write]) || flags.isEmpty || size == 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps || source.addingReportingOverflow(size - 1).overflow { throw .eoverflow }
    let page = max(unit.pageBytes, request.kernel.host.kernel.pageBytes)
    if (size | iova | source) & (page - 1) != 0 { throw .einval }
    let range = AddressRange(start: iova, last: last)
    if table.areas.touches(range) { throw .eexist }
    if last > unit.apertureLast || table.reserved.touches(range) { throw .einval }
    let pinned = try pin(AddressRange(start: source, last: source + (size - 1)), request.kernel)
    table.areas.insert(
      SimulatedArea(
        range: range, source: source, isWriteable: flags.contains(.write), pinned: pinned))
  }

  /// What is pinned for a mapping: its own pages, or what is registered, if anything is.
  private func pin(
    _ range: AddressRange, _ kernel: SimulatedKernel
  ) throws(Errno) -> PinnedMemory {
    guard registrations.isEmpty else {
      return try registrations.pinned(range, of: kernel.memory)
    }
    return try PinnedMemory(
      range.start, range.last - range.start + 1, of: kernel.memory, upTo: kernel.lockLimit)
  }

  /// `IOASID_UNMAP_DMA`: sizes must match those of the maps.
  func unmap(_ request: inout SimulatedRequest<IOASIDUnmapDMA>) throws(Errno) {
    let (iova, size) = (request.iova, request.size)
    let table = try table(request.ioasid)
    if !request.flags.isEmpty || size == 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps { throw .eoverflow }
    let range = AddressRange(start: iova, last: last)
    let touched = table.areas.indices(touching: range)
    if !touched.allSatisfy({ range.contains(table.areas.areas[$0].range) }) { throw .einval }
    request.size = table.areas.remove(touched)
  }

  /// `IOASID_REGISTER_MEMORY`: pins and accounts for all page tables of the file.
  func registerMemory(_ request: inout SimulatedRequest<IOASIDMemory>) throws(Errno) {
    let kernel = request.kernel
    try registrations.add(memoryRange(request), of: kernel.memory, upTo: kernel.lockLimit)
  }

  /// `IOASID_UNREGISTER_MEMORY`: refused while any of the range is mapped.
  func unregisterMemory(_ request: inout SimulatedRequest<IOASIDMemory>) throws(Errno) {
    try registrations.remove(memoryRange(request), of: request.kernel.memory) { pinned in
      liveTables.contains { $0.areas.areas.contains { $0.pinned === pinned } }
    }
  }

  private func memoryRange(
    _ request: SimulatedRequest<IOASIDMemory>
  ) throws(Errno) -> AddressRange {
    let (start, size) = (request.vaddr, request.size)
    if !request.flags.isEmpty || size == 0 || (start | size) & 4095 != 0 { throw .einval }
    let (last, wraps) = start.addingReportingOverflow(size - 1)
    if wraps { throw .eoverflow }
    return AddressRange(start: start, last: last)
  }
}

extension SimulatedUnit {
  /// The page sizes as bits; only the smallest matters here.
  fileprivate var pageSizeBits: UInt64 { pageBytes }
}
