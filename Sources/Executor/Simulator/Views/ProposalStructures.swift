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
