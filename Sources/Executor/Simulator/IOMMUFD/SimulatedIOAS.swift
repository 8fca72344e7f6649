import Planner

/// An I/O address space of an iommufd: one IOVA map that fills all its hardware page tables.
///
/// Rules of placement are those of `iommufd/io_pagetable.c` (§2.5).
final class SimulatedIOAS {
  /// Its id in the context.
  var id: UInt32 = 0
  /// Whether IOMMU huge pages may be used.
  private(set) var usesHugePages = true
  /// What is mapped.
  private(set) var areas = SimulatedAreas()
  /// Ranges the attached devices reserve.
  private(set) var reserved = ReservedRanges()
  /// The allow list, ascending; empty means everything.
  private(set) var allowed: [AddressRange] = []
  /// Its hardware page tables in the order they were made.
  private(set) var hwpts: [SimulatedHWPT] = []
  private var aperture = AddressRange.everything
  private var accesses: [SimulatedAccess] = []
  private let facts: SimulatedRelease

  /// The alignment of addresses: 1, or a page without huge pages, or more by the page tables.
  private(set) var alignment: UInt64 = 1

  /// Makes one of a kernel that does so.
  init(by facts: SimulatedRelease) { self.facts = facts }

  /// The ranges that may be mapped as far as hardware goes.
  var usableRanges: [AddressRange] {
    reserved.complement(upTo: aperture.last).filter { $0.last >= aperture.start }.map {
      AddressRange(start: max($0.start, aperture.start), last: $0.last)
    }
  }

  /// The page sizes that all its page tables have, as a bit map, none below 4 KiB.
  var pageSizes: UInt64 {
    let common = hwpts.reduce(UInt64.max) { $0 & $1.unit.pageSizes }
    return max(common & 4095 == 0 ? common : common & ~4095 | 4096, alignment)
  }

  /// Adds a page table: checks alignment and aperture, then pins and maps what is there (§2.11.13
  /// to §2.11.16).
  func addHWPT(_ hwpt: SimulatedHWPT) throws(Errno) {
    let unit = hwpt.unit
    if unit.isTooCoarse { throw .einval }
    // What is mapped has to suit the table before any of it is pinned: the first mapping that does
    // not fit is found even if the memory of an earlier one is gone.
    let mask = max(alignment, unit.pageBytes) - 1
    for area in areas.areas
    where (area.range.start | area.length | area.source) & mask != 0
      || area.range.last > hwpt.apertureLast || area.range.start < hwpt.apertureFirst
    {
      throw .eaddrinuse
    }
    if let last = allowed.last?.last, last > hwpt.apertureLast { throw .eaddrinuse }
    if let first = allowed.first?.start, first < hwpt.apertureFirst { throw .eaddrinuse }
    for area in areas.areas {
      if hwpts.isEmpty { try area.pages?.pin(area.source, area.length) }
      if !area.isAccessible, hwpt.refusesNoAccess { throw .einval }
    }
    hwpts.append(hwpt)
    if let last = areas.areas.last?.range.last { hwpt.note(last) }
    recalculate()
  }

  /// Removes a page table; the mappings stay.
  func removeHWPT(_ hwpt: SimulatedHWPT) {
    if let index = hwpts.lastIndex(where: { $0 === hwpt }) { hwpts.remove(at: index) }
    recalculate()
  }

  /// Forgets mappings and page tables when its context goes, which point back to it.
  func clear() {
    areas = SimulatedAreas()
    hwpts = []
  }

  private func recalculate() {
    alignment = max(
      usesHugePages ? 1 : 4096, hwpts.map(\.unit.pageBytes).max() ?? 1,
      accesses.map(\.alignment).max() ?? 1)
    aperture = AddressRange(
      start: hwpts.map(\.apertureFirst).max() ?? 0, last: hwpts.map(\.apertureLast).min() ?? .max)
  }

  /// Whether somebody in the kernel uses it.
  var hasAccesses: Bool { !accesses.isEmpty }

  /// Adds somebody in the kernel: EADDRINUSE if mappings are not aligned as is wanted.
  func add(_ access: SimulatedAccess) throws(Errno) {
    let mask = max(alignment, access.alignment) - 1
    for area in areas.areas where (area.range.start | area.length | area.source) & mask != 0 {
      throw .eaddrinuse
    }
    accesses.append(access)
    recalculate()
  }

  /// Removes somebody.
  func remove(_ access: SimulatedAccess) {
    accesses.removeAll { $0 === access }
    recalculate()
  }

