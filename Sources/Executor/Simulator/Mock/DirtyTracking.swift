import Planner

/// Dirty pages of a page table: which of its pages a device has written to since they were asked
/// for.
struct DirtyPagesOfTable {
  /// Whether it is tracked at the moment.
  var isOn = false
  /// The size of a page, in bytes.
  var pageBytes: UInt64
  /// The numbers of the pages.
  var pages: Set<UInt64> = []
}

/// The requests about dirty pages (`iommufd/hw_pagetable.c:457`, §2.13, §2.14).
extension SimulatedIOMMUFD {
  /// `IOMMU_HWPT_SET_DIRTY_TRACKING`; switching it on forgets what was dirty before.
  func setDirtyTracking(_ request: inout SimulatedRequest<HWPTDirtyTracking>) throws(Errno) {
    if !request.flags.isSubset(of: .enable) { throw .eopnotsupp }
    guard case .hwpt(let hwpt) = object(request.hwptID) else { throw .enoent }
    guard var dirty = hwpt.dirty else { throw .eopnotsupp }
    let enable = request.flags.contains(.enable)
    if enable, !dirty.isOn { dirty.pages = [] }
    dirty.isOn = enable
    hwpt.dirty = dirty
  }

  /// `IOMMU_HWPT_GET_DIRTY_BITMAP`.
  func getDirtyBitmap(_ request: inout SimulatedRequest<HWPTDirtyBitmap>) throws(Errno) {
    if !request.flags.isSubset(of: .noClear) || request.reserved != 0 { throw .eopnotsupp }
    guard case .hwpt(let hwpt) = object(request.hwptID) else { throw .enoent }
    let (iova, length, page) = (request.iova, request.length, request.pageSize)
    if length == 0 { throw .einval }
    let (last, wraps) = iova.addingReportingOverflow(length - 1)
    if wraps { throw .eoverflow }
    let ends = iova | (last &+ 1)
    if ends & (hwpt.ioas.alignment - 1) != 0 || page == 0 || ends & (page - 1) != 0 {
      throw .einval
    }
    guard var dirty = hwpt.dirty else { throw .eopnotsupp }
    // What cannot be written is not an error any more (§2.14.7).
    guard var bitmap = request.data, dirty.isOn else { return }
    let range = AddressRange(start: iova, last: last)
    for number in dirty.pages where hwpt.ioas.areas.touches(range) {
      let start = number * dirty.pageBytes
      let found = AddressRange(start: start, last: start + (dirty.pageBytes - 1))
      guard found.overlaps(range) else { continue }
      bitmap.set(
        bits: (max(found.start, iova) - iova) / page...(min(found.last, last) - iova) / page)
      if !request.flags.contains(.noClear) { dirty.pages.remove(number) }
    }
    request.data = bitmap
    hwpt.dirty = dirty
  }

  /// Makes pages of a page table dirty, as a device does that writes to them.
  func setDirty(_ request: inout SimulatedRequest<MockDirty>) throws(Errno) {
    let (iova, length, page) = (request.iova, request.length, request.pageSize)
    guard page > 0, length > 0, iova % page == 0, length % page == 0, let bitmap = request.bitmap
    else { throw .einval }
    let most = length / page
    if most > (16 << 20) * 8 { throw .eoverflow }
    guard case .hwpt(let hwpt) = object(request.id) else { throw .enoent }
    guard var dirty = hwpt.dirty, dirty.isOn else { throw .einval }
    if !bitmap.holds(Int((most + 7) / 8)) { throw .efault }
    var count: UInt64 = 0
    for index in 0..<most where bitmap.has(bit: index) {
      dirty.pages.insert((iova + index * page) / dirty.pageBytes)
      count += 1
    }
    hwpt.dirty = dirty
    request.outCount = count
  }
}

extension StructureArray<UserByte> {
  /// Whether a bit is set.
  func has(bit index: UInt64) -> Bool {
    self[Int(index / 8), \.byte] & 1 << UInt8(index % 8) != 0
  }

  /// Sets bits, as far as they can be reached.
  mutating func set(bits: ClosedRange<UInt64>) {
    for index in bits {
      let place = Int(index / 8)
      guard holds(place + 1) else { return }
      self[place, \.byte] |= 1 << UInt8(index % 8)
    }
  }
}
