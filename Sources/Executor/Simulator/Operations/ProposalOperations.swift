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
