extension SimulatedIOASIDFile {
  /// What `/dev/ioasid` answers.
  ///
  /// The proposal says offsets; the base 0xc0 and the offset of `IOASID_GET_DEV_INFO` are ours.
  static let operations = OperationTable<SimulatedIOASIDFile>([
    Operation("IOASID_CHECK_EXTENSION", 0x3bc0, .none, checkExtension),
    Operation("IOASID_REGISTER_MEMORY", 0x3bc1, .argsz(24), registerMemory),
    Operation("IOASID_UNREGISTER_MEMORY", 0x3bc2, .argsz(24), unregisterMemory),
    Operation("IOASID_ALLOC", 0x3bc3, .argsz(8), allocate),
    Operation("IOASID_FREE", 0x3bc4, .argsz(12), free),
    Operation("IOASID_GET_INFO", 0x3bc5, .argsz(32), reportTable),
    Operation("IOASID_MAP_DMA", 0x3bc6, .argsz(40), map),
    Operation("IOASID_UNMAP_DMA", 0x3bc7, .argsz(32), unmap),
    Operation("IOASID_GET_DEV_INFO", 0x3bce, .argsz(32), reportDevice),
  ])
}

extension SimulatedDeviceFile {
  /// What a device's own node answers beside its other requests once `/dev/ioasid` was opened.
  static let proposalOperations = OperationTable<SimulatedDeviceFile>([
    Operation("VFIO_BIND_IOASID_FD", 0x3b7a, .argsz(16), bindProposal),
    Operation("VFIO_UNBIND_IOASID_FD", 0x3b7b, .argsz(12), unbindProposal),
    Operation("VFIO_ATTACH_IOASID", 0x3b7c, .argsz(12), attachProposal),
    Operation("VFIO_DETACH_IOASID", 0x3b7d, .argsz(12), detachProposal),
  ])
}

// The structures and constants of the 2021 proposal; the layouts are ours.

/// `VFIO_BIND_IOASID_FD`'s.
struct BindIOASIDFD: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let ioasidFD = Member<Int32>(at: 8)
  let deviceLabel = Answer<UInt32>(at: 12)
}

/// `VFIO_UNBIND_IOASID_FD`'s.
struct UnbindIOASIDFD: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let ioasidFD = Member<Int32>(at: 8)
}

/// What names a page table: for an attach, a detach and `IOASID_FREE`.
struct IOASIDName: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let ioasid = Member<UInt32>(at: 8)
}

/// `IOASID_ALLOC`'s.
struct IOASIDAlloc: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<IOASIDFlags>(at: 4)
}

/// `IOASID_GET_INFO`'s.
struct IOASIDInfo: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Answer<IOASIDFlags>(at: 4)
  let ioasid = Member<UInt32>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let iovaPgsizes = Answer<UInt64>(at: 16)
  let lastIOVA = Answer<UInt64>(at: 24)
}

/// `IOASID_GET_DEV_INFO`'s.
struct IOASIDDeviceInfo: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let deviceLabel = Member<UInt32>(at: 4)
  let flags = Answer<IOASIDFlags>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let iovaPgsizes = Answer<UInt64>(at: 16)
  let lastIOVA = Answer<UInt64>(at: 24)
}

/// `IOASID_MAP_DMA`'s.
struct IOASIDMapDMA: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<IOASIDMapFlags>(at: 4)
  let ioasid = Member<UInt32>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let vaddr = Member<UInt64>(at: 16)
  let iova = Member<UInt64>(at: 24)
  let size = Member<UInt64>(at: 32)
}

/// `IOASID_UNMAP_DMA`'s.
struct IOASIDUnmapDMA: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let ioasid = Member<UInt32>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let iova = Member<UInt64>(at: 16)
  let size = Answer<UInt64>(at: 24)
}

/// What names a range of memory: for `IOASID_REGISTER_MEMORY` and its counterpart.
struct IOASIDMemory: StructureLayout {
  let argsz = Member<UInt32>(at: 0)
  let flags = Member<NoFlags>(at: 4)
  let vaddr = Member<UInt64>(at: 8)
  let size = Member<UInt64>(at: 16)
}

/// The proof of a right: for `KVM_ALLOW_INCOHERENT_DMA` and its counterpart.
struct IncoherentDMAProof: StructureLayout {
  let ioasidFD = Member<Int32>(at: 0)
  let deviceLabel = Member<UInt32>(at: 4)
}

/// The flag of a page table's format, and of what a device's IOMMU can do.
struct IOASIDFlags: Flags {
  let rawValue: UInt32
  /// Snoop is enforced, or can be.
  static let enforceSnoop = IOASIDFlags(rawValue: 1)
}

/// The flags of `IOASID_MAP_DMA`, which are type1's.
struct IOASIDMapFlags: Flags {
  let rawValue: UInt32
  /// Devices may read.
  static let read = IOASIDMapFlags(rawValue: 1)
  /// Devices may write.
  static let write = IOASIDMapFlags(rawValue: 2)
}

/// The extensions that `IOASID_CHECK_EXTENSION` is asked for.
enum IOASIDExtension {
  /// Whether page tables can enforce snoop.
  static let enforceSnoop: UInt64 = 1
}
