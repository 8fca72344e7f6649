/// A page table of a type1 container.
final class SimulatedDomain {
  /// The class of the units it serves.
  let compatibilityClass: Int
  /// Whether it ignores no-snoop.
  let enforcesSnoop: Bool
  /// The groups on it, in the order they joined.
  var groups: [Int] = []

  /// Makes a table for the groups behind a kind of unit.
  init(compatibilityClass: Int, enforcesSnoop: Bool) {
    self.compatibilityClass = compatibilityClass
    self.enforcesSnoop = enforcesSnoop
  }
}

/// An open `/dev/vfio/vfio` with its type1 driver (`vfio_iommu_type1.c`, section 2.26).
final class SimulatedContainer: SimulatedFile {
  /// The limit of mappings, `dma_entry_limit`.
  var entryLimit = 65535
  /// Its page tables, in the order they were made: one per coherency and unit class.
  private(set) var domains: [SimulatedDomain] = []
  /// What is mapped.
  private(set) var areas = SimulatedAreas()
  private var groups: [Int] = []
  private var version: UInt64?
  private var reserved = ReservedRanges()
  private var apertureLast = UInt64.max
  private var pageSizes = ~UInt64(4095)
  private var pageBytes: UInt64 { max(4096, pageSizes & (~pageSizes &+ 1)) }

  override var label: String { "/dev/vfio/vfio" }