  /// Reserves the ranges of a device that is attached; EADDRINUSE if one is mapped or allowed.
  func reserve(_ ranges: [AddressRange]) throws(Errno) {
    for range in ranges
    where areas.touches(range) || allowed.contains(where: { $0.overlaps(range) }) {
      throw .eaddrinuse
    }
    for range in ranges { reserved.add(range) }
  }

  /// Gives the ranges of a device back.
  func unreserve(_ ranges: [AddressRange]) {
    for range in ranges { reserved.remove(range) }
  }

  /// Sets the allow list (§2.4.4), of ranges that do not overlap; the old one stays on a failure.
  func allow(_ ranges: [AddressRange]) throws(Errno) {
    for range in ranges where isReserved(range) { throw .eaddrinuse }
    allowed = ranges.sorted()
  }

  /// `IOMMU_OPTION_HUGE_PAGES` set to 1.
  func allowHugePages() {
    usesHugePages = true
    recalculate()
  }

  /// `IOMMU_OPTION_HUGE_PAGES` set to 0: from then on mappings are whole pages.
  func forbidHugePages() throws(Errno) {
    if !usesHugePages { return }
    if !hwpts.isEmpty, !areas.isEmpty { throw .einval }
    for area in areas.areas where (area.range.start | area.length | area.source) & 4095 != 0 {
      throw .eaddrinuse
    }
    usesHugePages = false
    recalculate()
  }

  /// Cuts the mapping that holds an address, behind it (`io_pagetable.c`, `iopt_area_split`).
  func cut(behind address: UInt64) throws(Errno) {
    let index = areas.firstIndex(endingAtOrAfter: address)
    guard index < areas.areas.count else { return }
    let area = areas.areas[index]
    if area.range.start >= address || area.range.last == address { return }
    var (left, right) = (area, area)
    right.range.start = address + 1
    right.source = area.source &+ (address + 1 - area.range.start)
    if (right.range.start | right.source) & (alignment - 1) != 0 { throw .einval }
    left.range.last = address
    _ = areas.remove(index..<(index + 1))
    insert([left, right])
  }

  /// Maps memory at an address, or at a free one if `fixed` is `nil`; returns where (§2.5).
  func map(
    _ source: UInt64, length: UInt64, at fixed: UInt64?, writeable: Bool, accessible: Bool = true,
    of pages: SimulatedPages
  ) throws(Errno) -> UInt64 {
    // The place comes before the memory: where it is taken, even what cannot be pinned is EEXIST.
    let start = try place(source, length: length, at: fixed)
    if source & (alignment - 1) != 0 { throw .einval }
    // Without a page table nobody looks at the addresses: the first one finds them wrong (§2.6).
    if !hwpts.isEmpty { try pages.pin(source, length) }
    if !accessible, hwpts.contains(where: \.refusesNoAccess) { throw .einval }
    if hwpts.contains(where: { !$0.reaches(start + (length - 1)) }) { throw .efault }
    insert([
      SimulatedArea(
        range: AddressRange(start: start, last: start + (length - 1)), source: source,
        isWriteable: writeable, isAccessible: accessible, pages: pages)
    ])
    return start
  }

  /// Finds or checks the address of a mapping (§2.5.P1 to §2.5.P3d).
  func place(_ source: UInt64, length: UInt64, at fixed: UInt64?) throws(Errno) -> UInt64 {
    if length & (alignment - 1) != 0 { throw .einval }
    guard let fixed else { return try findPlace(source, length: length) }
    if fixed & (alignment - 1) != 0 { throw .einval }
    let (last, overflow) = fixed.addingReportingOverflow(length - 1)
    if overflow { throw .eoverflow }
    let range = AddressRange(start: fixed, last: last)
    if isReserved(range) { throw .einval }
    if areas.touches(range) { throw .eexist }
    return fixed
  }

  /// The automatic choice of an address (`io_pagetable.c:75`, §2.5), lowest first.
  private func findPlace(_ source: UInt64, length: UInt64) throws(Errno) -> UInt64 {
    if length >= 1 << 63 { throw .eoverflow }
    var align = length.nonzeroBitCount == 1 ? length : 1 << (64 - length.leadingZeroBitCount)
    if source != 0 { align = min(align, source & (~source &+ 1)) }
    if facts.has(.alignmentEnds) { align = min(align, 2 << 20) }
    if align < alignment { throw .einval }
    let pageOffset = source & 4095
    // Neither the first page nor the last one is ever chosen.
    let space = AddressRange(start: 4096, last: .max - 4096)
    for range in allowedSpans {
      let clipped = AddressRange(
        start: max(range.start, space.start), last: min(range.last, space.last))
      guard let outer = fit(clipped, align, pageOffset, length) else { continue }
      for hole in holes(in: outer) {
        if let fit = fit(hole, align, pageOffset, length) { return fit.start }
      }
    }
    throw .enospc
  }

