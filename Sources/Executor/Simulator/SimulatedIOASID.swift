/// A page table of the 2021 proposal: one address space in one format.
final class SimulatedIOASID {
  /// Its number.
  let id: UInt32
  /// Whether it ignores no-snoop, as the flag of `IOASID_ALLOC` says.
  let enforcesSnoop: Bool
  /// What is mapped.
  var areas = SimulatedAreas()
  /// Ranges the attached devices reserve.
  var reserved = ReservedRanges()
  /// The unit of the first attached device; what is attached later must be compatible with it.
  var unit: SimulatedUnit?
  /// How many devices are attached.
  var attachedDevices = 0
  /// How many devices of the attached groups are bound to the same ioasid fd.
  var expectedDevices = 0

  /// Makes an empty table.
  init(id: UInt32, enforcesSnoop: Bool) {
    self.id = id
    self.enforcesSnoop = enforcesSnoop
  }

  /// Whether it takes commands: something is attached, and every group as a whole.
  var acceptsCommands: Bool { attachedDevices > 0 && attachedDevices == expectedDevices }

  /// Whether it takes the devices behind a unit: any may join a table that does not enforce.
  func admits(_ unit: SimulatedUnit) -> Bool {
    if let present = self.unit, present.compatibilityClass != unit.compatibilityClass {
      return false
    }
    return CoherencyModel.admits(unit, tableEnforces: enforcesSnoop, isIntelFirstStage: false)
  }
}

/// An open `/dev/ioasid` of the proposal of 2021.
///
/// The three texts of the proposal leave open which errno a refusal gives; those here are ours, as
/// close to what iommufd does today as may be. So are the numbers and layouts without one in the
/// texts (`Planner/UAPI/IOASIDRequests.swift`).
final class SimulatedIOASIDFile: SimulatedFile {
  private var tables: [SimulatedIOASID?] = [nil]  // number 0 is never used
  private var lowestFreeTable = 1
  private var labels: [Int?] = [nil]  // the bound device of each label
  private var lowestFreeLabel = 1
  private var registeredMemory: Set<AddressRange> = []

  override var label: String { "/dev/ioasid" }

  /// Its page tables by ascending number.
  var liveTables: [SimulatedIOASID] { tables.compactMap { $0 } }

  /// How many ranges of memory are registered.
  var registeredRanges: Int { registeredMemory.count }

