import Planner

/// `VFIO_DEVICE_FEATURE` (`vfio_main.c:1263`, `vfio_pci_core.c:1610`, §2.24).
extension SimulatedDeviceFile {
  /// Flags, then what the device has of that: a token, and sleep.
  ///
  /// No device here migrates or logs its requests.
  func feature(_ request: inout SimulatedRequest<FeatureRequest>) throws(Errno) {
    let kernel = request.kernel
    let flags = request.flags
    let asksBoth = flags.contains(.get) && flags.contains(.set) && !flags.contains(.probe)
    if !flags.isSubset(of: .known) || asksBoth { throw .einval }
    switch flags.feature {
    case .token where kernel.host.hasVirtualFunctions(device): try setToken(request)
    case .lowPowerEntry where kernel.facts.has(.devicesSleep):
      if try isMeant(request, bytes: 0) { try sleep(in: kernel) }
    case .lowPowerEntryWithWakeup where kernel.facts.has(.devicesSleep):
      if try isMeant(request, bytes: DeviceFeature.wakeupBytes) { try sleep(request) }
    case .lowPowerExit where kernel.facts.has(.devicesSleep):
      if try isMeant(request, bytes: 0) { kernel.host.function(of: device).isAsleep = false }
    case .token, .lowPowerEntry, .lowPowerEntryWithWakeup, .lowPowerExit, nil: throw .enotty
    }
  }

  /// Whether something is to be set, not only asked about (`vfio_check_feature`); nothing here can
  /// be got.
  private func isMeant(
    _ request: SimulatedRequest<FeatureRequest>, bytes: Int
  ) throws(Errno) -> Bool {
    let flags = request.flags
    if flags.contains(.get) { throw .einval }
    if flags.contains(.probe) { return false }
    let room = request.argument.statedSize - FeatureRequest.size
    if !flags.contains(.set) || room < bytes { throw .einval }
    return true
  }

  private func sleep(_ request: SimulatedRequest<FeatureRequest>) throws(Errno) {
    try request.argument.require(FeatureRequest.size + DeviceFeature.wakeupBytes)
    let file = Int32(bits: request.argument.number(at: FeatureRequest.size, width: 4))
    let reserved = request.argument.number(at: FeatureRequest.size + 4, width: 4)
    if file < 0 || reserved != 0 { throw .einval }
    _ = try request.kernel.event(file)
    try sleep(in: request.kernel)
  }

  private func sleep(in kernel: SimulatedKernel) throws(Errno) {
    let function = kernel.host.function(of: device)
    if function.isAsleep { throw .einval }
    function.isAsleep = true
  }

  /// The token that virtual functions are to be opened with.
  private func setToken(_ request: SimulatedRequest<FeatureRequest>) throws(Errno) {
    guard try isMeant(request, bytes: UUIDBytes.size) else { return }
    try request.argument.require(FeatureRequest.size + UUIDBytes.size)
    request.kernel.host.devices[device].token = (0..<UUIDBytes.size).map {
      UInt8(bits: request.argument.number(at: FeatureRequest.size + $0, width: 1))
    }
  }
}