  /// Where addresses may be chosen; ranges that meet are one (`lib/interval_tree.c`, spans).
  private var allowedSpans: [AddressRange] {
    if allowed.isEmpty { return [.everything] }
    return allowed.reduce(into: []) { spans, range in
      if let last = spans.last?.last, last &+ 1 == range.start {
        spans[spans.count - 1].last = range.last
      } else {
        spans.append(range)
      }
    }
  }

  /// The aligned part of a range that is long enough; older kernels let the sum wrap, and take a
  /// range of one byte (§7.39).
  private func fit(
    _ range: AddressRange, _ align: UInt64, _ pageOffset: UInt64, _ length: UInt64
  ) -> AddressRange? {
    let (padded, overflow) = range.start.addingReportingOverflow(align - 1)
    let start = (padded & ~(align - 1)) | pageOffset
    let isLarge = facts.has(.holesAreLarge)
    if isLarge ? overflow || start == range.last : range.last - range.start < length - 1 {
      return nil
    }
    guard start <= range.last, range.last - start >= length - 1 else { return nil }
    return AddressRange(start: start, last: range.last)
  }

  private func holes(in range: AddressRange) -> [AddressRange] {
    var taken = reserved
    for area in areas.areas { taken.add(area.range) }
    return taken.complement(upTo: aperture.last).filter {
      $0.overlaps(range) && $0.last >= aperture.start
    }.map {
      AddressRange(
        start: max($0.start, range.start, aperture.start), last: min($0.last, range.last))
    }
  }

  private func isReserved(_ range: AddressRange) -> Bool {
    !aperture.contains(range) || reserved.touches(range)
  }

  /// Unmaps every area inside a range (§2.9.6); ENOENT at the first one that is only partly inside,
  /// with those before it gone already.
  func unmap(_ range: AddressRange) throws(Errno) -> UInt64 {
    let (bytes, isWhole) = unmapWhole(range)
    if !isWhole { throw .enoent }
    return bytes
  }

  /// The same; how many bytes went, and whether all of the range could.
  func unmapWhole(_ range: AddressRange) -> (bytes: UInt64, isWhole: Bool) {
    let touched = areas.indices(touching: range)
    let whole = touched.prefix { range.contains(areas.areas[$0].range) }
    for access in accesses { for index in whole { access.letGo(of: areas.areas[index].range) } }
    let bytes = areas.remove(whole.startIndex..<whole.endIndex)
    return (bytes, whole.count == touched.count)
  }

  /// The pieces of this map that make up a range, as areas that could be mapped elsewhere; ENOENT
  /// if a byte of it is not mapped.
  func pieces(of range: AddressRange) throws(Errno) -> [SimulatedArea] {
    var pieces: [SimulatedArea] = []
    var next = range.start
    for index in areas.indices(touching: range) {
      var piece = areas.areas[index]
      if piece.range.start > next { throw .enoent }
      piece.source = piece.source &+ (next - piece.range.start)
      piece.range = AddressRange(start: next, last: min(piece.range.last, range.last))
      pieces.append(piece)
      if piece.range.last == range.last { return pieces }
      next = piece.range.last + 1
    }
    throw .enoent
  }

  /// Checks that a piece of another map may be mapped here (§2.5.P4 to §2.5.P6).
  func admit(_ piece: SimulatedArea, writeable: Bool) throws(Errno) {
    // What counts is how the memory was first mapped, not how the process has it.
    if writeable, !piece.isWriteable { throw .eperm }
    if piece.source & (alignment - 1) != 0 { throw .einval }
    if !hwpts.isEmpty { try piece.pages?.pin(piece.source, piece.length) }
    if !piece.isAccessible, hwpts.contains(where: \.refusesNoAccess) { throw .einval }
    if hwpts.contains(where: { !$0.reaches(piece.range.last) }) { throw .efault }
  }

  /// Adds areas whose place was checked.
  func insert(_ pieces: [SimulatedArea]) {
    for piece in pieces {
      areas.insert(piece)
      for hwpt in hwpts { hwpt.note(piece.range.last) }
      piece.pages?.add(self)
    }
  }
}