  /// Whether a request on a device file belongs to the proposal.
  static func isDeviceRequest(_ command: UInt32) -> Bool { (0x3b7a...0x3b7d).contains(command) }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    switch command {
    case 0x3bc0: return argument.value == 1 ? 1 : 0
    case 0x3bc1: try registerMemory(argument, in: kernel)
    case 0x3bc2: try unregisterMemory(argument)
    case 0x3bc3: return try allocate(argument)
    case 0x3bc4: try free(argument)
    case 0x3bc5: try reportTable(&argument)
    case 0x3bc6: try map(argument, in: kernel)
    case 0x3bc7: try unmap(&argument)
    case 0x3bce: try reportDevice(&argument, in: kernel)
    default: throw .enotty
    }
    return 0
  }

  /// Adds a device and returns its label, the lowest that is free.
  func bind(_ device: Int) -> UInt32 {
    while lowestFreeLabel < labels.count, labels[lowestFreeLabel] != nil { lowestFreeLabel += 1 }
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

  /// `IOASID_ALLOC`: the flag decides the format.
  private func allocate(_ argument: SimulatedArgument) throws(Errno) -> Int32 {
    try argument.checkArgsz(8)
    let flags = argument.u32(4)
    if flags & ~1 != 0 { throw .einval }
    while lowestFreeTable < tables.count, tables[lowestFreeTable] != nil { lowestFreeTable += 1 }
    let table = SimulatedIOASID(id: UInt32(lowestFreeTable), enforcesSnoop: flags & 1 != 0)
    if lowestFreeTable == tables.count {
      tables.append(table)
    } else {
      tables[lowestFreeTable] = table
    }
    lowestFreeTable += 1
    return Int32(table.id)
  }

  /// `IOASID_FREE`: refused while attached; mappings go with the table.
  private func free(_ argument: SimulatedArgument) throws(Errno) {
    let table = try table(of: argument)
    if table.attachedDevices > 0 { throw .ebusy }
    tables[Int(table.id)] = nil
    lowestFreeTable = min(lowestFreeTable, Int(table.id))
  }

  /// The table named by a structure of size, flags and number.
  private func table(of argument: SimulatedArgument) throws(Errno) -> SimulatedIOASID {
    try argument.checkArgsz(12)
    if argument.u32(4) != 0 { throw .einval }
    return try table(argument.u32(8))
  }

  /// `IOASID_GET_INFO`: only once a device is attached.
  private func reportTable(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkArgsz(32)
    let table = try table(argument.u32(8))
    guard let unit = table.unit else { throw .einval }
    argument.set32(table.enforcesSnoop ? 1 : 0, 4)
    argument.set64(unit.pageSizeBits, 16)
    argument.set64(unit.apertureLast, 24)
  }

  /// `IOASID_GET_DEV_INFO`: whether the device's IOMMU can enforce snoop, step 2 of the mail.
  private func reportDevice(
    _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.checkArgsz(32)
    let unit = try kernel.host.unit(of: device(argument.u32(4)))
    argument.set32(unit.canEnforceSnoop ? 1 : 0, 8)
    argument.set64(unit.pageSizeBits, 16)
    argument.set64(unit.apertureLast, 24)
  }

  /// `IOASID_MAP_DMA`, with the rules of type1v2.
  private func map(_ argument: SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    try argument.checkArgsz(40)
    let flags = argument.u32(4)
    let (source, iova, size) = (argument.u64(16), argument.u64(24), argument.u64(32))
    let table = try table(argument.u32(8))
    guard table.acceptsCommands, let unit = table.unit else { throw .einval }
    if flags & ~3 != 0 || flags == 0 || size == 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps || source.addingReportingOverflow(size - 1).overflow { throw .eoverflow }
    if (size | iova | source) & (unit.pageBytes - 1) != 0 { throw .einval }
    let range = AddressRange(start: iova, last: last)
    if table.areas.touches(range) { throw .eexist }
    if last > unit.apertureLast || table.reserved.touches(range) { throw .einval }
    try kernel.memory.pin(source, size)
    table.areas.insert(SimulatedArea(range: range, source: source, isWriteable: flags & 2 != 0))
  }

  /// `IOASID_UNMAP_DMA`: sizes must match those of the maps.
  private func unmap(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkArgsz(32)
    let (iova, size) = (argument.u64(16), argument.u64(24))
    let table = try table(argument.u32(8))
    if argument.u32(4) != 0 || size == 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps { throw .eoverflow }
    let range = AddressRange(start: iova, last: last)
    let touched = table.areas.indices(touching: range)
    if !touched.allSatisfy({ range.contains(table.areas.areas[$0].range) }) { throw .einval }
    argument.set64(table.areas.remove(touched), 24)
  }

  /// `IOASID_REGISTER_MEMORY`.
  private func registerMemory(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    let range = try memoryRange(argument)
    try kernel.memory.pin(range.start, range.last - range.start + 1)
    if !registeredMemory.insert(range).inserted { throw .eexist }
  }

  /// `IOASID_UNREGISTER_MEMORY`.
  private func unregisterMemory(_ argument: SimulatedArgument) throws(Errno) {
    if try registeredMemory.remove(memoryRange(argument)) == nil { throw .enoent }
  }

  private func memoryRange(_ argument: SimulatedArgument) throws(Errno) -> AddressRange {
    try argument.checkArgsz(24)
    let (start, size) = (argument.u64(8), argument.u64(16))
    if argument.u32(4) != 0 || size == 0 || size == .max { throw .einval }
    let (last, wraps) = start.addingReportingOverflow(size - 1)
    if wraps || start == 0 && last == .max { throw .eoverflow }
    return AddressRange(start: start, last: last)
  }
}

extension SimulatedUnit {
  /// The page sizes as bits; only the smallest matters here.
  fileprivate var pageSizeBits: UInt64 { pageBytes }
}
