// The constants of `linux/iommufd.h` (§1.2).

/// A word of flags of which none is defined.
struct NoFlags: Flags { let rawValue: UInt32 }

/// `enum iommufd_ioas_map_flags`.
struct MapFlags: Flags {
  let rawValue: UInt32
  /// `IOMMU_IOAS_MAP_FIXED_IOVA`.
  static let fixedIOVA = MapFlags(rawValue: 1)
  /// `IOMMU_IOAS_MAP_WRITEABLE`.
  static let writeable = MapFlags(rawValue: 2)
  /// `IOMMU_IOAS_MAP_READABLE`.
  static let readable = MapFlags(rawValue: 4)
}

/// `enum iommufd_hwpt_alloc_flags`, as far as any release here takes them without other hardware.
struct HWPTFlags: Flags {
  let rawValue: UInt32
  /// `IOMMU_HWPT_ALLOC_NEST_PARENT`.
  static let nestParent = HWPTFlags(rawValue: 1)
  /// `IOMMU_HWPT_ALLOC_DIRTY_TRACKING`.
  static let dirtyTracking = HWPTFlags(rawValue: 2)
  /// `IOMMU_HWPT_FAULT_ID_VALID`.
  static let faultIDValid = HWPTFlags(rawValue: 4)
  /// `IOMMU_HWPT_ALLOC_PASID`.
  static let pasid = HWPTFlags(rawValue: 8)
}

/// `enum iommufd_hwpt_set_dirty_tracking_flags`.
struct DirtyTrackingFlags: Flags {
  let rawValue: UInt32
  /// `IOMMU_HWPT_DIRTY_TRACKING_ENABLE`.
  static let enable = DirtyTrackingFlags(rawValue: 1)
}

/// `enum iommufd_hwpt_get_dirty_bitmap_flags`.
struct DirtyBitmapFlags: Flags {
  let rawValue: UInt32
  /// `IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR`.
  static let noClear = DirtyBitmapFlags(rawValue: 1)
}

/// `enum iommufd_hw_info_flags`.
struct HWInfoFlags: Flags {
  let rawValue: UInt32
  /// `IOMMU_HW_INFO_FLAG_INPUT_TYPE`.
  static let inputType = HWInfoFlags(rawValue: 1)
}

/// `enum iommu_hwpt_data_type`, as far as hardware here has it.
enum HWPTDataType {
  /// `IOMMU_HWPT_DATA_NONE`.
  static let none: UInt32 = 0
}

/// `enum iommu_hw_info_type`, as far as hardware here has it.
enum HWInfoType {
  /// `IOMMU_HW_INFO_TYPE_NONE`; as an operand it is `IOMMU_HW_INFO_TYPE_DEFAULT`.
  static let none: UInt32 = 0
  /// `IOMMU_HW_INFO_TYPE_INTEL_VTD`.
  static let intelVTD: UInt32 = 1
}

/// `enum iommufd_hw_capabilities`.
enum HWCapabilities {
  /// `IOMMU_HW_CAP_DIRTY_TRACKING`.
  static let dirtyTracking: UInt64 = 1
}

/// `enum iommufd_option`.
enum OptionID: UInt32 {
  /// `IOMMU_OPTION_RLIMIT_MODE`.
  case rlimitMode = 0
  /// `IOMMU_OPTION_HUGE_PAGES`.
  case hugePages = 1
}

/// `enum iommufd_option_ops`.
enum OptionOp: UInt16 {
  /// `IOMMU_OPTION_OP_SET`.
  case set = 0
  /// `IOMMU_OPTION_OP_GET`.
  case get = 1
}

/// `enum iommufd_vfio_ioas_op`.
enum VFIOIOASOp: UInt16 {
  /// `IOMMU_VFIO_IOAS_GET`.
  case get = 0
  /// `IOMMU_VFIO_IOAS_SET`.
  case set = 1
  /// `IOMMU_VFIO_IOAS_CLEAR`.
  case clear = 2
}
