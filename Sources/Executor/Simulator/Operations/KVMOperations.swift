extension SimulatedKVM {
  /// What `/dev/kvm` answers (`kvm/kvm_main.c`, §1.6, §2.28).
  static let operations = OperationTable<SimulatedKVM>([
    Operation("KVM_GET_API_VERSION", 0xae00, .none, apiVersion),
    Operation("KVM_CREATE_VM", 0xae01, .none, createVM),
    Operation("KVM_CHECK_EXTENSION", 0xae03, .none, checkExtension),
    Operation(
      "KVM_GET_DEVICE_ATTR", 0x4018_aee2, .fixed(24), since: .systemHasAttributes, refuseAttribute),
    Operation(
      "KVM_HAS_DEVICE_ATTR", 0x4018_aee3, .fixed(24), since: .systemHasAttributes, refuseAttribute),
  ])
}

extension SimulatedVM {
  /// What a VM answers; the last three are the 2021 proposal's, with numbers of our own.
  ///
  /// The gate refuses other processes than the one that made it.
  static let operations = OperationTable<SimulatedVM>([
    Operation("KVM_CHECK_EXTENSION", 0xae03, .none, checkExtension),
    Operation("KVM_CREATE_DEVICE", 0xc00c_aee0, .fixed(12), createDevice),
    Operation("KVM_ADD_IOASID_FD", 0xaef4, .none, addIOASIDFile),
    Operation("KVM_ALLOW_INCOHERENT_DMA", 0xaef2, .fixed(8), allow),
    Operation("KVM_DISALLOW_INCOHERENT_DMA", 0xaef3, .fixed(8), disallow),
  ])
}

extension SimulatedKVMVFIO {
  /// What the kvm-vfio device answers (`kvm/kvm_main.c:4774`, `kvm/vfio.c`, §2.28).
  ///
  /// The gate is that of its VM.
  static let operations = OperationTable<SimulatedKVMVFIO>([
    Operation("KVM_SET_DEVICE_ATTR", 0x4018_aee1, .fixed(24), setAttribute),
    // The device has no accessor for it, which is found out before the structure is read.
    Operation("KVM_GET_DEVICE_ATTR", 0x4018_aee2, .none, getAttribute),
    Operation("KVM_HAS_DEVICE_ATTR", 0x4018_aee3, .fixed(24), hasAttribute),
  ])
}

// The structures and constants of `linux/kvm.h` (§1.6).

/// `struct kvm_create_device`.
struct KVMCreateDevice: StructureLayout {
  let type = Member<UInt32>(at: 0)
  let fd = Answer<Int32>(at: 4)
  let flags = Member<KVMCreateDeviceFlags>(at: 8)
}

/// `struct kvm_device_attr`; its flags are ignored.
struct KVMDeviceAttr: StructureLayout {
  let flags = Member<UInt32>(at: 0)
  let group = Member<UInt32>(at: 4)
  let attr = Member<UInt64>(at: 8)
  let addr = Pointer<FileNumber>(at: 16)
}

/// A descriptor number behind a pointer.
struct FileNumber: SizedLayout {
  let number = Answer<Int32>(at: 0)
  static let size = 4
}

/// The flags of `struct kvm_create_device`; unknown ones are ignored.
struct KVMCreateDeviceFlags: Flags {
  let rawValue: UInt32
  /// `KVM_CREATE_DEVICE_TEST`.
  static let test = KVMCreateDeviceFlags(rawValue: 1)
}

/// Numbers of KVM.
enum KVMConstant {
  /// `KVM_API_VERSION`.
  static let apiVersion: Int32 = 12
  /// The type of an ordinary VM (`KVM_X86_DEFAULT_VM`).
  static let defaultVM: UInt64 = 0
  /// `KVM_CAP_DEVICE_CTRL`.
  static let deviceControl: UInt64 = 89
  /// `KVM_DEV_TYPE_VFIO`.
  static let deviceTypeVFIO: UInt32 = 4
  /// `KVM_DEV_VFIO_FILE`, the only group of attributes.
  static let vfioFile: UInt32 = 1
}

/// The attributes of the group `KVM_DEV_VFIO_FILE` on x86.
enum KVMVFIOFileAttribute: UInt64 {
  /// `KVM_DEV_VFIO_FILE_ADD`.
  case add = 1
  /// `KVM_DEV_VFIO_FILE_DEL`.
  case delete = 2
}
