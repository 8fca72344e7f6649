import Planner

/// What a device says of itself and its regions (`vfio_pci_core.c:1073`, `:1130`, §2.24).
extension SimulatedDeviceFile {
  /// `VFIO_DEVICE_GET_INFO`: as much of the structure as the caller has room for.
  func reportInformation(_ request: inout SimulatedRequest<DeviceInfo>) throws(Errno) {
    let function = request.kernel.host.function(of: device)
    var info = Structure<DeviceInfo>()
    info.argsz = request.argsz
    info.flags = function.configuration.canReset || isAlone(in: request.kernel) ? .reset : []
    info.flags.insert(.pci)
    info.numRegions = UInt32(function.regions.count)
    info.numIRQs = UInt32(PCIInterrupt.allCases.count)
    let room = request.argument.statedSize
    // Before 6.6 the offset of capabilities is written as a whole or not at all (§7.32).
    let size =
      request.kernel.facts.has(.deviceInfoIsPadded)
      ? min(room, DeviceInfo.size)
      : room < DeviceInfo.sizeWithoutPadding
        ? DeviceInfo.sizeOfFirstRelease : DeviceInfo.sizeWithoutPadding
    try request.argument.write(info.bytes.prefix(size), at: 0)
  }

  /// `VFIO_DEVICE_GET_REGION_INFO`.
  func reportRegion(_ request: inout SimulatedRequest<RegionInfo>) throws(Errno) {
    let regions = regions(in: request.kernel)
    // What nobody has is there all the same, with a length of 0, but for VGA's addresses.
    guard let region = regions.first(where: { $0.index == request.index }),
      region.size > 0 || region.index != PCIRegionIndex.vga
    else { throw .einval }
    var info = Structure<RegionInfo>()
    (info.argsz, info.index) = (request.argsz, region.index)
    (info.flags, info.length, info.offset) = (region.flags, region.size, region.offset)
    info.capOffset = request.capOffset
    if region.hasTable {
      let full = RegionInfo.size + MSIXMappableCapability.size
      let hasRoom = request.argument.statedSize >= full
      info.flags.insert(.caps)
      if hasRoom {
        let capability = Structure<MSIXMappableCapability>.capability()
        try request.argument.write(capability.bytes, at: RegionInfo.size)
      } else {
        info.argsz = UInt32(full)
      }
      info.capOffset = hasRoom ? UInt32(RegionInfo.size) : 0
    }
    try request.argument.write(info.bytes, at: 0)
  }

  /// The device's regions.
  func regions(in kernel: SimulatedKernel) -> [SimulatedRegion] {
    kernel.host.function(of: device).regions
  }

  /// What configuration space has from some offset on; EFAULT beyond its end.
  func readConfiguration(
    at offset: UInt64, count: Int, in kernel: SimulatedKernel
  ) throws(Errno) -> [UInt8] {
    try requireOpen()
    if count == 0 { return [] }
    return try kernel.host.function(of: device).configuration.read(at: offset, count: count)
  }

  /// Writes into configuration space; whether that reset the device.
  @discardableResult
  func writeConfiguration(
    _ bytes: [UInt8], at offset: UInt64, in kernel: SimulatedKernel
  ) throws(Errno) -> Bool {
    try requireOpen()
    if bytes.isEmpty { return false }
    return try kernel.host.function(of: device).write(bytes, at: offset)
  }

  /// How many bytes of a region can be read or written there (`vfio_pci_rw`, §2.29.1).
  ///
  /// EINVAL where nothing is, EIO where memory is switched off.
  func room(
    at offset: UInt64, _ count: Int, isWrite: Bool, in kernel: SimulatedKernel
  ) throws(Errno) -> Int {
    try requireOpen()
    if count == 0 { return 0 }
    let function = kernel.host.function(of: device)
    let index = offset >> PCIRegionIndex.shift
    guard index < function.regions.count else { throw .einval }
    let region = function.regions[Int(index)]
    let start = offset - region.offset
    if region.index == PCIRegionIndex.configuration {
      guard start < region.size, UInt64(count) <= region.size - start else { throw .efault }
      return count
    }
    if start >= region.size || isWrite && region.index == PCIRegionIndex.rom { throw .einval }
    if !function.configuration.hasMemoryOn { throw .eio }
    return Int(min(UInt64(count), region.size - start))
  }

  /// Whether a part of the file may be mapped: whole pages of a window (`vfio_pci_core_mmap`).
  func checkMapping(
    at offset: UInt64, _ length: UInt64, isShared: Bool, in kernel: SimulatedKernel
  ) throws(Errno) {
    try requireOpen()
    let regions = regions(in: kernel)
    let index = offset >> PCIRegionIndex.shift
    guard index < regions.count, isShared, regions[Int(index)].flags.contains(.mmap) else {
      throw .einval
    }
    let page = UInt64(kernel.host.kernel.pageBytes)
    let size = (regions[Int(index)].size + page - 1) & ~(page - 1)
    let start = offset - regions[Int(index)].offset
    guard start <= size, length <= size - start else { throw .einval }
  }

  /// Whether a reset of the device's bus reaches nothing else, so that the device can be reset.
  func isAlone(in kernel: SimulatedKernel) -> Bool {
    kernel.host.resetMates(of: device) == [device]
  }
}
