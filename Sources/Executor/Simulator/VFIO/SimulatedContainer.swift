import Planner

/// An open `/dev/vfio/vfio` with its type1 driver (`vfio_iommu_type1.c`, §2.26).
final class SimulatedContainer: SimulatedFile {
  /// The limit of mappings, `dma_entry_limit`.
  var entryLimit = 65535
  /// Its page tables, in the order they were made: one per coherency and unit class.
  private(set) var domains: [SimulatedDomain] = []
  /// What is mapped.
  private(set) var areas = SimulatedAreas()
  private var groups: [Int] = []
  private var driver: VFIOExtension?
  private var reserved = ReservedRanges()
  private var apertureLast = UInt64.max
  private var pageSizes = ~UInt64(4095)
  private var pageBytes: UInt64 { max(4096, pageSizes & (~pageSizes &+ 1)) }

  override var label: String { "/dev/vfio/vfio" }

  /// Whether `VFIO_SET_IOMMU` was done.
  var hasDriver: Bool { driver != nil }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    try Self.operations.answer(
      command, &argument, of: self, in: kernel, gate: hasDriver ? nil : .einval)
  }

  /// `VFIO_GET_API_VERSION`.
  func apiVersion(_ request: inout SimulatedRequest<NoArgument>) throws(Errno) -> Int32 {
    vfioAPIVersion
  }

  /// `VFIO_CHECK_EXTENSION`: without a driver what type1 would say of itself, then what it says of
  /// this container, too.
  func checkExtension(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) -> Int32 {
    switch VFIOExtension(rawValue: request.number) {
    case .type1, .type1v2, .unmapAll: 1
    case .updateVADDR: hasDriver ? 1 : 0
    case .dmaCC: hasDriver && domains.allSatisfy(\.enforcesSnoop) ? 1 : 0
    case .nesting: request.kernel.release < .v7_3 ? 1 : 0
    case nil: 0
    }
  }

  /// `VFIO_SET_IOMMU`.
  func setDriver(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) {
    let kernel = request.kernel
    let type = VFIOExtension(rawValue: request.number)
    // Whether there may be a driver comes before which one.
    if groups.isEmpty || hasDriver { throw .einval }
    // Nesting is known before 7.3, but no IOMMU's driver has it for type1.
    if type == .nesting, kernel.release < .v7_3 { throw .einval }
    guard type == .type1 || type == .type1v2 else { throw .enodev }
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
    driver = type
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
    driver = nil
    areas = SimulatedAreas()
  }

  /// Finds or makes the page table of a group: same class, same coherency (§3.6).
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

  /// `VFIO_IOMMU_GET_INFO`.
  func reportInformation(_ request: inout SimulatedRequest<Type1Info>) throws(Errno) {
    let info = SimulatedType1Info(
      pageSizes: pageSizes, available: entryLimit - areas.areas.count,
      ranges: reserved.complement(upTo: apertureLast))
    try info.report(into: &request)
  }

  /// `VFIO_IOMMU_MAP_DMA`.
  func map(_ request: inout SimulatedRequest<DMAMap>) throws(Errno) {
    let (flags, source) = (request.flags, request.vaddr)
    let (iova, size) = (request.iova, request.size)
    if !flags.isSubset(of: [.read, .write, .vaddr]) || size == 0 { throw .einval }
    // 7.3 looks at sums before flags and alignment; before that the order shows in no errno.
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps || source.addingReportingOverflow(size - 1).overflow {
      throw overflow(request.kernel.release)
    }
    let changesAddress = flags.contains(.vaddr)
    let givesAccess = !flags.isDisjoint(with: [.read, .write])
    if givesAccess == changesAddress { throw .einval }
    if (size | iova | source) & (pageBytes - 1) != 0 { throw .einval }
    let range = AddressRange(start: iova, last: last)
    if changesAddress { return try setSource(of: range, to: source) }
    // A mapping that is there comes before what may be mapped at all: EEXIST wins, even at the
    // limit of mappings and in a reserved range.
    if areas.touches(range) { throw .eexist }
    if areas.areas.count >= entryLimit { throw .enospc }
    if last > apertureLast || reserved.touches(range) { throw .einval }
    try request.kernel.memory.pin(source, size)
    areas.insert(SimulatedArea(range: range, source: source, isWriteable: flags.contains(.write)))
  }

  /// What 7.3 calls a sum that wraps.
  private func overflow(_ release: KernelRelease) -> Errno {
    release >= .v7_3 ? .eoverflow : .einval
  }

  /// `VFIO_DMA_MAP_FLAG_VADDR`: a mapping whose source was taken away gets another one.
  private func setSource(of range: AddressRange, to source: UInt64) throws(Errno) {
    guard let index = areas.indices(touching: range).first else { throw .enoent }
    let area = areas.areas[index]
    if area.hasSource || area.range != range { throw .einval }
    areas.setSource(of: index, to: source)
  }

  /// `VFIO_IOMMU_UNMAP_DMA`.
  func unmap(_ request: inout SimulatedRequest<DMAUnmap>) throws(Errno) {
    let flags = request.flags
    try checkUnmapFlags(request)
    if request.iova & (pageBytes - 1) != 0 { throw .einval }
    let chosen: Range<Int>
    if flags.contains(.all) {
      if request.iova != 0 || request.size != 0 { throw .einval }
      chosen = 0..<areas.areas.count
    } else {
      chosen = try areasToUnmap(request)
    }
    // Written back on success only.
    request.size = try unmap(chosen, onlySources: flags.contains(.vaddr))
  }

  /// What the flags may be together; a bit map of dirty pages is read, and then nobody tracks them.
  private func checkUnmapFlags(_ request: SimulatedRequest<DMAUnmap>) throws(Errno) {
    let flags = request.flags
    if !flags.isSubset(of: [.getDirtyBitmap, .all, .vaddr]) { throw .einval }
    guard flags.contains(.getDirtyBitmap) else { return }
    if !flags.isDisjoint(with: [.all, .vaddr]) { throw .einval }
    if request.argument.statedSize >= DMAUnmap.sizeWithBitmap {
      try request.argument.require(DMAUnmap.sizeWithBitmap)
    }
    throw .einval
  }

  /// The mappings of a range: version 2 refuses one that bisects a mapping, version 1 takes those
  /// that begin in it.
  private func areasToUnmap(_ request: SimulatedRequest<DMAUnmap>) throws(Errno) -> Range<Int> {
    let (iova, size) = (request.iova, request.size)
    if size == 0 || size & (pageBytes - 1) != 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps { throw overflow(request.kernel.release) }
    let range = AddressRange(start: iova, last: last)
    let touched = areas.indices(touching: range)
    if driver == .type1 {
      let isOffset = touched.first.map { areas.areas[$0].range.start < iova } ?? false
      return isOffset ? touched.prefix(0) : touched
    }
    // All are looked at before any is removed (`vfio_iommu_type1.c:1478`).
    if !touched.allSatisfy({ range.contains(areas.areas[$0].range) }) { throw .einval }
    return touched
  }

  /// Removes mappings, or with `VFIO_DMA_UNMAP_FLAG_VADDR` only their sources; how many bytes.
  private func unmap(_ indices: Range<Int>, onlySources: Bool) throws(Errno) -> UInt64 {
    if !onlySources { return areas.remove(indices) }
    for index in indices where !areas.areas[index].hasSource { throw .einval }
    for index in indices { areas.setSource(of: index, to: nil) }
    return indices.reduce(0) { $0 &+ areas.areas[$1].length }
  }
}
