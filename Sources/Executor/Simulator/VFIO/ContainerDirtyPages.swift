import Planner

/// Dirty pages of a container (`vfio_iommu_type1.c:2967`, §2.26).
///
/// No device here says what it has written to, so everything that is mapped counts as dirty.
extension SimulatedContainer {
  /// `VFIO_IOMMU_DIRTY_PAGES`: version 2 only, and one thing at a time.
  func dirtyPages(_ request: inout SimulatedRequest<DirtyPages>) throws(Errno) {
    if !isVersion2 { throw .eacces }
    try request.argument.require(DirtyPages.sizeWithoutRange)
    if request.argument.statedSize < DirtyPages.sizeWithoutRange { throw .einval }
    switch request.flags {
    case .start: tracksDirtyPages = true
    case .stop: tracksDirtyPages = false
    case .getBitmap: try reportDirtyPages(&request)
    default: throw .einval
    }
  }

  private func reportDirtyPages(_ request: inout SimulatedRequest<DirtyPages>) throws(Errno) {
    if request.argument.statedSize < DirtyPages.size { throw .einval }
    try request.argument.require(DirtyPages.size)
    let (iova, length) = (request.iova, request.length)
    if length == 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(length - 1)
    if wraps { throw request.kernel.facts.has(.wrapsAreOverflows) ? .eoverflow : .einval }
    let page = smallestPage
    try Self.check(request.bitmapSize, for: length, of: request.pgsize)
    if request.pgsize != page || (iova | length) & (page - 1) != 0 || !tracksDirtyPages {
      throw .einval
    }
    let range = AddressRange(start: iova, last: last)
    let touched = areas.indices(touching: range)
    // What is mapped has to be asked about as a whole.
    guard touched.allSatisfy({ range.contains(areas.areas[$0].range) }) else { throw .einval }
    if touched.isEmpty { return }
    guard var bitmap = request.bitmap else { throw .efault }
    for index in touched {
      let found = areas.areas[index].range
      bitmap.set(bits: (found.start - iova) / page...(found.last - iova) / page)
    }
    request.bitmap = bitmap
    if !bitmap.holds(Int((length / page + 7) / 8)) { throw .efault }
  }

  /// Whether a bit map is as long as it must be, and no longer than one can be
  /// (`verify_bitmap_size`).
  static func check(_ size: UInt64, for length: UInt64, of page: UInt64) throws(Errno) {
    let pages = page == 0 ? 0 : length >> UInt64(page.trailingZeroBitCount)
    let least = (pages + 63) / 64 * 8
    if pages == 0 || size < least || size > MigrationCapability.mostUserBytes { throw .einval }
  }
}
