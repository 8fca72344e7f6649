/// Requests of the `/dev/ioasid` proposal of 2021, which no kernel has.
///
/// Names are those of the mail and of RFC v1; meanings follow the mail, then v1, then v2. The RFCs
/// give numbers only as offsets from bases that were never assigned (VFIO's excepted) and structs
/// only in examples. So these are **ours**: the base 0xc0 of `/dev/ioasid`'s own requests, the
/// numbers of the KVM requests, `IOASID_GET_DEV_INFO`'s offset (v2's collides with v1's), and every
/// struct layout. Offsets the RFCs do give are kept.
public enum IOASIDRequests {
  /// Registers an ioasid file with a VM: step 0 of the mail.
  ///
  /// The number is ours.
  public static let addIOASIDFD = RequestDescriptor(
    "KVM_ADD_IOASID_FD", kvm(0xf1), on: .vm,
    .value(Field("ioasid_fd", at: 0, width: 8, .object(ObjectKindSet(.ioasidFD)))),
    undo: .nothing("the registration ends with the VM"),
    errnos: [
      .ebadf: "the file is not open",
      .einval: "the file is no ioasid file",
      .eexist: "KVM has the file already",
    ],
    header: mail, since: nil, summary: "tell KVM which ioasid file the VM's devices are in")

  /// Tells KVM that the VM may do non-coherent DMA; the pair of file and label is the proof that
  /// the caller holds a device that can.
  ///
  /// The number is ours.
  public static let allowIncoherentDMA = RequestDescriptor(
    "KVM_ALLOW_INCOHERENT_DMA", kvm(0xf2), on: .vm, proof("kvm_allow_incoherent_dma"),
    undo: .request(disallowIncoherentDMA),
    errnos: proofErrnos + [
      .eexist: "this proof was given already"
    ],
    header: mail, since: nil, summary: "let the guest's cache flushes and cache attributes through")

  /// Takes the allowance back.
  ///
  /// The number is ours.
  public static let disallowIncoherentDMA = RequestDescriptor(
    "KVM_DISALLOW_INCOHERENT_DMA", kvm(0xf3), on: .vm, proof("kvm_disallow_incoherent_dma"),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: proofErrnos,
    header: mail, since: nil, summary: "ignore the guest's cache flushes and cache attributes again"
  )

