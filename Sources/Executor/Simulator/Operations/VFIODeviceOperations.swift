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

// The structures of `linux/vfio.h` for device files (§1.3).

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

/// `struct vfio_device_info`.
struct DeviceInfo: SizedLayout {
  let argsz = Answer<UInt32>(at: 0)
  let flags = Answer<DeviceInfoFlags>(at: 4)
  let numRegions = Answer<UInt32>(at: 8)
  let numIRQs = Answer<UInt32>(at: 12)
  let capOffset = Answer<UInt32>(at: 16)
  let pad = Answer<UInt32>(at: 20)
  static let size = 24
  /// The size up to the interrupts: what callers need not have more of.
  static let sizeOfFirstRelease = 16
  /// The size without the padding, which came later.
  static let sizeWithoutPadding = 20
}

/// `struct vfio_region_info`.
struct RegionInfo: SizedLayout {
  let argsz = Answer<UInt32>(at: 0)
  let flags = Answer<RegionFlags>(at: 4)
  let index = Answer<UInt32>(at: 8)
  let capOffset = Answer<UInt32>(at: 12)
  let length = Answer<UInt64>(at: 16)
  let offset = Answer<UInt64>(at: 24)
  static let size = 32
}

/// `VFIO_REGION_INFO_CAP_MSIX_MAPPABLE`: nothing but the header.
struct MSIXMappableCapability: CapabilityLayout {
  let id = Answer<UInt16>(at: 0)
  let version = Answer<UInt16>(at: 2)
  let next = Answer<UInt32>(at: 4)
  static let size = 8
  static let number: UInt16 = 3
}

/// `struct vfio_irq_info`.
struct IRQInfo: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Answer<IRQInfoFlags>(at: 4)
  let index = Member<UInt32>(at: 8)
  let count = Answer<UInt32>(at: 12)
}

/// `struct vfio_irq_set`, without the data that may follow.
struct IRQSet: SizedLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<IRQSetFlags>(at: 4)
  let index = Member<UInt32>(at: 8)
  let start = Member<UInt32>(at: 12)
  let count = Member<UInt32>(at: 16)
  static let size = 20
  /// How many bytes each vector takes as a file's number.
  static let fileBytes = 4
}

/// `struct vfio_pci_hot_reset_info`, without the devices that follow.
struct HotResetInfo: SizedLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Answer<HotResetInfoFlags>(at: 4)
  let count = Answer<UInt32>(at: 8)
  static let size = 12
}

/// `struct vfio_pci_dependent_device`.
struct DependentDevice: SizedLayout {
  let id = Answer<UInt32>(at: 0)
  let segment = Answer<UInt16>(at: 4)
  let bus = Answer<UInt8>(at: 6)
  let devfn = Answer<UInt8>(at: 7)
  static let size = 8
}

/// `struct vfio_pci_hot_reset`, without the files that follow.
struct HotReset: SizedLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<HotResetFlags>(at: 4)
  let count = Member<UInt32>(at: 8)
  static let size = 12
  /// How many bytes each file's number takes.
  static let fileBytes = 4
}

/// `struct vfio_device_ioeventfd`; nobody looks at its last member.
struct IOEventRequest: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<IOEventFlags>(at: 4)
  let offset = Member<UInt64>(at: 8)
  let data = Member<UInt64>(at: 16)
  let fd = Member<Int32>(at: 24)
  let reserved = Member<UInt32>(at: 28)
}

/// `struct vfio_device_feature`, without the data that may follow.
struct FeatureRequest: SizedLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<FeatureFlags>(at: 4)
  static let size = 8
}

/// `struct vfio_iommu_type1_dirty_bitmap` with `struct vfio_iommu_type1_dirty_bitmap_get`.
struct DirtyPages: SizedLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<DirtyPagesFlags>(at: 4)
  let iova = Member<UInt64>(at: 8)
  let length = Member<UInt64>(at: 16)
  let pgsize = Member<UInt64>(at: 24)
  let bitmapSize = Member<UInt64>(at: 32)
  let bitmap = Pointer<UserByte>(at: 40, isAnswer: true)
  static let size = 48
  /// The size without what a bit map needs.
  static let sizeWithoutRange = 8
}

/// A byte of a bit map, or of what only drivers know.
struct UserByte: SizedLayout {
  let byte = Answer<UInt8>(at: 0)
  static let size = 1
}
