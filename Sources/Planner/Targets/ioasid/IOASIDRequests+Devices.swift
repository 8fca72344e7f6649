/// The proposal's requests on device files.
extension IOASIDRequests {
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
      .ebadfd: "the file is not an ioasid file",
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

  /// Puts a device on a page table; takes no second snoop argument, as the mail asks.
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
    header: rfc, since: nil, summary: "put a device on a page table")

  /// Takes a device off a page table.
  ///
  /// v1: VFIO_BASE + 25.
  public static let detach = RequestDescriptor(
    "VFIO_DETACH_IOASID", VFIOCode.code(25), on: .deviceFD, table("vfio_detach_ioasid"),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .einval: "the device is not attached to this IOASID"
    ],
    header: rfc, since: nil, summary: "take a device off a page table")
}