  /// Gives a device to an ioasid file; the label then names it there.
  ///
  /// v1: VFIO_BASE + 22.
  public static let bind = RequestDescriptor(
    "VFIO_BIND_IOASID_FD", VFIOCode.code(22), on: .deviceFD,
    .structure(
      StructLayout(
        "vfio_bind_ioasid_fd", size: 16,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([])), default: 0),
          Field("ioasid_fd", at: 8, .object(ObjectKindSet(.ioasidFD))),
          Field("device_label", at: 12, .output, .object(ObjectKindSet(.deviceLabel))),
        ])),
    undo: .request(unbind), establishes: [.bound],
    errnos: [
      .ebadf: "the ioasid file is not open",
      .ebadfd: "the file is no ioasid file",
      .ebusy: "the device is bound already, or its group file is open",
      .enodev: "the device has no IOMMU group",
      .eperm: "interrupts are not isolated, or another owner or a host driver has the group",
      .einval: "firmware needs an identity mapping for the device's group",
    ],
    header: rfc, since: nil, summary: "give a device to an ioasid file")

  /// Takes a device back from an ioasid file.
  ///
  /// v1: VFIO_BASE + 23.
  public static let unbind = RequestDescriptor(
    "VFIO_UNBIND_IOASID_FD", VFIOCode.code(23), on: .deviceFD,
    .structure(
      StructLayout(
        "vfio_unbind_ioasid_fd", size: 12,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([])), default: 0),
          Field("ioasid_fd", at: 8, .object(ObjectKindSet(.ioasidFD))),
        ])),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .einval: "the device is bound to another file",
      .ebusy: "the device is attached",
    ],
    header: rfc, since: nil, summary: "take a device back from an ioasid file")

  /// Puts a device on an I/O page table; takes no second snoop argument, as the mail asks.
  ///
  /// v1: VFIO_BASE + 24.
  public static let attach = RequestDescriptor(
    "VFIO_ATTACH_IOASID", VFIOCode.code(24), on: .deviceFD, table("vfio_attach_ioasid"),
    undo: .request(detach), requires: [.bound], establishes: [.attached],
    errnos: [
      .enoent: "there is no such IOASID",
      .ebusy: "the device is attached already",
      .einval:
        "the IOASID enforces snoop and the device's IOMMU can't, the IOMMUs are not compatible, "
        + "or a device of the same group is on another IOASID",
      .eaddrinuse: "a reserved region of the device overlaps what is mapped",
    ],
    header: rfc, since: nil, summary: "put a device on an I/O page table")

  /// Takes a device off an I/O page table.
  ///
  /// v1: VFIO_BASE + 25.
  public static let detach = RequestDescriptor(
    "VFIO_DETACH_IOASID", VFIOCode.code(25), on: .deviceFD, table("vfio_detach_ioasid"),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .einval: "the device is not attached to this IOASID"
    ],
    header: rfc, since: nil, summary: "take a device off an I/O page table")

  /// Asks whether an extension is there.
  ///
  /// v1: offset 0; the extension's number is ours.
  public static let checkExtension = RequestDescriptor(
    "IOASID_CHECK_EXTENSION", ioasid(0), on: .ioasidFD,
    .value(
      Field("extension", at: 0, width: 8, .number(.values([("ENFORCE_SNOOP", enforceSnoop)])))),
    returns: .number, undo: .nothing("a question changes nothing"),
    errnos: [
      .enotty: "the file is no ioasid file"
    ],
    header: rfc, since: nil, summary: "ask whether /dev/ioasid has an extension")

  /// Pins and accounts memory once for several IOASIDs.
  ///
  /// v1: offset 1.
  public static let registerMemory = RequestDescriptor(
    "IOASID_REGISTER_MEMORY", ioasid(1), on: .ioasidFD, memory("ioasid_register_memory"),
    undo: .request(unregisterMemory),
    errnos: [
      .efault: "the memory is not mapped",
      .eexist: "the range is registered",
    ],
    header: rfc, since: nil, summary: "pin and account guest memory once for all page tables")

  /// Gives registered memory back.
  ///
  /// v1: offset 2.
  public static let unregisterMemory = RequestDescriptor(
    "IOASID_UNREGISTER_MEMORY", ioasid(2), on: .ioasidFD, memory("ioasid_unregister_memory"),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .enoent: "the range is not registered"
    ],
    header: rfc, since: nil, summary: "unpin guest memory")

  /// Makes an I/O page table; the flag decides its format.
  ///
  /// v1: offset 3.
  public static let alloc = RequestDescriptor(
    "IOASID_ALLOC", ioasid(3), on: .ioasidFD,
    .structure(
      StructLayout(
        "ioasid_alloc", size: 8,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([("ENFORCE_SNOOP", enforceSnoop)]))),
        ])),
    returns: .object(.ioasid), undo: .request(free),
    errnos: [
      .einval: "a flag is not known",
      .enomem: "not enough kernel memory",
    ],
    header: rfc, since: nil, summary: "make an I/O page table in a format")

  /// Frees an I/O page table; refused while devices are attached.
  ///
  /// v1: offset 4.
  public static let free = RequestDescriptor(
    "IOASID_FREE", ioasid(4), on: .ioasidFD, table("ioasid_free"),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .enoent: "there is no such IOASID",
      .ebusy: "devices are attached",
    ],
    header: rfc, since: nil, summary: "free an I/O page table")

  /// Asks what an I/O page table can map, once a device is attached.
  ///
  /// v1: offset 5.
  public static let getInfo = RequestDescriptor(
    "IOASID_GET_INFO", ioasid(5), on: .ioasidFD,
    .structure(
      StructLayout(
        "ioasid_info", size: 32,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .output, .number(.flags([("ENFORCE_SNOOP", enforceSnoop)]))),
          Field("ioasid", at: 8, .object(ObjectKindSet(.ioasid))),
          Field("__reserved", at: 12, .reserved),
          Field("iova_pgsizes", at: 16, width: 8, .output, .number(.none)),
          Field("last_iova", at: 24, width: 8, .output, .number(.none)),
        ])),
    undo: .nothing("a question changes nothing"),
    errnos: [
      .enoent: "there is no such IOASID",
      .einval: "no device is attached yet",
    ],
    header: rfc, since: nil, summary: "ask what an I/O page table can map")

  /// Maps memory of the calling process.
  ///
  /// v1: offset 6.
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
      .efault: "the memory is not mapped",
      .enomem: "over RLIMIT_MEMLOCK, or not enough memory",
    ],
    header: rfc, since: nil, summary: "map guest memory into an I/O page table")

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
    header: rfc, since: nil, summary: "remove a mapping from an I/O page table")

  /// Asks about a bound device: step 2 of the mail.
  ///
  /// `ENFORCE_SNOOP` is its IOMMU_CACHE information: whether the IOMMU can enforce snoop for it.
  /// The offset, 14, is ours.
  public static let getDevInfo = RequestDescriptor(
    "IOASID_GET_DEV_INFO", ioasid(14), on: .ioasidFD,
    .structure(
      StructLayout(
        "ioasid_dev_info", size: 32,
        [
          Field("argsz", at: 0, .size),
          Field("device_label", at: 4, .object(ObjectKindSet(.deviceLabel))),
          Field("flags", at: 8, .output, .number(.flags([("ENFORCE_SNOOP", enforceSnoop)]))),
          Field("__reserved", at: 12, .reserved),
          Field("iova_pgsizes", at: 16, width: 8, .output, .number(.none)),
          Field("last_iova", at: 24, width: 8, .output, .number(.none)),
        ])),
    undo: .nothing("a question changes nothing"),
    errnos: [
      .enoent: "no device of this label is bound"
    ],
    header: mail, since: nil, summary: "ask whether a device's IOMMU can enforce snoop")

  /// Every request of this file.
  public static let all = [
    addIOASIDFD, allowIncoherentDMA, disallowIncoherentDMA, bind, unbind, attach, detach,
    checkExtension, registerMemory, unregisterMemory, alloc, free, getInfo, mapDMA, unmapDMA,
    getDevInfo,
  ]

  /// The snoop flag: of a format in `IOASID_ALLOC`, of an ability in the answers.
  public static let enforceSnoop: UInt64 = 1
  /// `READ` and `WRITE` of `IOASID_MAP_DMA`.
  public static let mapFlags: UInt64 = 3

  private static let mail = "the mail of June 2021"
  private static let rfc = "RFC v1 of May 2021"

  private static func ioasid(_ offset: UInt8) -> RequestCode {
    RequestCode(type: UInt8(ascii: ";"), number: 0xc0 + offset)
  }

  private static func kvm(_ number: UInt8) -> RequestCode {
    RequestCode(type: KVMRequests.type, number: number)
  }

  private static func proof(_ name: String) -> ArgumentLayout {
    .structure(
      StructLayout(
        name, size: 8,
        [
          Field("ioasid_fd", at: 0, .object(ObjectKindSet(.ioasidFD))),
          Field("device_label", at: 4, .object(ObjectKindSet(.deviceLabel))),
        ]))
  }

  private static let proofErrnos: ErrnoTable = [
    .ebadf: "the ioasid file is not open",
    .einval: "the file is no ioasid file",
    .enoent: "the proof does not hold: the file is not registered, or has no such device",
    .eperm: "the device does not declare itself capable of no-snoop",
  ]

  private static func table(_ name: String) -> ArgumentLayout {
    .structure(
      StructLayout(
        name, size: 12,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([])), default: 0),
          Field("ioasid", at: 8, .object(ObjectKindSet(.ioasid))),
        ]))
  }

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
