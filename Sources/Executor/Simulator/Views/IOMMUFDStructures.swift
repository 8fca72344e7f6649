// The structures of `linux/iommufd.h` (§1.2).

/// `struct iommu_destroy`.
struct IOMMUDestroy: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let id = Member<UInt32>(at: 4)
}

/// `struct iommu_ioas_alloc`.
struct IOASAlloc: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let outIOASID = Answer<UInt32>(at: 8)
}

/// `struct iommu_iova_range`: an element of the arrays of the next two; the last address is in it.
struct IOVARange: SizedLayout {
  let start = Answer<UInt64>(at: 0)
  let last = Answer<UInt64>(at: 8)
  static let size = 16
}

/// `struct iommu_ioas_iova_ranges`.
struct IOASIOVARanges: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let ioasID = Member<UInt32>(at: 4)
  let numIOVAs = Answer<UInt32>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let allowedIOVAs = Pointer<IOVARange>(at: 16, isAnswer: true)
  let outIOVAAlignment = Answer<UInt64>(at: 24)
}

/// `struct iommu_ioas_allow_iovas`.
struct IOASAllowIOVAs: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let ioasID = Member<UInt32>(at: 4)
  let numIOVAs = Member<UInt32>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let allowedIOVAs = Pointer<IOVARange>(at: 16)
}

/// `struct iommu_ioas_map`.
struct IOASMap: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<MapFlags>(at: 4)
  let ioasID = Member<UInt32>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let userVA = Member<UInt64>(at: 16)
  let length = Member<UInt64>(at: 24)
  let iova = Answer<UInt64>(at: 32)
}

/// `struct iommu_ioas_map_file`.
struct IOASMapFile: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<MapFlags>(at: 4)
  let ioasID = Member<UInt32>(at: 8)
  let fd = Member<Int32>(at: 12)
  let start = Member<UInt64>(at: 16)
  let length = Member<UInt64>(at: 24)
  let iova = Answer<UInt64>(at: 32)
}

/// `struct iommu_ioas_copy`.
struct IOASCopy: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<MapFlags>(at: 4)
  let dstIOASID = Member<UInt32>(at: 8)
  let srcIOASID = Member<UInt32>(at: 12)
  let length = Member<UInt64>(at: 16)
  let dstIOVA = Answer<UInt64>(at: 24)
  let srcIOVA = Member<UInt64>(at: 32)
}

/// `struct iommu_ioas_unmap`.
struct IOASUnmap: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let ioasID = Member<UInt32>(at: 4)
  let iova = Member<UInt64>(at: 8)
  let length = Answer<UInt64>(at: 16)
}

/// `struct iommu_ioas_change_process`.
struct IOASChangeProcess: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let reserved = Member<UInt32>(at: 4)
}

/// `struct iommu_option`.
struct IOMMUOption: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let optionID = Member<UInt32>(at: 4)
  let op = Member<UInt16>(at: 8)
  let reserved = Member<UInt16>(at: 10)
  let objectID = Member<UInt32>(at: 12)
  let val64 = Answer<UInt64>(at: 16)
}

/// `struct iommu_vfio_ioas`.
struct IOMMUVFIOIOAS: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let ioasID = Answer<UInt32>(at: 4)
  let op = Member<UInt16>(at: 8)
  let reserved = Member<UInt16>(at: 10)
}

/// `struct iommu_hwpt_alloc`; the kernel never looks at its second reserved member.
struct HWPTAlloc: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<HWPTFlags>(at: 4)
  let devID = Member<UInt32>(at: 8)
  let ptID = Member<UInt32>(at: 12)
  let outHWPTID = Answer<UInt32>(at: 16)
  let reserved = Member<UInt32>(at: 20)
  let dataType = Member<UInt32>(at: 24)
  let dataLen = Member<UInt32>(at: 28)
  let dataUptr = Pointer<MockTable>(at: 32)
  let faultID = Member<UInt32>(at: 40)
  let reserved2 = Member<UInt32>(at: 44)
}

