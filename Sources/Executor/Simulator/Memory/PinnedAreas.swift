/// What iommufd and type1 have pinned: each page once for every request that mapped it (§4.6).
extension SimulatedKernel {
  /// How many bytes of memory count against RLIMIT_MEMLOCK by the mappings of open files.
  var pinnedBytes: UInt64 { openFiles.all.reduce(0) { $0 &+ $1.pinnedBytes } }
}

extension SimulatedIOMMUFD {
  private static let pageBytes: UInt64 = 4096

  /// Copies of a mapping share its pages, which count while any page table has them.
  var bytesOfPinnedPages: UInt64 {
    var ranges: [ObjectIdentifier: [AddressRange]] = [:]
    for (_, object) in liveObjects {
      guard case .ioas(let ioas) = object, !ioas.hwpts.isEmpty else { continue }
      for area in ioas.areas.areas {
        guard let pages = area.pages else { continue }
        ranges[ObjectIdentifier(pages), default: []].append(
          AddressRange(
            start: area.source / Self.pageBytes,
            last: (area.source + (area.length - 1)) / Self.pageBytes))
      }
    }
    return ranges.values.reduce(0) { $0 &+ Self.count($1) &* Self.pageBytes }
  }

  /// How many numbers lie in some of the ranges.
  private static func count(_ ranges: [AddressRange]) -> UInt64 {
    var (total, next): (UInt64, UInt64) = (0, 0)
    for range in ranges.sorted() where range.last >= next {
      total += range.last - max(range.start, next) + 1
      next = range.last + 1
    }
    return total
  }
}
