// The constants of `linux/vfio.h` (§1.3 to §1.5).

/// The flags of `struct vfio_device_bind_iommufd`.
struct BindFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_DEVICE_BIND_FLAG_TOKEN`.
  static let token = BindFlags(rawValue: 1)
}

/// The flags of attach and detach, which have the same one.
struct PASIDFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_DEVICE_ATTACH_PASID` and `VFIO_DEVICE_DETACH_PASID`.
  static let pasid = PASIDFlags(rawValue: 1)
}

/// The flags of `struct vfio_group_status`.
struct GroupStatusFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_GROUP_FLAGS_VIABLE`.
  static let viable = GroupStatusFlags(rawValue: 1)
  /// `VFIO_GROUP_FLAGS_CONTAINER_SET`.
  static let containerSet = GroupStatusFlags(rawValue: 2)
}

/// The flags of `struct vfio_iommu_type1_info`.
struct Type1InfoFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_IOMMU_INFO_PGSIZES`.
  static let pgsizes = Type1InfoFlags(rawValue: 1)
  /// `VFIO_IOMMU_INFO_CAPS`.
  static let caps = Type1InfoFlags(rawValue: 2)
}

/// The flags of `struct vfio_iommu_type1_dma_map`.
struct DMAMapFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_DMA_MAP_FLAG_READ`.
  static let read = DMAMapFlags(rawValue: 1)
  /// `VFIO_DMA_MAP_FLAG_WRITE`.
  static let write = DMAMapFlags(rawValue: 2)
  /// `VFIO_DMA_MAP_FLAG_VADDR`.
  static let vaddr = DMAMapFlags(rawValue: 4)
}

/// The flags of `struct vfio_iommu_type1_dma_unmap`.
struct DMAUnmapFlags: Flags {
  let rawValue: UInt32
  /// `VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP`.
  static let getDirtyBitmap = DMAUnmapFlags(rawValue: 1)
  /// `VFIO_DMA_UNMAP_FLAG_ALL`.
  static let all = DMAUnmapFlags(rawValue: 2)
  /// `VFIO_DMA_UNMAP_FLAG_VADDR`.
  static let vaddr = DMAUnmapFlags(rawValue: 4)
}

/// The extensions that `VFIO_CHECK_EXTENSION` is asked for, as far as any answer is not 0; the
/// first ones are also the drivers that `VFIO_SET_IOMMU` is given.
enum VFIOExtension: UInt64 {
  /// `VFIO_TYPE1_IOMMU`.
  case type1 = 1
  /// `VFIO_TYPE1v2_IOMMU`.
  case type1v2 = 3
  /// `VFIO_DMA_CC_IOMMU`.
  case dmaCC = 4
  /// `VFIO_TYPE1_NESTING_IOMMU`.
  case nesting = 6
  /// `VFIO_UNMAP_ALL`.
  case unmapAll = 9
  /// `VFIO_UPDATE_VADDR`.
  case updateVADDR = 10
}

/// `VFIO_API_VERSION`.
let vfioAPIVersion: Int32 = 0
