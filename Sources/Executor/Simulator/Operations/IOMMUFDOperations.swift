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
