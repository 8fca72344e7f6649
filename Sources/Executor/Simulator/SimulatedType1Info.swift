/// What `VFIO_IOMMU_GET_INFO` says of a container (`vfio_iommu_type1.c`); an iommufd in a
/// container's place writes the same structure.
struct SimulatedType1Info {
  /// Bytes of the structure without capabilities, padding included.
  static let size = 24

  /// The page sizes that every page table has, as a bit map.
  var pageSizes: UInt64
  /// How many more mappings there may be.
  var available: Int
  /// What may be mapped.
  var ranges: [AddressRange]

  /// Answers the request; what does not fit into the caller's memory is EFAULT.
  ///
  /// 6.1 knows no padding at the end of the structure, and does not align capabilities.
  func report(into argument: inout SimulatedArgument, release: KernelRelease) throws(Errno) {
    try argument.checkArgsz(16)
    let room = Int(argument.u32(0))
    let capabilities = capabilities(isAligned: release > .v6_1)
    let needed = Self.size + capabilities.count
    let known = release == .v6_1 ? (room >= 20 ? 20 : 16) : min(room, Self.size)
    if room >= needed { try argument.write(capabilities, at: Self.size) }
    let start = Self.start(
      size: max(room, needed), hasAll: room >= needed, pageSizes: pageSizes)
    try argument.write(Array(start.prefix(known)), at: 0)
  }

  /// The structure without its capabilities, and whether all of them are behind it.
  static func start(size: Int, hasAll: Bool, pageSizes: UInt64) -> [UInt8] {
    [UInt8](littleEndian: [
      (UInt64(size), 4), (3, 4), (pageSizes, 8), (hasAll ? UInt64(Self.size) : 0, 4), (0, 4),
    ])
  }

  /// Dirty tracking, how many mappings are left, and the ranges, each with its header.
  private func capabilities(isAligned: Bool) -> [UInt8] {
    let smallest = pageSizes & (~pageSizes &+ 1)
    let mostBitmapBytes: UInt64 = 1 << 28  // a bit for each of INT_MAX pages
    let chain: [(id: UInt64, fields: [(value: UInt64, width: Int)])] = [
      (2, [(0, 8), (smallest, 8), (mostBitmapBytes, 8)]),
      (3, [(UInt64(available), isAligned ? 8 : 4)]),
      (1, [(UInt64(ranges.count), 8)] + ranges.flatMap { [($0.start, 8), ($0.last, 8)] }),
    ]
    var bytes: [UInt8] = []
    for (index, capability) in chain.enumerated() {
      let size = 8 + capability.fields.reduce(0) { $0 + $1.width }
      let next = index == chain.count - 1 ? 0 : Self.size + bytes.count + size
      let header: [(value: UInt64, width: Int)] = [(capability.id, 2), (1, 2), (UInt64(next), 4)]
      bytes += [UInt8](littleEndian: header + capability.fields)
    }
    return bytes
  }
}
