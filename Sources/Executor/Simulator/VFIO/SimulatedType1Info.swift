import Planner

/// What `VFIO_IOMMU_GET_INFO` says of a container (`vfio_iommu_type1.c`); an iommufd in a
/// container's place writes the same structure.
struct SimulatedType1Info {
  /// The page sizes that every page table has, as a bit map.
  var pageSizes: UInt64
  /// How many more mappings there may be.
  var available: Int
  /// What may be mapped.
  var ranges: [AddressRange]

  /// Answers the request; what does not fit into the caller's memory is EFAULT.
  ///
  /// Before 6.6 there is no padding at the end of the structure, and capabilities are not aligned.
  func report(into request: inout SimulatedRequest<Type1Info>) throws(Errno) {
    let facts = request.kernel.facts
    let isOld = !facts.has(.type1AlignsInfo)
    let room = request.argument.statedSize
    let capabilities = capabilities(by: facts)
    let needed = Type1Info.size + capabilities.count
    // Capabilities come before the structure, so that it is only written when they are there.
    if room >= needed { try request.argument.write(capabilities, at: Type1Info.size) }
    let start = Self.start(size: max(room, needed), hasAll: room >= needed, pageSizes: pageSizes)
    let known = isOld ? Self.knownBefore6_6(room) : min(room, Type1Info.size)
    try request.argument.write(start.bytes.prefix(known), at: 0)
  }

  /// How much older kernels write: the offset of the capabilities as a whole or not at all.
  private static func knownBefore6_6(_ room: Int) -> Int {
    room >= Type1Info.sizeWithoutPadding
      ? Type1Info.sizeWithoutPadding : Type1Info.sizeOfFirstRelease
  }

  /// The structure without its capabilities, and whether all of them are behind it.
  static func start(size: Int, hasAll: Bool, pageSizes: UInt64) -> Structure<Type1Info> {
    var info = Structure<Type1Info>()
    info.argsz = UInt32(truncatingIfNeeded: size)
    info.flags = [.pgsizes, .caps]
    info.iovaPgsizes = pageSizes
    info.capOffset = hasAll ? UInt32(Type1Info.size) : 0
    return info
  }

  /// The capability that says the ranges, without them.
  static func capability(of ranges: [AddressRange]) -> Structure<IOVARangeCapability> {
    var capability = Structure<IOVARangeCapability>.capability()
    capability.nrIOVAs = UInt32(ranges.count)
    return capability
  }

  /// Dirty tracking, how many mappings are left, and the ranges, each behind the other; before 5.8
  /// and 5.10 not all of them.
  private func capabilities(by facts: SimulatedRelease) -> [UInt8] {
    var bytes: [UInt8] = []
    if facts.has(.type1TellsMigration) {
      var dirty = Structure<MigrationCapability>.capability()
      dirty.pgsizeBitmap = pageSizes & (~pageSizes &+ 1)
      dirty.maxDirtyBitmapSize = MigrationCapability.mostUserBytes
      dirty.next = UInt32(Type1Info.size + MigrationCapability.size)
      bytes += dirty.bytes
    }
    if facts.has(.type1TellsRoom) {
      var left = Structure<DMAAvailableCapability>.capability()
      left.avail = UInt32(available)
      let size = DMAAvailableCapability.size
      let padding = facts.has(.type1AlignsInfo) ? size.alignedCapability - size : 0
      left.next = UInt32(Type1Info.size + bytes.count + size + padding)
      bytes += left.bytes + [UInt8](repeating: 0, count: padding)
    }
    return bytes + Self.capability(of: ranges).bytes + ranges.flatMap { Structure($0).bytes }
  }
}

extension Structure<IOVARange> {
  /// Says addresses.
  init(_ range: AddressRange) {
    self.init()
    self.start = range.start
    self.last = range.last
  }
}

extension Int {
  /// A capability's size, which its successor's alignment makes a multiple of 8.
  var alignedCapability: Int { (self + 7) & ~7 }
}
