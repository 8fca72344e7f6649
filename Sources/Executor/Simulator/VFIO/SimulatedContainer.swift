import Planner

/// An open `/dev/vfio/vfio` with its type1 driver (`vfio_iommu_type1.c`, §2.26).
final class SimulatedContainer: SimulatedFile {
  /// The limit of mappings, `dma_entry_limit`.
  var entryLimit: Int
  /// Its page tables, in the order they were made: one per coherency and kind of unit.
  private(set) var domains: [SimulatedDomain] = []
  /// What is mapped.
  private(set) var areas = SimulatedAreas()
  /// Whether dirty pages are told of.
  var tracksDirtyPages = false
  private var groups: [Int] = []
  private var driver: VFIOExtension?
  private var reserved = ReservedRanges()
  private var apertureLast = UInt64.max
  /// The sizes that the units of all page tables have, as a bit map.
  private var unitSizes = UInt64.max
  /// The CPUs' page, in bytes.
  private let pageOfCPU: UInt64
  /// What is told: smaller pages than the CPUs' count as one of these
  /// (`vfio_update_pgsize_bitmap`).
  private var pageSizes: UInt64 {
    let small = pageOfCPU - 1
    return unitSizes & small == 0 ? unitSizes : unitSizes & ~small | pageOfCPU
  }
  private var pageBytes: UInt64 { max(pageOfCPU, pageSizes & (~pageSizes &+ 1)) }

  /// Opens one; 65535 mappings are what the module starts with.
  init(entryLimit: Int = 65535, pageBytes: UInt64 = 4096) {
    self.entryLimit = entryLimit
    pageOfCPU = pageBytes
  }

  override var label: String { "/dev/vfio/vfio" }

  override func name(of command: UInt32) -> String? { Self.operations.name(of: command) }

  override var objectNames: [String] { pageTables.map(\.name) }

  override var pageTables: [SimulatedPageTable] {
    domains.enumerated().map { index, domain in
      SimulatedPageTable(
        object: domain, name: "type1 domain \(index + 1)", enforcesSnoop: domain.enforcesSnoop,
        areas: areas)
    }
  }

  /// All that is mapped, while there is a page table.
  override var pinnedBytes: UInt64 { domains.isEmpty ? 0 : areas.byteCount }

  /// Whether its driver is of the second version.
  var isVersion2: Bool { driver == .type1v2 }

  /// The smallest size of a page that is told.
  var smallestPage: UInt64 { pageSizes & (~pageSizes &+ 1) }

  /// Whether `VFIO_SET_IOMMU` was done.
  var hasDriver: Bool { driver != nil }

