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

// The structures of `linux/vfio.h` for groups and containers (§1.4, §1.5).

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
}

/// `struct vfio_bitmap` as the data of that.
struct DMAUnmapBitmap: SizedLayout {
  let pgsize = Member<UInt64>(at: 24)
  let bitmapSize = Member<UInt64>(at: 32)
  let bitmap = Pointer<UserByte>(at: 40, isAnswer: true)
  /// The size of both.
  static let size = 48
}
