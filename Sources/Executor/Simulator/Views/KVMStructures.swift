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