  /// Whether it has a driver that says DMA_CC.
  var isCoherent: Bool { hasDriver && domains.allSatisfy(\.isCoherent) }

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
    let extensionAsked = VFIOExtension(rawValue: request.number)
    return extensionAsked.map { has($0, by: request.kernel.facts) } ?? false ? 1 : 0
  }

  /// Whether an extension is there (§7.12, §7.33, §7.34).
  private func has(_ asked: VFIOExtension, by facts: SimulatedRelease) -> Bool {
    switch asked {
    case .type1, .type1v2: true
    case .unmapAll: facts.has(.type1UnmapsAll)
    case .updateVADDR:
      facts.has(.type1UnmapsAll) && (hasDriver || !facts.has(.updateNeedsDriver))
    case .dmaCC: isCoherent
    case .nesting: !facts.has(.type1ForgotNesting)
    }
  }

  /// `VFIO_SET_IOMMU`.
  func setDriver(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) {
    let kernel = request.kernel
    let type = VFIOExtension(rawValue: request.number)
    // Whether there may be a driver comes before which one.
    if groups.isEmpty || hasDriver { throw .einval }
    guard let type, has(type, by: kernel.facts) else { throw .enodev }
    if type == .nesting { throw nestingRefusal(in: kernel) }
    // Every extension that is there is a driver's word for itself, but no driver by that.
    guard type == .type1 || type == .type1v2 else { throw .einval }
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

  /// Why type1 does not nest: Intel's driver lacks the hardware, later ones do not know of it
  /// (§7.12, §7.35).
  private func nestingRefusal(in kernel: SimulatedKernel) -> Errno {
    let isIntel = groups.first.map { kernel.host.units(of: $0).first?.isIntel ?? false } ?? false
    return isIntel && !kernel.facts.has(.intelForgotNesting) ? .enodev : .einval
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
    tracksDirtyPages = false
    areas = SimulatedAreas()
  }

  /// Finds or makes the page table of a group (§3.6).
  private func attach(_ group: Int, in kernel: SimulatedKernel) throws(Errno) {
    let units = kernel.host.units(of: group)
    guard let unit = units.first else { throw .enodev }
    try kernel.host.checkDirectRegions(of: group)
    let new = kernel.host.newDomain(for: units, first: unit)
    guard new.takes(units, like: new, by: kernel.facts) else { throw .einval }
    let ranges = kernel.host.reserved(of: group)
    if let last = areas.areas.last, last.range.last > unit.apertureLast { throw .einval }
    for range in ranges where areas.touches(range) { throw .einval }
    if !unit.isolatesInterrupts, !kernel.host.kernel.allowUnsafeInterrupts { throw .eperm }
    let domain = domains.first { $0.takes(units, like: new, by: kernel.facts) } ?? new
    if domain === new { domains.append(new) }
    domain.groups.append(group)
    kernel.host.groups[group].domain = domain
    for range in ranges { reserved.add(range) }
    apertureLast = min(apertureLast, unit.apertureLast)
    unitSizes &= unit.pageSizes
  }

  private func detach(_ group: Int, in kernel: SimulatedKernel) {
    guard let domain = kernel.host.groups[group].domain else { return }
    kernel.host.groups[group].domain = nil
    if let index = domain.groups.lastIndex(of: group) { domain.groups.remove(at: index) }
    for range in kernel.host.reserved(of: group) { reserved.remove(range) }
    guard domain.groups.isEmpty else { return }
    domains.removeAll { $0 === domain }
    let units = domains.flatMap(\.groups).compactMap { kernel.host.units(of: $0).first }
    apertureLast = units.map(\.apertureLast).min() ?? .max
    unitSizes = units.reduce(.max) { $0 & $1.pageSizes }
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
    let facts = request.kernel.facts
    let known: DMAMapFlags =
      facts.has(.type1UnmapsAll) ? [.read, .write, .vaddr] : [.read, .write]
    if !flags.isSubset(of: known) || size == 0 { throw .einval }
    // 6.18 looks at sums before flags and alignment; before that the order shows in no errno.
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps || source.addingReportingOverflow(size - 1).overflow {
      throw overflow(facts)
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
    try request.kernel.memory.pin(source, size, takesDevices: true)
    areas.insert(
      SimulatedArea(
        range: range, source: source, isWriteable: flags.contains(.write),
        pages: SimulatedPages(of: request.kernel.memory)))
  }

  /// What a sum that wraps is called (§7.13).
  private func overflow(_ facts: SimulatedRelease) -> Errno {
    facts.has(.wrapsAreOverflows) ? .eoverflow : .einval
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
    let facts = request.kernel.facts
    try checkUnmapFlags(request)
    if request.iova & (pageBytes - 1) != 0 { throw .einval }
    var chosen: Range<Int>
    if flags.contains(.all) {
      if request.iova != 0 || request.size != 0 { throw .einval }
      chosen = 0..<areas.areas.count
    } else {
      chosen = try areasToUnmap(request)
    }
    // Before 6.0 a process unmaps its own mappings only, and no further than one of another.
    let memory = request.kernel.memory
    let isOwn = { (index: Int) in self.areas.areas[index].pages?.isOf(memory) ?? true }
    if !facts.has(.type1UnmapsOthers) { chosen = chosen.prefix(while: isOwn).indices }
    if flags.contains(.getDirtyBitmap) { try report(chosen, before: &request) }
    // Written back on success only.
    request.size = try unmap(chosen, onlySources: flags.contains(.vaddr))
  }

  /// What the flags may be together, and what else a bit map of dirty pages takes.
  private func checkUnmapFlags(_ request: SimulatedRequest<DMAUnmap>) throws(Errno) {
    let flags = request.flags
    let facts = request.kernel.facts
    var known: DMAUnmapFlags = facts.has(.type1TellsMigration) ? .getDirtyBitmap : []
    if facts.has(.type1UnmapsAll) { known.formUnion([.all, .vaddr]) }
    if !flags.isSubset(of: known) { throw .einval }
    guard flags.contains(.getDirtyBitmap) else { return }
    if !flags.isDisjoint(with: [.all, .vaddr]) { throw .einval }
    try Self.checkBitmap(of: request)
  }

  /// The mappings of a range: version 2 refuses one that bisects a mapping, version 1 takes those
  /// that begin in it.
  private func areasToUnmap(_ request: SimulatedRequest<DMAUnmap>) throws(Errno) -> Range<Int> {
    let (iova, size) = (request.iova, request.size)
    if size == 0 || size & (pageBytes - 1) != 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(size - 1)
    if wraps { throw overflow(request.kernel.facts) }
    let range = AddressRange(start: iova, last: last)
    let touched = areas.indices(touching: range)
    // Up to the last address the sum of both is 0 for older kernels, below which nothing lies.
    if last == .max, !request.kernel.facts.has(.wrapsAreOverflows) {
      let isCut = touched.first.map { areas.areas[$0].range.start < iova } ?? false
      if isCut, driver == .type1v2 { throw .einval }
      return touched.prefix(0)
    }
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
