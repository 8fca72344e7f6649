extension SimulatedIOMMUFD {
  /// What an iommufd answers (`iommufd/main.c:477`, §1.2).
  ///
  /// Its end is told by numbers: a request behind the last one that the release has is a question
  /// for `compatOperations` (§2.0.1).
  static let operations = OperationTable<SimulatedIOMMUFD>([
    Operation("IOMMU_DESTROY", 0x3b80, .sized(min: 8, full: 8), destroy),
    Operation("IOMMU_IOAS_ALLOC", 0x3b81, .sized(min: 12, full: 12), allocateIOAS),
    Operation("IOMMU_IOAS_ALLOW_IOVAS", 0x3b82, .sized(min: 24, full: 24), allowIOVAs),
    Operation("IOMMU_IOAS_COPY", 0x3b83, .sized(min: 40, full: 40), copy),
    Operation("IOMMU_IOAS_IOVA_RANGES", 0x3b84, .sized(min: 32, full: 32), reportRanges),
    Operation("IOMMU_IOAS_MAP", 0x3b85, .sized(min: 40, full: 40), map),
    Operation("IOMMU_IOAS_UNMAP", 0x3b86, .sized(min: 24, full: 24), unmap),
    Operation("IOMMU_OPTION", 0x3b87, .sized(min: 24, full: 24), option),
    Operation("IOMMU_VFIO_IOAS", 0x3b88, .sized(min: 12, full: 12), compatPointer),
    Operation(
      "IOMMU_HWPT_ALLOC", 0x3b89,
      .sized(
        min: 24, full: 48,
        before: [.init(.dirtyTracking, 24), .init(.faultQueues, 40)]),
      since: .vfioCdevs, allocateHWPT),
    Operation(
      "IOMMU_GET_HW_INFO", 0x3b8a,
      .sized(min: 32, full: 40, before: [.init(.dirtyTracking, 32)]),
      since: .vfioCdevs, reportHardware),
    Operation(
      "IOMMU_HWPT_SET_DIRTY_TRACKING", 0x3b8b, .sized(min: 16, full: 16), since: .dirtyTracking,
      setDirtyTracking),
    Operation(
      "IOMMU_HWPT_GET_DIRTY_BITMAP", 0x3b8c, .sized(min: 48, full: 48), since: .dirtyTracking,
      getDirtyBitmap),
    // No page table here is a guest's, and no device asks for pages.
    Operation(
      "IOMMU_HWPT_INVALIDATE", 0x3b8d, .sized(min: 32, full: 32), since: .invalidation,
      refuseInvalidation),
    Operation(
      "IOMMU_FAULT_QUEUE_ALLOC", 0x3b8e, .sized(min: 16, full: 16), since: .faultQueues,
      refuseFaultQueue),
    Operation(
      "IOMMU_IOAS_MAP_FILE", 0x3b8f, .sized(min: 40, full: 40), since: .fileMappings, mapFile),
    // No IOMMU here is virtual for a guest.
    Operation(
      "IOMMU_VIOMMU_ALLOC", 0x3b90,
      .sized(min: 24, full: 40, before: [.init(.hardwareQueues, 24)]), since: .fileMappings,
      refuseVIOMMU),
    Operation(
      "IOMMU_VDEVICE_ALLOC", 0x3b91, .sized(min: 24, full: 24), since: .fileMappings,
      refuseVDevice),
    Operation(
      "IOMMU_IOAS_CHANGE_PROCESS", 0x3b92, .sized(min: 8, full: 8), since: .fileMappings,
      changeProcess),
    Operation(
      "IOMMU_VEVENTQ_ALLOC", 0x3b93, .sized(min: 28, full: 32), since: .pasids, refuseEventQueue),
    Operation(
      "IOMMU_HW_QUEUE_ALLOC", 0x3b94, .sized(min: 40, full: 40), since: .hardwareQueues,
      refuseHardwareQueue),
    // Kernels without CONFIG_IOMMUFD_NOIOMMU say the same.
    .notSimulated("IOMMU_IOAS_NOIOMMU_GET_PA", 0x3b95, since: .withoutIOMMU),
  ])

  /// What a kernel that is built for tests answers as well (`iommufd/selftest.c`).
  static let testOperations = OperationTable<SimulatedIOMMUFD>([
    Operation("IOMMU_TEST_CMD", 0x3ba0, .sized(min: 68, full: 72), test)
  ])

  /// The container's requests that an iommufd answers in its stead (`iommufd/vfio_compat.c`,
  /// §2.27).
  static let compatOperations = OperationTable<SimulatedIOMMUFD>([
    Operation("VFIO_GET_API_VERSION", 0x3b64, .none, compatVersion),
    Operation("VFIO_CHECK_EXTENSION", 0x3b65, .none, compatExtension),
    Operation("VFIO_SET_IOMMU", 0x3b66, .none, compatDriver),
    Operation("VFIO_IOMMU_GET_INFO", 0x3b70, .argsz(16), compatInformation),
    Operation("VFIO_IOMMU_MAP_DMA", 0x3b71, .argsz(32), compatMap),
    Operation("VFIO_IOMMU_UNMAP_DMA", 0x3b72, .argsz(24), compatUnmap),
  ])
}

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
