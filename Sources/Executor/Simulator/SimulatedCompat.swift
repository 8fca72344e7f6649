/// The container's requests on an iommufd (`iommufd/vfio_compat.c`, section 2.27): what works on a
/// plain `/dev/iommu` once `IOMMU_VFIO_IOAS` has named an address space.
extension SimulatedIOMMUFD {
  /// Answers one of them.
  func compatIoctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    switch command {
    case 0x3b64: return 0
    case 0x3b65: return try compatExtension(argument.value)
    case 0x3b66:
      if argument.value != 1, argument.value != 3 { throw .einval }
      let ioas = try compatSpace()
      if argument.value == 1 { try ioas.forbidHugePages() }
    case 0x3b70: try compatInformation(&argument)
    case 0x3b71: try compatMap(argument, in: kernel)
    case 0x3b72: try compatUnmap(&argument)
    default: throw .enotty
    }
    return 0
  }

  /// The address space that `IOMMU_VFIO_IOAS` named, while there is one.
  func compatSpace() throws(Errno) -> SimulatedIOAS {
    guard let compatIOAS else { throw .enodev }
    return try ioas(compatIOAS)
  }

  private func compatExtension(_ number: UInt64) throws(Errno) -> Int32 {
    switch number {
    case 1, 3, 9: 1
    case 4: try compatSpace().hwpts.allSatisfy(\.enforcesSnoop) ? 1 : 0
    default: 0
    }
  }

  private func compatMap(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.checkArgsz(32)
    if argument.u32(4) & ~3 != 0 { throw .einval }
    let (source, iova, size) = (argument.u64(8), argument.u64(16), argument.u64(24))
    let ioas = try compatSpace()
    try checkMemory(source, size)
    _ = try ioas.map(
      source, length: size, at: iova, writeable: argument.u32(4) & 2 != 0,
      accessible: argument.u32(4) & 3 != 0,
      of: SimulatedPages(of: kernel.memory))
  }

  private func compatUnmap(_ argument: inout SimulatedArgument) throws(Errno) {
    try argument.checkArgsz(24)
    let flags = argument.u32(4)
    let (iova, size) = (argument.u64(8), argument.u64(16))
    if flags & ~2 != 0 { throw .einval }
    let ioas = try compatSpace()
    if flags & 2 != 0 {
      if iova != 0 || size != 0 { throw .einval }
      argument.set64(try ioas.unmap(.everything), 16)
      return
    }
    let (last, wraps) = iova.addingReportingOverflow(size &- 1)
    if !ioas.usesHugePages {  // version 1: mappings may be taken apart
      try ioas.cut(behind: last)
      if iova != 0 { try ioas.cut(behind: iova - 1) }
    }
    argument.set64(0, 16)  // written back on failures, too
    if size == 0 { throw .einval }
    if wraps { throw .eoverflow }
    let (bytes, isWhole) = ioas.unmapWhole(AddressRange(start: iova, last: last))
    argument.set64(bytes, 16)
    if !isWhole { throw .enoent }
  }
}
