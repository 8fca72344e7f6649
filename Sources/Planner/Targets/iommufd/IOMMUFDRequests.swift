import Parser

/// Requests of `/dev/iommu`.
///
/// Header `linux/iommufd.h`. The kernel accepts any size from the first release's on, reads what is
/// missing as zeros and refuses what it does not know unless it is zero (`E2BIG`), so the oldest
/// size that carries the members used works on every release.
public enum IOMMUFDRequests {
  /// Destroys an object by its id; busy objects stay (`EBUSY`).
  public static let destroy = RequestDescriptor(
    "IOMMU_DESTROY", code(0x80), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_destroy", size: 8,
        [
          Field("size", at: 0, .size),
          Field("id", at: 4, .object(ObjectKindSet(.ioas, .hwpt))),
        ])),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .enoent: "there is no object of this id",
      .ebusy: "the object is in use: an IOAS has an HWPT, or an HWPT a device",
    ],
    header: header, since: KernelVersion(6, 2), summary: "destroy an object")

  /// Makes an I/O address space; no flag is known up to 7.3.
  public static let ioasAlloc = RequestDescriptor(
    "IOMMU_IOAS_ALLOC", code(0x81), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_ioas_alloc", size: 12,
        [
          Field("size", at: 0, .size),
          Field("flags", at: 4, .number(.flags([])), default: 0),
          Field("out_ioas_id", at: 8, .output, .object(ObjectKindSet(.ioas))),
        ])),
    undo: .request(destroy),
    errnos: [
      .eopnotsupp: "a flag is not known",
      .enomem: "not enough kernel memory",
    ],
    header: header, since: KernelVersion(6, 2), summary: "make an I/O address space")

  /// Asks which IOVAs an address space allows.
  ///
  /// Not a step: the answer is an array, and without room for it the request fails (`EMSGSIZE`).
  public static let ioasIOVARanges = RequestDescriptor(
    "IOMMU_IOAS_IOVA_RANGES", code(0x84), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_ioas_iova_ranges", size: 32,
        [
          Field("size", at: 0, .size),
          Field("ioas_id", at: 4, .object(ObjectKindSet(.ioas))),
          Field("num_iovas", at: 8, .inOut, .number(.none), default: 0),
          Field("__reserved", at: 12, .reserved),
          Field("allowed_iovas", at: 16, width: 8, .number(.none), default: 0),
          Field("out_iova_alignment", at: 24, width: 8, .output, .number(.none)),
        ])),
    undo: .nothing("a question changes nothing"), isStep: false,
    errnos: [
      .enoent: "there is no such IOAS",
      .emsgsize: "there are more ranges than the buffer holds",
    ],
    header: header, since: KernelVersion(6, 2),
    summary: "ask which addresses an address space allows")

  /// Maps memory of the calling process into every page table of an address space.
  ///
  /// Always at a fixed address: the plan says where guest memory is, the kernel must not.
  public static let ioasMap = RequestDescriptor(
    "IOMMU_IOAS_MAP", code(0x85), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_ioas_map", size: 40,
        [
          Field("size", at: 0, .size),
          Field("flags", at: 4, .number(mapFlagNames)),
          Field("ioas_id", at: 8, .object(ObjectKindSet(.ioas))),
          Field("__reserved", at: 12, .reserved),
          Field("user_va", at: 16, width: 8, .memoryAddress),
          Field("length", at: 24, width: 8, .length),
          Field("iova", at: 32, width: 8, .inOut, .iova),
        ])),
    undo: .request(ioasUnmap),
    errnos: [
      .eopnotsupp: "a flag is not known",
      .enoent: "there is no such IOAS",
      .eoverflow: "the range wraps around the end of the address space",
      .einval:
        "the range is not aligned, overlaps a reserved region, or lies beyond the IOMMU's width",
      .eexist: "something is mapped there already",
      .efault: "the memory can't be pinned: not mapped, not writeable, or device memory",
      .enomem: "over RLIMIT_MEMLOCK, or not enough memory",
    ],
    header: header, since: KernelVersion(6, 2), summary: "map guest memory into an address space")

  /// Maps a memory file into every page table of an address space.
  ///
  /// What is mapped belongs to the file, not to the address space of the process that maps it.
  public static let ioasMapFile = RequestDescriptor(
    "IOMMU_IOAS_MAP_FILE", code(0x8f), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_ioas_map_file", size: 40,
        [
          Field("size", at: 0, .size),
          Field("flags", at: 4, .number(mapFlagNames)),
          Field("ioas_id", at: 8, .object(ObjectKindSet(.ioas))),
          Field("fd", at: 12, .object(ObjectKindSet(.memoryFile))),
          Field("start", at: 16, width: 8, .offset),
          Field("length", at: 24, width: 8, .length),
          Field("iova", at: 32, width: 8, .inOut, .iova),
        ])),
    undo: .request(ioasUnmap),
    errnos: [
      .eopnotsupp: "a flag is not known",
      .enoent: "there is no such IOAS",
      .eoverflow: "the range wraps around the end of the address space",
      .ebadf: "the memory's file is not open",
      .einval:
        "the range is not aligned, overlaps a reserved region, lies beyond the IOMMU's width, or "
        + "reaches past the end of the memory",
      .eexist: "something is mapped there already",
      .enomem: "over RLIMIT_MEMLOCK, or not enough memory",
    ],
    mayBeMissing: true,
    header: header, since: KernelVersion(6, 13), summary: "map guest memory into an address space")

  private static let mapFlagNames = Constants.flags(
    [("FIXED_IOVA", 1), ("WRITEABLE", 2), ("READABLE", 4)], allowed: [3, 5, 7])

  /// Removes mappings; one made by a single map goes as a whole or not at all (`ENOENT`).
  public static let ioasUnmap = RequestDescriptor(
    "IOMMU_IOAS_UNMAP", code(0x86), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_ioas_unmap", size: 24,
        [
          Field("size", at: 0, .size),
          Field("ioas_id", at: 4, .object(ObjectKindSet(.ioas))),
          Field("iova", at: 8, width: 8, .iova),
          Field("length", at: 16, width: 8, .inOut, .length),
        ])),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .eoverflow: "the range wraps around the end of the address space",
      .einval: "the length is 0",
      .enoent: "nothing is mapped there, or a mapping is only partly inside the range",
      .ebusy: "the mapping is being changed or used by an object",
    ],
    header: header, since: KernelVersion(6, 2), summary: "remove a mapping from an address space")

  /// Sets how pinned memory is accounted: per process (1), as VFIO always did, or per user (0).
  ///
  /// `EBUSY` once any object exists in the file, so it comes first; `EPERM` without
  /// CAP_SYS_RESOURCE (`drivers/iommu/iommufd/ioas.c`).
  public static let option = RequestDescriptor(
    "IOMMU_OPTION", code(0x87), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_option", size: 24,
        [
          Field("size", at: 0, .size),
          Field(
            "option_id", at: 4,
            .number(.values([("RLIMIT_MODE", 0), ("HUGE_PAGES", 1)], allowed: [0]))),
          Field("op", at: 8, width: 2, .number(.values([("SET", 0), ("GET", 1)], allowed: [0]))),
          Field("__reserved", at: 10, width: 2, .reserved),
          Field("object_id", at: 12, .number(.none), default: 0),
          Field(
            "val64", at: 16, width: 8, .inOut,
            .number(.values([("PER_USER", 0), ("PER_PROCESS", 1)]))),
        ])),
    undo: .nothing("the option ends with the file"),
    errnos: [
      .eopnotsupp: "the option is not known",
      .eperm: "RLIMIT_MODE needs CAP_SYS_RESOURCE",
      .ebusy: "RLIMIT_MODE can be set only while the iommufd has no objects",
      .einval: "the value is out of range",
    ],
    header: header, since: KernelVersion(6, 2), summary: "choose how pinned memory is accounted")

  /// Makes a page table in the format that a device's IOMMU gives.
  ///
  /// There is no snoop flag: the table is enforced iff that device's IOMMU can enforce
  /// (`drivers/iommu/iommufd/hw_pagetable.c`). 24 bytes, the size of 6.6: the members for nesting
  /// (6.7) and faults (6.11) are not used.
  public static let hwptAlloc = RequestDescriptor(
    "IOMMU_HWPT_ALLOC", code(0x89), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_hwpt_alloc", size: 48, sentSize: 24,
        [
          Field("size", at: 0, .size),
          Field(
            "flags", at: 4,
            .number(
              .flags([
                ("NEST_PARENT", 1), ("DIRTY_TRACKING", 2), ("FAULT_ID_VALID", 4), ("PASID", 8),
              ])), default: 0),
          Field("dev_id", at: 8, .object(ObjectKindSet(.boundDevice))),
          Field("pt_id", at: 12, .object(ObjectKindSet(.ioas))),
          Field("out_hwpt_id", at: 16, .output, .object(ObjectKindSet(.hwpt))),
          Field("__reserved", at: 20, .reserved),
          Field("data_type", at: 24, .number(.values([("NONE", 0)])), default: 0),
          Field("data_len", at: 28, .number(.none), default: 0),
          Field("data_uptr", at: 32, width: 8, .number(.none), default: 0),
          Field("fault_id", at: 40, .number(.none), default: 0),
          Field("__reserved2", at: 44, .reserved),
        ])),
    undo: .request(destroy),
    errnos: [
      .enoent: "the device is not bound to this iommufd",
      .einval: "the parent is not an IOAS, or the IOMMU's pages are larger than the CPU's",
      .enodev: "the device has no IOMMU",
      .eopnotsupp: "the IOMMU driver has no such page table",
      .eaddrinuse: "something mapped already lies beyond the IOMMU's width, or not aligned",
      .efault: "memory mapped already can't be pinned",
      .enomem: "over RLIMIT_MEMLOCK, or not enough memory",
    ],
    header: header, since: KernelVersion(6, 6),
    summary: "make a page table in the format of a device's IOMMU")

  /// Asks what the IOMMU of a bound device can do.
  ///
  /// All 40 bytes: what lies beyond the 32 of 6.6 is an answer and goes in as zeros, which an older
  /// kernel accepts. The buffer has room for what VT-d says; for other units the kernel fills it
  /// with as much of theirs, or with zeros.
  public static let getHWInfo = RequestDescriptor(
    "IOMMU_GET_HW_INFO", code(0x8a), on: .iommufd,
    .structure(
      StructLayout(
        "iommu_hw_info", size: 40,
        [
          Field("size", at: 0, .size),
          Field("flags", at: 4, .number(.flags([("INPUT_TYPE", 1)])), default: 0),
          Field("dev_id", at: 8, .object(ObjectKindSet(.boundDevice))),
          Field(
            "data_len", at: 12, .inOut, .number(.none),
            default: UInt64(hardwareInfoVTD.size)),
          Field("data_uptr", at: 16, width: 8, .output, .buffer(hardwareInfoVTD)),
          Field(
            "out_data_type", at: 24, .output,
            .number(
              .values([
                ("NONE", 0), ("INTEL_VTD", 1), ("ARM_SMMUV3", 2), ("TEGRA241_CMDQV", 3), ("AMD", 4),
              ]))),
          Field("out_max_pasid_log2", at: 28, width: 1, .output, .number(.none)),
          Field("__reserved", at: 29, width: 3, .reserved),
          Field(
            "out_capabilities", at: 32, width: 8, .output,
            .number(
              .flags([
                ("DIRTY_TRACKING", 1), ("PCI_PASID_EXEC", 2), ("PCI_PASID_PRIV", 4),
                ("PCI_ATS_NOT_SUPPORTED", 8),
              ]))),
        ])),
    undo: .nothing("a question changes nothing"),
    errnos: [
      .enoent: "the device is not bound to this iommufd",
      .eopnotsupp: "the device has no IOMMU",
    ],
    header: header, since: KernelVersion(6, 6), summary: "ask what the IOMMU of a device can do")

  /// What `getHWInfo` says of a VT-d unit (`linux/iommufd.h`, 6.6): its registers.
  static let hardwareInfoVTD = StructLayout(
    "iommu_hw_info_vtd", size: 24,
    [
      Field("flags", at: 0, .output, .number(.none)),
      Field("__reserved", at: 4, .reserved),
      Field("cap_reg", at: 8, width: 8, .output, .number(.none)),
      extendedCapabilities,
    ])

  /// A VT-d unit's register of extended capabilities.
  static let extendedCapabilities = Field(
    "ecap_reg", at: 16, width: 8, .output, .number(.none))

  /// Every request of this file, by number.
  public static let all = [
    destroy, ioasAlloc, ioasIOVARanges, ioasMap, ioasUnmap, option, hwptAlloc, getHWInfo,
    ioasMapFile,
  ]

  /// ECAP.SC, *Snoop Control* (Intel VT-d specification; `drivers/iommu/intel/iommu.h`).
  public static let snoopControl = HostIOMMU.snoopControlMask

  /// `IOMMU_OPTION_RLIMIT_MODE`.
  public static let rlimitMode: UInt64 = 0
  /// `IOMMU_OPTION_OP_SET`.
  public static let setOption: UInt64 = 0
  /// `IOMMU_IOAS_MAP_FIXED_IOVA`, `_WRITEABLE` and `_READABLE`.
  public static let mapFlags: UInt64 = 7

  private static let header = "linux/iommufd.h"

  /// Plain `_IO` numbers of type `;` (`IOMMUFD_TYPE`).
  private static func code(_ number: UInt8) -> RequestCode {
    RequestCode(type: UInt8(ascii: ";"), number: number)
  }
}
