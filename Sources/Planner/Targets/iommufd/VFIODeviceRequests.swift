import Parser

/// Requests of a VFIO device file that concern iommufd.
///
/// Header `linux/vfio.h`. Sent in the sizes of 6.6 unless there is a token: the members added later
/// are not used otherwise, and 6.12 ignores what lies beyond while 7.3 insists on zeros.
public enum VFIODeviceRequests {
  /// Gives a device to an iommufd: the kernel claims it for user space.
  ///
  /// No request takes that back: closing the device's file does.
  public static let bindIOMMUFD = RequestDescriptor(
    "VFIO_DEVICE_BIND_IOMMUFD", VFIOCode.code(18), on: .deviceFD,
    .structure(
      StructLayout(
        "vfio_device_bind_iommufd", size: 24, sentSize: 16,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([("TOKEN", 1)])), default: 0),
          Field("iommufd", at: 8, .object(ObjectKindSet(.iommufd))),
          Field("out_devid", at: 12, .output, .object(ObjectKindSet(.boundDevice))),
          Field("token_uuid_ptr", at: 16, width: 8, .token(flag: 1)),
        ])),
    undo: .nothing("closing the device's file unbinds it"), establishes: [.bound],
    errnos: [
      .ebusy: "the device's group file is open, or its group is in somebody's page table",
      .einval:
        "the device is open elsewhere, firmware needs an identity mapping for its group, or a "
        + "token was given that nothing asks for",
      .eacces: "a virtual function of a function on vfio-pci needs their token",
      .ebadf: "the iommufd is not open",
      .ebadfd: "the file is not an iommufd",
      .enodev: "the device has no IOMMU group",
      .eperm: "interrupts are not isolated, or another owner or a host driver has the group",
      .eagain: "the device is being reset",
      .enomem: "not enough kernel memory",
    ],
    header: VFIOCode.header, since: KernelVersion(6, 6), summary: "give a device to an iommufd")

  /// Puts a device on a page table, or on one the kernel picks from an address space.
  ///
  /// The answer in `pt_id` is the page table really used.
  public static let attach = RequestDescriptor(
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT", VFIOCode.code(19), on: .deviceFD,
    .structure(
      StructLayout(
        "vfio_device_attach_iommufd_pt", size: 16, sentSize: 12,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([("PASID", 1)])), default: 0),
          Field("pt_id", at: 8, .inOut, .object(ObjectKindSet(.ioas, .hwpt))),
          Field("pasid", at: 12, .number(.none), default: 0),
        ])),
    undo: .request(detach), requires: [.bound], establishes: [.attached],
    errnos: [
      .enoent: "there is no such page table",
      .einval:
        "the page table enforces snoop and the device's IOMMU can't, the IOMMUs are not "
        + "compatible, or a device of the same group is on another table",
      .eaddrinuse: "a reserved region of the device overlaps what is mapped",
      .ebusy: "the group is in somebody's page table, or the device is being reset",
      .efault: "memory mapped already can't be pinned",
      .enomem: "over RLIMIT_MEMLOCK, or not enough memory",
    ],
    header: VFIOCode.header, since: KernelVersion(6, 6), summary: "put a device on a page table")

  /// Takes a device off its page table; it can then reach no memory.
  public static let detach = RequestDescriptor(
    "VFIO_DEVICE_DETACH_IOMMUFD_PT", VFIOCode.code(20), on: .deviceFD,
    .structure(
      StructLayout(
        "vfio_device_detach_iommufd_pt", size: 12, sentSize: 8,
        [
          Field("argsz", at: 0, .size),
          Field("flags", at: 4, .number(.flags([("PASID", 1)])), default: 0),
          Field("pasid", at: 8, .number(.none), default: 0),
        ])),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .einval: "the device is not bound"
    ],
    header: VFIOCode.header, since: KernelVersion(6, 6), summary: "take a device off its page table"
  )

  /// Every request of this enum, by number.
  public static let all = [bindIOMMUFD, attach, detach]
}
