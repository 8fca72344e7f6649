import Planner

/// The requests that reset a device, alone or with its bus (`vfio_pci_core.c:1315` to `:1528`,
/// §2.24).
extension SimulatedDeviceFile {
  /// `VFIO_DEVICE_RESET`.
  func reset(_ request: inout SimulatedRequest<NoArgument>) throws(Errno) {
    let function = request.kernel.host.function(of: device)
    guard function.configuration.canReset || isAlone(in: request.kernel) else { throw .einval }
    function.reset()
  }

  /// `VFIO_DEVICE_GET_PCI_HOT_RESET_INFO`: whom a reset of the bus reaches.
  func reportHotReset(_ request: inout SimulatedRequest<HotResetInfo>) throws(Errno) {
    let host = request.kernel.host
    let mates = host.resetMates(of: device)
    if mates.isEmpty { throw .enodev }
    let room = request.argument.statedSize - HotResetInfo.size
    if mates.count > room / DependentDevice.size {
      (request.flags, request.count) = ([], UInt32(mates.count))
      throw .enospc
    }
    var flags: HotResetInfoFlags = binding == nil ? [] : [.deviceIDs, .owned]
    var bytes: [UInt8] = []
    for mate in mates {
      let (address, group) = (host.devices[mate].address, host.devices[mate].group)
      var described = Structure<DependentDevice>()
      if let binding {
        described.id = binding.hotResetID(of: mate, in: host)
        if described.id == DependentDeviceID.notOwned { flags.remove(.owned) }
      } else {
        guard let group else { throw .eperm }
        described.id = UInt32(host.groups[group].number)
      }
      described.segment = UInt16(truncatingIfNeeded: address.domain)
      described.bus = address.bus
      described.devfn = address.device << 3 | address.function
      bytes += described.bytes
    }
    try request.argument.write(bytes, at: HotResetInfo.size)
    (request.flags, request.count) = (flags, UInt32(mates.count))
  }

  /// `VFIO_DEVICE_PCI_HOT_RESET`: by groups, or of what the device's iommufd has.
  func hotReset(_ request: inout SimulatedRequest<HotReset>) throws(Errno) {
    let kernel = request.kernel
    if !request.flags.isEmpty { throw .einval }
    let count = Int(request.count)
    // A device that was opened by its own node needs no groups, one of a group needs some.
    let isOwn = binding != nil
    if kernel.facts.has(.vfioCdevs), isOwn == (count > 0) { throw .einval }
    let mates = kernel.host.resetMates(of: device)
    if mates.isEmpty { throw .enodev }
    let groups = isOwn ? [] : try groups(request, most: mates.count)
    guard mates.allSatisfy({ kernel.host.devices[$0].isOnVFIO }) else { throw .einval }
    for mate in mates {
      let isOurs =
        binding.map {
          $0.hotResetID(of: mate, in: kernel.host) != DependentDeviceID.notOwned
        } ?? kernel.host.devices[mate].group.map(groups.contains) ?? false
      if !isOurs { throw .einval }
    }
    for mate in mates where kernel.host.isInUse(mate) { kernel.host.function(of: mate).reset() }
  }

  /// The groups that a hot reset names, one for each device at most.
  private func groups(
    _ request: SimulatedRequest<HotReset>, most: Int
  ) throws(Errno) -> Set<Int> {
    let count = Int(request.count)
    if count == 0 || count > most { throw .einval }
    try request.argument.require(HotReset.size + count * HotReset.fileBytes)
    var groups: Set<Int> = []
    for index in 0..<count {
      let number = request.argument.number(
        at: HotReset.size + index * HotReset.fileBytes, width: HotReset.fileBytes)
      let file = try request.kernel.files.file(Int32(bits: number))
      guard let group = file as? SimulatedGroupFile else { throw .einval }
      groups.insert(group.group)
    }
    return groups
  }
}

extension SimulatedBinding {
  /// What a device that is reset along is called (`vfio_iommufd_get_dev_id`).
  ///
  /// A device without an id of this iommufd counts as its own if a mate has one.
  func hotResetID(of mate: Int, in host: SimulatedHost) -> UInt32 {
    guard host.devices[mate].isOnVFIO else { return DependentDeviceID.notOwned }
    var isOwned = false
    for (id, object) in context.liveObjects {
      guard case .device(let bound) = object else { continue }
      if bound == mate { return id }
      let group = host.devices[bound].group
      isOwned = isOwned || group != nil && group == host.devices[mate].group
    }
    return isOwned ? DependentDeviceID.owned : DependentDeviceID.notOwned
  }
}
