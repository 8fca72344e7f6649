import Planner

/// What `VFIO_IOMMU_GET_INFO` says on an iommufd (`iommufd/vfio_compat.c`, §2.27).
extension SimulatedIOMMUFD {
  /// Answers the request.
  ///
  /// Each capability is written as far as the size goes that the caller gave, even if not all of
  /// them fit; the size that takes all is always written back.
  func compatInformation(_ request: inout SimulatedRequest<Type1Info>) throws(Errno) {
    let ioas = try compatSpace()
    let room = request.argument.statedSize
    let first = Type1Info.size
    let second = first + DMAAvailableCapability.size.alignedCapability
    let ranges = ioas.usableRanges
    let needed = second + IOVARangeCapability.size + ranges.count * IOVARange.size
    var available = Structure<DMAAvailableCapability>.capability()
    available.avail = .max
    if room >= first + DMAAvailableCapability.size {
      try request.argument.write(available.bytes, at: first)
    }
    for (index, range) in ranges.enumerated() {
      let place = second + IOVARangeCapability.size + index * IOVARange.size
      guard room >= place + IOVARange.size else { break }
      try request.argument.write(Structure(range).bytes, at: place)
    }
    if room >= needed {
      try request.argument.write(SimulatedType1Info.capability(of: ranges).bytes, at: second)
    }
    // A capability is linked once there is room for what follows it, which comes last.
    if room >= second {
      available.next = UInt32(second)
      try request.argument.write(available.bytes, at: first)
    }
    let start = SimulatedType1Info.start(
      size: needed, hasAll: room >= needed, pageSizes: ioas.pageSizes)
    try request.argument.write(start.bytes.prefix(room), at: 0)
  }
}