/// `struct iommu_hwpt_set_dirty_tracking`.
struct HWPTDirtyTracking: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<DirtyTrackingFlags>(at: 4)
  let hwptID = Member<UInt32>(at: 8)
  let reserved = Member<UInt32>(at: 12)
}

/// `struct iommu_hwpt_get_dirty_bitmap`.
struct HWPTDirtyBitmap: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let hwptID = Member<UInt32>(at: 4)
  let flags = Member<DirtyBitmapFlags>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let iova = Member<UInt64>(at: 16)
  let length = Member<UInt64>(at: 24)
  let pageSize = Member<UInt64>(at: 32)
  let data = Pointer<UserByte>(at: 40, isAnswer: true)
}

/// `struct iommu_hwpt_invalidate`.
struct HWPTInvalidate: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let hwptID = Member<UInt32>(at: 4)
  let dataUptr = Member<UInt64>(at: 8)
  let dataType = Member<UInt32>(at: 16)
  let entryLen = Member<UInt32>(at: 20)
  let entryNum = Answer<UInt32>(at: 24)
  let reserved = Member<UInt32>(at: 28)
}

/// `struct iommu_fault_alloc`.
struct FaultQueueAlloc: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let outFaultID = Answer<UInt32>(at: 8)
  let outFaultFD = Answer<Int32>(at: 12)
}

/// `struct iommu_viommu_alloc`.
struct VIOMMUAlloc: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let type = Member<UInt32>(at: 8)
  let devID = Member<UInt32>(at: 12)
  let hwptID = Member<UInt32>(at: 16)
  let outVIOMMUID = Answer<UInt32>(at: 20)
  let dataLen = Member<UInt32>(at: 24)
  let reserved = Member<UInt32>(at: 28)
  let dataUptr = Member<UInt64>(at: 32)
  /// `IOMMU_VIOMMU_TYPE_DEFAULT`, which nobody has.
  static let defaultType: UInt32 = 0
}

/// `struct iommu_vdevice_alloc`.
struct VDeviceAlloc: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let viommuID = Member<UInt32>(at: 4)
  let devID = Member<UInt32>(at: 8)
  let outVDeviceID = Answer<UInt32>(at: 12)
  let virtID = Member<UInt64>(at: 16)
}

/// `struct iommu_veventq_alloc`.
struct VEventQueueAlloc: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let viommuID = Member<UInt32>(at: 8)
  let type = Member<UInt32>(at: 12)
  let veventqDepth = Member<UInt32>(at: 16)
  let outVEventQID = Answer<UInt32>(at: 20)
  let outVEventQFD = Answer<Int32>(at: 24)
  let reserved = Member<UInt32>(at: 28)
}

/// `struct iommu_hw_queue_alloc`.
struct HWQueueAlloc: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let viommuID = Member<UInt32>(at: 8)
  let type = Member<UInt32>(at: 12)
  let index = Member<UInt32>(at: 16)
  let outHWQueueID = Answer<UInt32>(at: 20)
  let nestingParentIOVA = Member<UInt64>(at: 24)
  let length = Member<UInt64>(at: 32)
}

/// `struct iommu_hw_info`; with `HWInfoFlags.inputType` the type is an operand, too.
struct HWInfo: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let flags = Member<HWInfoFlags>(at: 4)
  let devID = Member<UInt32>(at: 8)
  let dataLen = Answer<UInt32>(at: 12)
  let dataUptr = Pointer<UserByte>(at: 16, isAnswer: true)
  let outDataType = Answer<UInt32>(at: 24)
  let outMaxPASIDLog2 = Answer<UInt8>(at: 28)
  let reserved = Member<UInt32>(at: 29, width: 3)
  let outCapabilities = Answer<UInt64>(at: 32)
}

/// `struct iommu_hw_info_vtd`: registers of an Intel unit.
struct HWInfoVTD: SizedLayout {
  let flags = Answer<UInt32>(at: 0)
  let reserved = Answer<UInt32>(at: 4)
  let capReg = Answer<UInt64>(at: 8)
  let ecapReg = Answer<UInt64>(at: 16)
  static let size = 24
}
