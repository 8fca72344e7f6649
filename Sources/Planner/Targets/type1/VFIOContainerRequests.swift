import Parser

/// Requests of the VFIO container, `/dev/vfio/vfio`, with the type1 driver.
///
/// Header `linux/vfio.h`, all since 3.6; the type that plans use, TYPE1v2, since 3.15.
public enum VFIOContainerRequests {
  /// Asks for the version of the interface, which is 0.
  public static let getAPIVersion = RequestDescriptor(
    "VFIO_GET_API_VERSION", VFIOCode.code(0), on: .container, .none,
    returns: .number, undo: .nothing("a question changes nothing"),
    errnos: [
      .enotty: "the file is not a VFIO container"
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6),
    summary: "ask for the version of the VFIO interface"
  )

  /// Asks whether an extension is there.
  ///
  /// `DMA_CC` is 0 before the IOMMU driver is set, then 1 iff every page table of the container is
  /// enforced (`drivers/vfio/vfio_iommu_type1.c`).
  public static let checkExtension = RequestDescriptor(
    "VFIO_CHECK_EXTENSION", VFIOCode.code(1), on: .container,
    .value(
      Field(
        "extension", at: 0, width: 8,
        .number(
          .values([
            ("TYPE1", 1), ("SPAPR_TCE", 2), ("TYPE1v2", type1v2), ("DMA_CC", dmaCC), ("EEH", 5),
            ("NESTING", 6), ("SPAPR_TCE_v2", 7), ("NOIOMMU", 8), ("UNMAP_ALL", 9),
            ("UPDATE_VADDR", 10),
          ])))),
    returns: .number, undo: .nothing("a question changes nothing"),
    errnos: [
      .enodev: "an iommufd stands in for the container, unset"
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6),
    summary: "ask whether VFIO has an extension")

  /// Chooses the IOMMU driver; needs a group in the container.
  ///
  /// It leaves with the last group.
  public static let setIOMMU = RequestDescriptor(
    "VFIO_SET_IOMMU", VFIOCode.code(2), on: .container,
    .value(
      Field(
        "type", at: 0, width: 8,
        .number(.values([("TYPE1", 1), ("TYPE1v2", type1v2)], allowed: [type1v2])))),
    undo: .nothing("the driver leaves with the container's last group"),
    requires: [.contained], establishes: [.driven],
    errnos: [
      .einval: "the container has no group, or has its driver already",
      .enodev: "the driver is not there, or a group has no IOMMU",
      .eperm: "interrupts are not isolated",
      .enomem: "not enough kernel memory",
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6), later: ["TYPE1v2": KernelVersion(3, 15)],
    summary: "choose the container's IOMMU driver")

  /// Asks for page sizes; the capabilities that may follow are not asked for.
  public static let getInfo = RequestDescriptor(
    "VFIO_IOMMU_GET_INFO", VFIOCode.code(12), on: .container,
    .structure(
      StructLayout(
        "vfio_iommu_type1_info", size: 24, sentSize: 16,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .output, .number(.flags([("PGSIZES", 1), ("CAPS", 2)]))),
          Field("iova_pgsizes", at: 8, width: 8, .output, .number(.none)),
          Field("cap_offset", at: 16, .reserved),
          Field("pad", at: 20, .reserved),
        ])),
    undo: .nothing("a question changes nothing"), requires: [.driven],
    errnos: [
      .einval: "the container has no driver yet"
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6),
    summary: "ask which page sizes the container's IOMMUs have")

  /// Maps memory of the calling process for all devices of the container.
  public static let mapDMA = RequestDescriptor(
    "VFIO_IOMMU_MAP_DMA", VFIOCode.code(13), on: .container,
    .structure(
      StructLayout(
        "vfio_iommu_type1_dma_map", size: 32,
        [
          Field("argsz", at: 0, .size),
          Field(
            "flags", at: 4,
            .number(.flags([("READ", 1), ("WRITE", 2), ("VADDR", 4)], allowed: [1, 2, 3]))),
          Field("vaddr", at: 8, width: 8, .memoryAddress),
          Field("iova", at: 16, width: 8, .iova),
          Field("size", at: 24, width: 8, .length),
        ])),
    undo: .request(unmapDMA), requires: [.driven],
    errnos: [
      .einval:
        "the range is not aligned, overlaps a reserved region, or lies beyond the IOMMU's width",
      .eoverflow: "the range wraps around the end of the address space",
      .eexist: "something is mapped there already",
      .enospc: "too many mappings (dma_entry_limit)",
      .efault: "the memory can't be pinned: not mapped, or not writeable",
      .enomem: "over RLIMIT_MEMLOCK, or not enough memory",
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6),
    summary: "map guest memory for a container's devices")

  /// Removes mappings; one that is hit only in part stays (`EINVAL`).
  public static let unmapDMA = RequestDescriptor(
    "VFIO_IOMMU_UNMAP_DMA", VFIOCode.code(14), on: .container,
    .structure(
      StructLayout(
        "vfio_iommu_type1_dma_unmap", size: 24,
        [
          Field("argsz", at: 0, .size),
          Field(
            "flags", at: 4,
            .number(.flags([("GET_DIRTY_BITMAP", 1), ("ALL", 2), ("VADDR", 4)])), default: 0),
          Field("iova", at: 8, width: 8, .iova),
          Field("size", at: 16, width: 8, .inOut, .length),
        ])),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .einval: "a mapping is only partly inside the range"
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6),
    summary: "remove a mapping from a container")

  /// Every request of this enum, by number.
  public static let all = [getAPIVersion, checkExtension, setIOMMU, getInfo, mapDMA, unmapDMA]

  /// `VFIO_TYPE1v2_IOMMU`.
  public static let type1v2: UInt64 = 3
  /// `VFIO_DMA_CC_IOMMU`.
  public static let dmaCC: UInt64 = 4
  /// `VFIO_DMA_MAP_FLAG_READ` and `_WRITE`.
  public static let mapFlags: UInt64 = 3
  /// `VFIO_GROUP_FLAGS_VIABLE`.
  public static let viable: UInt64 = 1
}
