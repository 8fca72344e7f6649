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
    try mark(touched, in: &bitmap, from: iova, count: length / page)
    request.bitmap = bitmap
  }

  /// Whether what is unmapped can be told of in a bit map, as far as that is known without the
  /// tables.
  static func checkBitmap(of request: SimulatedRequest<DMAUnmap>) throws(Errno) {
    if request.argument.statedSize < DMAUnmapBitmap.size { throw .einval }
    try request.argument.require(DMAUnmapBitmap.size)
    let data = SimulatedRequest<DMAUnmapBitmap>(
      argument: request.argument, kernel: request.kernel)
    try check(data.bitmapSize, for: request.size, of: data.pgsize)
  }

  /// Tells what of mappings is dirty before they are removed (`VFIO_IOMMU_UNMAP_DMA`).
  func report(
    _ chosen: Range<Int>, before request: inout SimulatedRequest<DMAUnmap>
  ) throws(Errno) {
    var data = SimulatedRequest<DMAUnmapBitmap>(
      argument: request.argument, kernel: request.kernel)
    if data.pgsize != smallestPage || !tracksDirtyPages { throw .einval }
    if chosen.isEmpty { return }
    guard var bitmap = data.bitmap else { throw .efault }
    try mark(chosen, in: &bitmap, from: request.iova, count: request.size / smallestPage)
    data.bitmap = bitmap
    request.argument = data.argument
  }

  /// Marks the pages of mappings in a bit map of so many.
  private func mark(
    _ indices: Range<Int>, in bitmap: inout StructureArray<UserByte>, from iova: UInt64,
    count: UInt64
  ) throws(Errno) {
    let page = smallestPage
    for index in indices {
      let found = areas.areas[index].range
      bitmap.set(bits: (found.start - iova) / page...(found.last - iova) / page)
    }
    if !bitmap.holds(Int((count + 7) / 8)) { throw .efault }
  }

  /// Whether a bit map is as long as it must be, and no longer than one can be
  /// (`verify_bitmap_size`).
  static func check(_ size: UInt64, for length: UInt64, of page: UInt64) throws(Errno) {
    let pages = page == 0 ? 0 : length >> UInt64(page.trailingZeroBitCount)
    let least = (pages + 63) / 64 * 8
    if pages == 0 || size < least || size > MigrationCapability.mostUserBytes { throw .einval }
  }
}
