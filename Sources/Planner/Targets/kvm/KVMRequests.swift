import Parser

/// Requests of `/dev/kvm`, of a VM and of its kvm-vfio device.
///
/// Header `linux/kvm.h`; numbers carry direction and size. All have been the same since the release
/// named in each.
public enum KVMRequests {
  /// Asks for the version of the interface: 12 since Linux 2.6.22.
  public static let getAPIVersion = RequestDescriptor(
    "KVM_GET_API_VERSION", RequestCode(type: type, number: 0x00), on: .kvm, .none,
    returns: .number, undo: .nothing("a question changes nothing"),
    errnos: [
      .enotty: "the file is not /dev/kvm"
    ],
    header: header, since: KernelVersion(2, 6, 20),
    summary: "ask for the version of the KVM interface")

  /// Makes a VM; type 0 is the machine's ordinary one.
  public static let createVM = RequestDescriptor(
    "KVM_CREATE_VM", RequestCode(type: type, number: 0x01), on: .kvm,
    .value(Field("type", at: 0, width: 8, .number(.none), default: 0)),
    returns: .file(.vm), undo: .closeResult,
    errnos: [
      .einval: "the kind of VM is not known",
      .enomem: "not enough kernel memory",
      .emfile: "too many open files (RLIMIT_NOFILE)",
    ],
    header: header, since: KernelVersion(2, 6, 20), summary: "make a virtual machine")

  /// Makes the kvm-vfio device; a VM can have one (`EBUSY`).
  public static let createDevice = RequestDescriptor(
    "KVM_CREATE_DEVICE",
    RequestCode(type: type, number: 0xe0, .readWrite, size: 12), on: .vm,
    .structure(
      StructLayout(
        "kvm_create_device", size: 12,
        [
          // The only device kind a program may make.
          Field("type", at: 0, .number(.values([("VFIO", 4)]))),
          Field("fd", at: 4, .output, .object(ObjectKindSet(.kvmVFIO))),
          Field("flags", at: 8, .number(.flags([("TEST", 1)])), default: 0),
        ])),
    undo: .closeResult,
    errnos: [
      .eio: "the VM belongs to another process",
      .enodev: "the kernel has no kvm-vfio device (CONFIG_KVM_VFIO)",
      .ebusy: "the VM has a kvm-vfio device already",
      .emfile: "too many open files (RLIMIT_NOFILE)",
    ],
    header: header, since: KernelVersion(3, 10),
    summary: "make the device that tells KVM about VFIO files")

  /// Tells KVM about a device or group file (`KVM_DEV_VFIO_FILE_ADD`).
  ///
  /// KVM looks at what the device's IOMMU can do, never at page tables (`virt/kvm/vfio.c`). The
  /// group constants `KVM_DEV_VFIO_GROUP*` have the same values.
  public static let addFile = setDeviceAttr(
    attribute: fileAdd,
    undo: .request(deleteFile),
    isStep: true, summary: "tell KVM about a VFIO file")

  /// Makes KVM forget a file (`KVM_DEV_VFIO_FILE_DEL`); what undoes `addFile`.
  public static let deleteFile = setDeviceAttr(
    attribute: fileDelete, undo: .nothing("it is itself an undo"),
    isStep: false, summary: "make KVM forget a VFIO file")

  /// Every request of this file.
  public static let all = [getAPIVersion, createVM, createDevice, addFile, deleteFile]

  /// `KVM_DEV_TYPE_VFIO`.
  public static let vfioDeviceType: UInt64 = 4
  /// `KVM_DEV_VFIO_FILE`.
  public static let fileGroup: UInt64 = 1
  /// `KVM_DEV_VFIO_FILE_ADD`.
  public static let fileAdd: UInt64 = 1
  /// `KVM_DEV_VFIO_FILE_DEL`.
  private static let fileDelete: UInt64 = 2

  private static let header = "linux/kvm.h"

  /// The type byte of KVM's requests.
  static let type: UInt8 = 0xae

  /// One descriptor per attribute: a program may add files, and only undoing an addition deletes.
  private static func setDeviceAttr(
    attribute: UInt64, undo: Undo, isStep: Bool, summary: String
  ) -> RequestDescriptor {
    let attributes = Constants.values(
      [("FILE_ADD", fileAdd), ("FILE_DEL", fileDelete)], allowed: [attribute])
    let layout = StructLayout(
      "kvm_device_attr", size: 24,
      [
        Field("flags", at: 0, .reserved),
        Field("group", at: 4, .number(.values([("FILE", fileGroup)]))),
        Field("attr", at: 8, width: 8, .number(attributes)),
        Field("addr", at: 16, width: 8, .pointerToFile(ObjectKindSet(.deviceFD, .group))),
      ])
    return RequestDescriptor(
      "KVM_SET_DEVICE_ATTR", RequestCode(type: type, number: 0xe1, .write, size: 24),
      on: .kvmVFIO, .structure(layout), undo: undo, isStep: isStep,
      errnos: [
        .eio: "the VM belongs to another process",
        .enxio: "the kernel does not know the attribute",
        .ebadf: "the file is not open",
        .einval: "the file is neither a VFIO device nor a group",
        .eexist: "KVM has the file already",
        .enoent: "KVM does not have the file",
        .enomem: "not enough kernel memory",
      ],
      header: header, since: KernelVersion(3, 10),
      later: ["cdev files": KernelRules.vfioCdevs.since], summary: summary)
  }
}
