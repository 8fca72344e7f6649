/// Requests of the `/dev/ioasid` proposal of 2021, which no kernel has.
///
/// Names are those of the mail and of RFC v1; meanings follow the mail, then v1, then v2. The RFCs
/// give numbers only as offsets from bases that were never assigned (VFIO's excepted) and structs
/// only in examples. So these are **ours**: the base 0xc0 of `/dev/ioasid`'s own requests, the
/// numbers of the KVM requests, `IOASID_GET_DEV_INFO`'s offset (v2's collides with v1's), and every
/// struct layout. Offsets the RFCs do give are kept.
public enum IOASIDRequests {
  /// Asks whether an extension is there.
  ///
  /// v1: offset 0; the extension's number is ours.
  public static let checkExtension = RequestDescriptor(
    "IOASID_CHECK_EXTENSION", ioasid(0), on: .ioasidFD,
    .value(
      Field("extension", at: 0, width: 8, .number(.values([("ENFORCE_SNOOP", enforceSnoop)])))),
    returns: .number, undo: .nothing("a question changes nothing"),
    errnos: [
      .enotty: "the file is not an ioasid file"
    ],
    header: rfc, since: nil, summary: "ask whether /dev/ioasid has an extension")

  /// Makes a page table; the flag decides its format.
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
    header: rfc, since: nil, summary: "make a page table in a format")

  /// Frees a page table; refused while devices are attached.
  ///
  /// v1: offset 4.
  public static let free = RequestDescriptor(
    "IOASID_FREE", ioasid(4), on: .ioasidFD, table("ioasid_free"),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .enoent: "there is no such IOASID",
      .ebusy: "devices are attached",
    ],
    header: rfc, since: nil, summary: "free a page table")

  /// Asks what a page table can map, once a device is attached.
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
    header: rfc, since: nil, summary: "ask what a page table can map")

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

  /// Every request of the proposal.
  public static let all = [
    addIOASIDFD, allowIncoherentDMA, disallowIncoherentDMA, bind, unbind, attach, detach,
    checkExtension, registerMemory, unregisterMemory, alloc, free, getInfo, mapDMA, unmapDMA,
    getDevInfo,
  ]

  /// The snoop flag: of a format in `IOASID_ALLOC`, of an ability in the answers.
  public static let enforceSnoop: UInt64 = 1

  static let mail = "the mail of June 2021"
  static let rfc = "RFC v1 of May 2021"

  static func ioasid(_ offset: UInt8) -> RequestCode {
    RequestCode(type: UInt8(ascii: ";"), number: 0xc0 + offset)
  }

  static func table(_ name: String) -> ArgumentLayout {
    .structure(
      StructLayout(
        name, size: 12,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([])), default: 0),
          Field("ioasid", at: 8, .object(ObjectKindSet(.ioasid))),
        ]))
  }
}
