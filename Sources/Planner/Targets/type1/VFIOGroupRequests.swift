import Parser

/// Requests of a VFIO group file, `/dev/vfio/N`; header `linux/vfio.h`, all since 3.6.
public enum VFIOGroupRequests {
  /// Asks whether the group may be used, and whether it is in a container.
  public static let getStatus = RequestDescriptor(
    "VFIO_GROUP_GET_STATUS", VFIOCode.code(3), on: .group,
    .structure(
      StructLayout(
        "vfio_group_status", size: 8,
        [
          Field("argsz", at: 0, .size),
          Field(
            "flags", at: 4, .output, .number(.flags([("VIABLE", 1), ("CONTAINER_SET", 2)]))),
        ])),
    undo: .nothing("a question changes nothing"),
    errnos: [
      .enodev: "the group is gone"
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6), summary: "ask whether a group may be used")

  /// Puts a group into a container; the argument is a pointer to the container's descriptor number.
  public static let setContainer = RequestDescriptor(
    "VFIO_GROUP_SET_CONTAINER", VFIOCode.code(4), on: .group,
    .structure(
      StructLayout("int", size: 4, [Field("container", at: 0, .object(ObjectKindSet(.container)))])
    ),
    undo: .request(unsetContainer), establishes: [.contained],
    errnos: [
      .ebadf: "the container is not open",
      .einval: "the group has a container",
      .ebadfd: "the file is not a container",
      .eperm: "a host driver or another owner has a device of the group",
      .ebusy: "the group is in somebody's page table",
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6), summary: "put a group into a container")

  /// Takes a group out of its container; busy while its devices are open (`EBUSY`).
  public static let unsetContainer = RequestDescriptor(
    "VFIO_GROUP_UNSET_CONTAINER", VFIOCode.code(5), on: .group, .none,
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: [
      .einval: "the group is in no container",
      .ebusy: "devices of the group are open",
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6),
    summary: "take a group out of its container")

  /// Opens a device of the group by its PCI address; the container must have its IOMMU driver.
  ///
  /// A virtual function whose physical function is on vfio-pci needs their token behind the address
  /// (`vfio_pci_core_match`, drivers/vfio/pci/vfio_pci_core.c, since 5.7).
  public static let getDeviceFD = RequestDescriptor(
    "VFIO_GROUP_GET_DEVICE_FD", VFIOCode.code(6), on: .group,
    .address(
      Field("name", at: 0, width: 8, .address),
      token: Field("vf_token", at: 0, width: 16, .token(flag: 0))),
    returns: .file(.deviceFD), undo: .closeResult, requires: [.contained, .driven],
    errnos: [
      .enodev: "the device is not in the group, or not on vfio-pci",
      .eacces: "a virtual function of a function on vfio-pci needs their token",
      .einval:
        "a token was given that nothing asks for, or the group is in no container, or the "
        + "container has no driver",
      .eperm: "the group has no IOMMU and the caller lacks CAP_SYS_RAWIO",
      .emfile: "too many open files (RLIMIT_NOFILE)",
    ],
    header: VFIOCode.header, since: KernelVersion(3, 6), summary: "open a device of a group")

  /// Every request of this enum, by number.
  public static let all = [getStatus, setContainer, unsetContainer, getDeviceFD]
}
