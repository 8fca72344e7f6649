/// The proposal's requests about memory.
extension IOASIDRequests {
  /// Pins and accounts memory once for several IOASIDs.
  ///
  /// v1: offset 1. From then on only registered memory may be mapped in any IOASID of the file, and
  /// is not accounted again.
  public static let registerMemory = RequestDescriptor(
    "IOASID_REGISTER_MEMORY", ioasid(1), on: .ioasidFD, memory("ioasid_register_memory"),
    undo: .request(unregisterMemory),
    errnos: [
      .einval: "the range is not in whole pages",
      .eoverflow: "the range wraps around the end of the address space",
      .eexist: "some of the range is registered already",
      .efault: "the memory is not mapped",
      .enomem: "over RLIMIT_MEMLOCK, or not enough memory",
    ],
    header: rfc, since: nil, summary: "pin and account guest memory once for all page tables")

  /// Gives registered memory back.
  ///
  /// v1: offset 2.
  public static let unregisterMemory = RequestDescriptor(
    "IOASID_UNREGISTER_MEMORY", ioasid(2), on: .ioasidFD, memory("ioasid_unregister_memory"),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .einval: "the range is not in whole pages",
      .eoverflow: "the range wraps around the end of the address space",
      .enoent: "no range of this start and length is registered",
      .ebusy: "some of the range is mapped in an IOASID",
    ],
    header: rfc, since: nil, summary: "unpin guest memory")

  /// Maps memory of the calling process.
  ///
  /// v1: offset 6. If any memory is registered, what is mapped must be, too.
  public static let mapDMA = RequestDescriptor(
    "IOASID_MAP_DMA", ioasid(6), on: .ioasidFD,
    .structure(
      StructLayout(
        "ioasid_map_dma", size: 40,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([("READ", 1), ("WRITE", 2)], allowed: [1, 2, 3]))),
          Field("ioasid", at: 8, .object(ObjectKindSet(.ioasid))),
          Field("__reserved", at: 12, .reserved),
          Field("vaddr", at: 16, width: 8, .memoryAddress),
          Field("iova", at: 24, width: 8, .iova),
          Field("size", at: 32, width: 8, .length),
        ])),
    undo: .request(unmapDMA),
    errnos: [
      .enoent: "there is no such IOASID",
      .einval:
        "no device is attached yet, a group is attached only in part, or the range is not "
        + "aligned, reserved, or beyond the IOMMU's width",
      .eoverflow: "the range wraps around the end of the address space",
      .eexist: "something is mapped there already",
      .efault: "the memory is not mapped, or other memory is registered and this is not",
      .enomem: "over RLIMIT_MEMLOCK, or not enough memory",
    ],
    header: rfc, since: nil, summary: "map guest memory into a page table")

  /// Removes a mapping; sizes must match those of the map.
  ///
  /// v1: offset 7.
  public static let unmapDMA = RequestDescriptor(
    "IOASID_UNMAP_DMA", ioasid(7), on: .ioasidFD,
    .structure(
      StructLayout(
        "ioasid_unmap_dma", size: 32,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([])), default: 0),
          Field("ioasid", at: 8, .object(ObjectKindSet(.ioasid))),
          Field("__reserved", at: 12, .reserved),
          Field("iova", at: 16, width: 8, .iova),
          Field("size", at: 24, width: 8, .inOut, .length),
        ])),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .einval: "a mapping is only partly inside the range"
    ],
    header: rfc, since: nil, summary: "remove a mapping from a page table")

  /// `READ` and `WRITE` of `IOASID_MAP_DMA`.
  public static let mapFlags: UInt64 = 3

  private static func memory(_ name: String) -> ArgumentLayout {
    .structure(
      StructLayout(
        name, size: 24,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([])), default: 0),
          Field("vaddr", at: 8, width: 8, .memoryAddress),
          Field("size", at: 16, width: 8, .length),
        ]))
  }
}
