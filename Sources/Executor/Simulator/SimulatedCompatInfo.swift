/// What `VFIO_IOMMU_GET_INFO` says on an iommufd (`iommufd/vfio_compat.c`).
extension SimulatedIOMMUFD {
  /// Answers the request.
  ///
  /// Each capability is written as far as the size goes that the caller gave, even if not all of
  /// them fit; the size that takes all is always written back.
  func compatInformation(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkArgsz(16)
    let ioas = try compatSpace()
    let room = Int(argument.u32(0))
    let first = SimulatedType1Info.size
    let second = first + 16  // the first has 12 bytes, and is aligned
    let ranges = ioas.usableRanges
    let needed = second + 16 * (1 + ranges.count)
    if room >= first + 12 {
      try argument.write(
        [UInt8](littleEndian: [(3, 2), (1, 2), (0, 4), (UInt64(UInt32.max), 4)]),
        at: first)
    }
    for (index, range) in ranges.enumerated() where room >= second + 16 * (index + 2) {
      try argument.write(
        [UInt8](littleEndian: [(range.start, 8), (range.last, 8)]),
        at: second + 16 * (index + 1))
    }
    if room >= needed {
      try argument.write(
        [UInt8](littleEndian: [(1, 2), (1, 2), (0, 4), (UInt64(ranges.count), 8)]),
        at: second)
    }
    if room >= second {
      try argument.write([UInt8](littleEndian: [(UInt64(second), 4)]), at: first + 4)
    }
    let start = SimulatedType1Info.start(
      size: needed, hasAll: room >= needed, pageSizes: ioas.pageSizes)
    try argument.write(Array(start.prefix(room)), at: 0)
  }
}
