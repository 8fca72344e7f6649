import Planner

/// The container's requests on an iommufd (`iommufd/vfio_compat.c`, §2.27): what works on a plain
/// `/dev/iommu` once `IOMMU_VFIO_IOAS` has named an address space.
///
/// There is no driver to be set first: the structure and its flags are checked, then whether there
/// is an address space (ENODEV), then the rules are iommufd's.
extension SimulatedIOMMUFD {
  /// `VFIO_GET_API_VERSION`.
  func compatVersion(_ request: inout SimulatedRequest<NoArgument>) throws(Errno) -> Int32 {
    vfioAPIVersion
  }

  /// `VFIO_CHECK_EXTENSION`; explicit page tables count for DMA_CC, too.
  func compatExtension(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) -> Int32 {
    switch VFIOExtension(rawValue: request.number) {
    case .type1, .type1v2, .unmapAll: 1
    case .dmaCC: try compatSpace().hwpts.allSatisfy(\.enforcesSnoop) ? 1 : 0
    case .nesting, .updateVADDR, nil: 0
    }
  }

  /// `VFIO_SET_IOMMU`; version 1 is an address space without huge pages.
  func compatDriver(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) {
    let driver = VFIOExtension(rawValue: request.number)
    guard driver == .type1 || driver == .type1v2 else { throw .einval }
    let ioas = try compatSpace()
    if driver == .type1 { try ioas.forbidHugePages() }
  }

  /// The address space that `IOMMU_VFIO_IOAS` named, while there is one.
  func compatSpace() throws(Errno) -> SimulatedIOAS {
    guard let compatIOAS else { throw .enodev }
    return try ioas(compatIOAS)
  }

  /// `VFIO_IOMMU_MAP_DMA`; a mapping that may neither be read nor written is accepted.
  func compatMap(_ request: inout SimulatedRequest<DMAMap>) throws(Errno) {
    let flags = request.flags
    if !flags.isSubset(of: [.read, .write]) { throw .einval }
    let (source, size) = (request.vaddr, request.size)
    let ioas = try compatSpace()
    try checkMemory(source, size)
    _ = try ioas.map(
      source, length: size, at: request.iova, writeable: flags.contains(.write),
      accessible: !flags.isEmpty, of: SimulatedPages(of: request.kernel.memory))
  }

  /// `VFIO_IOMMU_UNMAP_DMA`.
  func compatUnmap(_ request: inout SimulatedRequest<DMAUnmap>) throws(Errno) {
    let (flags, iova, size) = (request.flags, request.iova, request.size)
    if !flags.isSubset(of: .all) { throw .einval }
    let ioas = try compatSpace()
    if flags.contains(.all) {
      if iova != 0 || size != 0 { throw .einval }
      request.size = try ioas.unmap(.everything)
      return
    }
    let (last, wraps) = iova.addingReportingOverflow(size &- 1)
    // Version 1: mappings may be taken apart. They are cut before the range is checked.
    if !ioas.usesHugePages {
      try ioas.cut(behind: last)
      if iova != 0 { try ioas.cut(behind: iova - 1) }
    }
    // The number of bytes is written back on failures, too, from here on.
    request.size = 0
    if size == 0 { throw .einval }
    if wraps { throw .eoverflow }
    let (bytes, isWhole) = ioas.unmapWhole(AddressRange(start: iova, last: last))
    request.size = bytes
    if !isWhole || bytes == 0 && !facts.has(.compatUnmapsNothing) { throw .enoent }
  }
}
