extension SimulatedDeviceFile {
  /// What a device's own node answers (`vfio/vfio_main.c:1369`, §1.3, §2.20).
  ///
  /// The gate lets nothing but a bind through before the device is bound.
  static let cdevOperations = OperationTable<SimulatedDeviceFile>(
    [
      bindOperation,
      Operation("VFIO_DEVICE_ATTACH_IOMMUFD_PT", 0x3b77, .argsz(12), attach),
      Operation("VFIO_DEVICE_DETACH_IOMMUFD_PT", 0x3b78, .argsz(8), detach),
    ] + pciOperations)

  /// What a device file that a group handed out answers: attach and detach fall through to
  /// vfio-pci, which does not know them (§2.20.4).
  static let groupDeviceOperations = OperationTable<SimulatedDeviceFile>(
    [bindOperation] + pciOperations)

  /// What vfio-pci answers on both (`vfio_pci_core.c:1555`, §2.24).
  private static let pciOperations: [Operation<SimulatedDeviceFile>] = [
    Operation("VFIO_DEVICE_GET_INFO", 0x3b6b, .argsz(16), reportInformation),
    Operation("VFIO_DEVICE_GET_REGION_INFO", 0x3b6c, .argsz(32), reportRegion),
    Operation("VFIO_DEVICE_GET_IRQ_INFO", 0x3b6d, .argsz(16), reportInterrupt),
    // What it states is looked at together with the rest.
    Operation("VFIO_DEVICE_SET_IRQS", 0x3b6e, .fixed(20), setInterrupts),
    Operation("VFIO_DEVICE_RESET", 0x3b6f, .none, reset),
    Operation("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", 0x3b70, .argsz(12), reportHotReset),
    Operation("VFIO_DEVICE_PCI_HOT_RESET", 0x3b71, .argsz(12), hotReset),
    Operation("VFIO_DEVICE_FEATURE", 0x3b75, .argsz(8), since: .deviceFeatures, feature),
    Operation("VFIO_DEVICE_IOEVENTFD", 0x3b74, .argsz(28), setDoorbell),
  ]

  private static let bindOperation = Operation<SimulatedDeviceFile>(
    "VFIO_DEVICE_BIND_IOMMUFD", 0x3b76,
    .grown(min: 16, full: 24, since: .bindKnowsTokens, read: .bindReadsTokens),
    since: .vfioCdevs, isBeforeGate: true, bind)
}

extension SimulatedGroupFile {
  /// What a group file answers (`vfio/group.c`, §1.4, §2.25).
  static let operations = OperationTable<SimulatedGroupFile>([
    Operation("VFIO_GROUP_GET_STATUS", 0x3b67, .argsz(8), reportStatus),
    Operation("VFIO_GROUP_SET_CONTAINER", 0x3b68, .fixed(4), setContainer),
    Operation("VFIO_GROUP_UNSET_CONTAINER", 0x3b69, .none, unsetContainer),
    Operation("VFIO_GROUP_GET_DEVICE_FD", 0x3b6a, .none, openDevice),
  ])
}

extension SimulatedContainer {
  /// What a container answers (`vfio/container.c`, `vfio_iommu_type1.c`, §1.5, §2.26).
  ///
  /// Three requests are its own. All others are its driver's: without one there is nobody to know
  /// or not to know them, and the gate refuses them.
  static let operations = OperationTable<SimulatedContainer>([
    Operation("VFIO_GET_API_VERSION", 0x3b64, .none, isBeforeGate: true, apiVersion),
    Operation("VFIO_CHECK_EXTENSION", 0x3b65, .none, isBeforeGate: true, checkExtension),
    Operation("VFIO_SET_IOMMU", 0x3b66, .none, isBeforeGate: true, setDriver),
    Operation("VFIO_IOMMU_GET_INFO", 0x3b70, .argsz(16), reportInformation),
    Operation("VFIO_IOMMU_MAP_DMA", 0x3b71, .argsz(32), map),
    Operation("VFIO_IOMMU_UNMAP_DMA", 0x3b72, .argsz(24), unmap),
    // The version of the driver comes before the structure.
    Operation("VFIO_IOMMU_DIRTY_PAGES", 0x3b75, .none, since: .type1TellsMigration, dirtyPages),
  ])
}
