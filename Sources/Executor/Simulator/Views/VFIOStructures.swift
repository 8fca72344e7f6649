// The structures of `linux/vfio.h` (§1.3 to §1.5).

/// `struct vfio_device_bind_iommufd`; the token came with 6.17.
struct DeviceBindIOMMUFD: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<BindFlags>(at: 4)
  let iommufd = Member<Int32>(at: 8)
  let outDevID = Answer<UInt32>(at: 12)
  let tokenUUIDPtr = Pointer<UUIDBytes>(at: 16)
}

/// A UUID, in the order of its text.
struct UUIDBytes: SizedLayout { static let size = 16 }

/// `struct vfio_device_attach_iommufd_pt`; the PASID came with 6.15.
struct DeviceAttachIOMMUFDPT: PASIDLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<PASIDFlags>(at: 4)
  let ptID = Answer<UInt32>(at: 8)
  let pasid = Member<UInt32>(at: 12)
  static let sizeWithPASID = 16
}

/// `struct vfio_device_detach_iommufd_pt`; the PASID came with 6.15.
struct DeviceDetachIOMMUFDPT: PASIDLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<PASIDFlags>(at: 4)
  let pasid = Member<UInt32>(at: 8)
  static let sizeWithPASID = 12
}

/// A structure that ends with a PASID, which its flags say to be there.
protocol PASIDLayout: StructureLayout {
  /// The flags.
  var flags: Member<PASIDFlags> { get }
  /// The size with the PASID, in bytes.
  static var sizeWithPASID: Int { get }
}

/// `struct vfio_group_status`.
struct GroupStatus: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Answer<GroupStatusFlags>(at: 4)
}

/// A descriptor number in memory of its own: what `VFIO_GROUP_SET_CONTAINER` takes.
struct ContainerNumber: StructureLayout {
  let container = Member<Int32>(at: 0)
}

/// `struct vfio_iommu_type1_info`.
struct Type1Info: SizedLayout {
  let argsz = Answer<UInt32>(at: 0)
  let flags = Answer<Type1InfoFlags>(at: 4)
  let iovaPgsizes = Answer<UInt64>(at: 8)
  let capOffset = Answer<UInt32>(at: 16)
  let pad = Answer<UInt32>(at: 20)
  static let size = 24
  /// The size up to the page sizes: what callers need not have more of.
  static let sizeOfFirstRelease = 16
  /// The size without the padding, which 6.1 does not have.
  static let sizeWithoutPadding = 20
}

/// `struct vfio_iommu_type1_info_cap_iova_range`, without the ranges that follow it.
struct IOVARangeCapability: CapabilityLayout {
  let id = Answer<UInt16>(at: 0)
  let version = Answer<UInt16>(at: 2)
  let next = Answer<UInt32>(at: 4)
  let nrIOVAs = Answer<UInt32>(at: 8)
  let reserved = Answer<UInt32>(at: 12)
  static let size = 16
  static let number: UInt16 = 1
}

/// `struct vfio_iommu_type1_info_cap_migration`.
struct MigrationCapability: CapabilityLayout {
  let id = Answer<UInt16>(at: 0)
  let version = Answer<UInt16>(at: 2)
  let next = Answer<UInt32>(at: 4)
  let flags = Answer<UInt32>(at: 8)
  let pgsizeBitmap = Answer<UInt64>(at: 16)
  let maxDirtyBitmapSize = Answer<UInt64>(at: 24)
  static let size = 32
  static let number: UInt16 = 2
  /// The longest bit map of dirty pages: a bit for each of INT_MAX pages.
  static let mostUserBytes: UInt64 = 1 << 28
}

/// `struct vfio_iommu_type1_info_dma_avail`.
struct DMAAvailableCapability: CapabilityLayout {
  let id = Answer<UInt16>(at: 0)
  let version = Answer<UInt16>(at: 2)
  let next = Answer<UInt32>(at: 4)
  let avail = Answer<UInt32>(at: 8)
  static let size = 12
  static let number: UInt16 = 3
}

/// A capability: a structure that starts with `struct vfio_info_cap_header`.
protocol CapabilityLayout: SizedLayout {
  /// Its kind.
  var id: Answer<UInt16> { get }
  /// The version of its layout.
  var version: Answer<UInt16> { get }
  /// Where the next one is, from the start of the information; 0 for the last one.
  var next: Answer<UInt32> { get }
  /// What `id` says (`VFIO_IOMMU_TYPE1_INFO_CAP_*`, `VFIO_REGION_INFO_CAP_*`).
  static var number: UInt16 { get }
}

extension Structure where Layout: CapabilityLayout {
  /// A capability in its only version, 1, which is the last one so far.
  static func capability() -> Self {
    var capability = Structure()
    capability.id = Layout.number
    capability.version = 1
    return capability
  }
}

/// `struct vfio_iommu_type1_dma_map`.
struct DMAMap: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<DMAMapFlags>(at: 4)
  let vaddr = Member<UInt64>(at: 8)
  let iova = Member<UInt64>(at: 16)
  let size = Member<UInt64>(at: 24)
}

/// `struct vfio_iommu_type1_dma_unmap`, without the data that may follow.
struct DMAUnmap: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<DMAUnmapFlags>(at: 4)
  let iova = Member<UInt64>(at: 8)
  let size = Answer<UInt64>(at: 16)
  /// The size with `struct vfio_bitmap` as its data.
  static let sizeWithBitmap = 48
}