  /// Whether `VFIO_SET_IOMMU` was done.
  var hasDriver: Bool { version != nil }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    switch command {
    case 0x3b64: return 0
    case 0x3b65: return checkExtension(argument.value, kernel.release)
    case 0x3b66:
      try setDriver(argument.value, in: kernel)
      return 0
    default: break
    }
    if !hasDriver { throw .einval }
    switch command {
    case 0x3b70: try info.report(into: &argument, release: kernel.release)
    case 0x3b71: try map(argument, in: kernel)
    case 0x3b72: try unmap(&argument, in: kernel)
    default: throw .enotty
    }
    return 0
  }

  /// `VFIO_CHECK_EXTENSION`: TYPE1, TYPE1v2, UNMAP_ALL, and once there is a driver DMA_CC and
  /// UPDATE_VADDR.
  private func checkExtension(_ number: UInt64, _ release: KernelRelease) -> Int32 {
    switch number {
    case 1, 3, 9: 1
    case 10: hasDriver ? 1 : 0
    case 4: hasDriver && domains.allSatisfy(\.enforcesSnoop) ? 1 : 0
    case 6: release < .v7_3 ? 1 : 0
    default: 0
    }
  }

  /// `VFIO_SET_IOMMU`.
  private func setDriver(_ type: UInt64, in kernel: SimulatedKernel) throws(Errno) {
    if groups.isEmpty || hasDriver { throw .einval }
    // Nesting is known before 7.3, but no IOMMU's driver has it for type1.
    if type == 6, kernel.release < .v7_3 { throw .einval }
    guard type == 1 || type == 3 else { throw .enodev }
    var attached: [Int] = []
    for group in groups {
      do throws(Errno) {
        try attach(group, in: kernel)
        attached.append(group)
      } catch {
        for group in attached.reversed() { detach(group, in: kernel) }
        throw error
      }
    }
    version = type
  }

  /// Takes a group in; with a driver that attaches it at once.
  func join(_ group: Int, in kernel: SimulatedKernel) throws(Errno) {
    if hasDriver { try attach(group, in: kernel) }
    groups.append(group)
  }

  /// Lets a group go; the last one takes the driver and all mappings with it.
  func leave(_ group: Int, in kernel: SimulatedKernel) {
    if hasDriver { detach(group, in: kernel) }
    if let index = groups.lastIndex(of: group) { groups.remove(at: index) }
    guard groups.isEmpty else { return }
    version = nil
    areas = SimulatedAreas()
  }

  /// Finds or makes the page table of a group: same class, same coherency (section 3.6).
  private func attach(_ group: Int, in kernel: SimulatedKernel) throws(Errno) {
    let members = kernel.host.groups[group].members
    guard let device = members.first(where: { kernel.host.devices[$0].unit != nil }) else {
      throw .enodev
    }
    let unit = try kernel.host.unit(of: device)
    let ranges = members.flatMap { kernel.host.devices[$0].reserved }
    if let last = areas.areas.last, last.range.last > unit.apertureLast { throw .einval }
    for range in ranges where areas.touches(range) { throw .einval }
    if !unit.isolatesInterrupts, !kernel.host.kernel.allowUnsafeInterrupts { throw .eperm }
    let enforces = members.allSatisfy { member in
      kernel.host.devices[member].unit.map {
        CoherencyModel.newTableEnforces(kernel.host.units[$0])
      } ?? true
    }
    let domain = domain(compatibilityClass: unit.compatibilityClass, enforcesSnoop: enforces)
    domain.groups.append(group)
    kernel.host.groups[group].domain = domain
    for range in ranges { reserved.add(range) }
    apertureLast = min(apertureLast, unit.apertureLast)
    pageSizes &= unit.pageSizes
  }

  private func domain(compatibilityClass: Int, enforcesSnoop: Bool) -> SimulatedDomain {
    for domain in domains
    where domain.compatibilityClass == compatibilityClass && domain.enforcesSnoop == enforcesSnoop {
      return domain
    }
    let domain = SimulatedDomain(
      compatibilityClass: compatibilityClass, enforcesSnoop: enforcesSnoop)
    domains.append(domain)
    return domain
  }

  private func detach(_ group: Int, in kernel: SimulatedKernel) {
    guard let domain = kernel.host.groups[group].domain else { return }
    kernel.host.groups[group].domain = nil
    if let index = domain.groups.lastIndex(of: group) { domain.groups.remove(at: index) }
    for member in kernel.host.groups[group].members {
      for range in kernel.host.devices[member].reserved { reserved.remove(range) }
    }
    guard domain.groups.isEmpty else { return }
    domains.removeAll { $0 === domain }
    let units = domains.compactMap { domain in
      domain.groups.first.flatMap { kernel.host.groups[$0].members.first }
    }.compactMap { kernel.host.devices[$0].unit }.map { kernel.host.units[$0] }
    apertureLast = units.map(\.apertureLast).min() ?? .max
    pageSizes = units.reduce(~4095) { $0 & $1.pageSizes }
  }

  /// What `VFIO_IOMMU_GET_INFO` says.
  private var info: SimulatedType1Info {
    SimulatedType1Info(
      pageSizes: pageSizes, available: entryLimit - areas.areas.count,
      ranges: reserved.complement(upTo: apertureLast))
  }

  /// `VFIO_IOMMU_MAP_DMA`.
  private func map(_ argument: SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    try argument.checkArgsz(32)
    let flags = argument.u32(4)
    let (source, iova, size) = (argument.u64(8), argument.u64(16), argument.u64(24))
    if flags & ~7 != 0 || size == 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    let overflow: Errno = kernel.release >= .v7_3 ? .eoverflow : .einval
    if wraps || source.addingReportingOverflow(size - 1).overflow { throw overflow }
    let changesAddress = flags & 4 != 0
    if (flags & 3 != 0) == changesAddress { throw .einval }
    if (size | iova | source) & (pageBytes - 1) != 0 { throw .einval }
    let range = AddressRange(start: iova, last: last)
    if changesAddress { return try setSource(of: range, to: source) }
    if areas.touches(range) { throw .eexist }
    if areas.areas.count >= entryLimit { throw .enospc }
    if last > apertureLast || reserved.touches(range) { throw .einval }
    try kernel.memory.pin(source, size)
    areas.insert(SimulatedArea(range: range, source: source, isWriteable: flags & 2 != 0))
  }

  /// `VFIO_DMA_MAP_FLAG_VADDR`: a mapping whose source was taken away gets another one.
  private func setSource(of range: AddressRange, to source: UInt64) throws(Errno) {
    guard let index = areas.indices(touching: range).first else { throw .enoent }
    let area = areas.areas[index]
    if area.hasSource || area.range != range { throw .einval }
    areas.setSource(of: index, to: source)
  }

  /// `VFIO_IOMMU_UNMAP_DMA`: version 2 refuses a range that bisects a mapping and changes nothing.
  private func unmap(_ argument: inout SimulatedArgument, in kernel: SimulatedKernel) throws(Errno)
  {
    try argument.checkArgsz(24)
    let flags = argument.u32(4)
    let (iova, size) = (argument.u64(8), argument.u64(16))
    if flags & ~7 != 0 || flags & 1 != 0 && flags & 6 != 0 { throw .einval }
    if flags & 1 != 0 {  // a bit map of dirty pages, which nobody tracks
      if argument.u32(0) >= 48 { try argument.require(48) }
      throw .einval
    }
    if iova & (pageBytes - 1) != 0 { throw .einval }
    if flags & 2 != 0 {
      if iova != 0 || size != 0 { throw .einval }
      argument.set64(try unmap(0..<areas.areas.count, flags), 16)
      return
    }
    if size == 0 || size & (pageBytes - 1) != 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps { throw kernel.release >= .v7_3 ? .eoverflow : .einval }
    let range = AddressRange(start: iova, last: last)
    var touched = areas.indices(touching: range)
    if version == 1 {
      let isOffset = touched.first.map { areas.areas[$0].range.start < iova } ?? false
      if isOffset { touched = touched.prefix(0) }
    } else if !touched.allSatisfy({ range.contains(areas.areas[$0].range) }) {
      throw .einval
    }
    argument.set64(try unmap(touched, flags), 16)
  }

  /// Removes mappings, or with `VFIO_DMA_UNMAP_FLAG_VADDR` only their sources; how many bytes.
  private func unmap(_ indices: Range<Int>, _ flags: UInt32) throws(Errno) -> UInt64 {
    if flags & 4 == 0 { return areas.remove(indices) }
    for index in indices where !areas.areas[index].hasSource { throw .einval }
    for index in indices { areas.setSource(of: index, to: nil) }
    return indices.reduce(0) { $0 &+ areas.areas[$1].length }
  }
}
