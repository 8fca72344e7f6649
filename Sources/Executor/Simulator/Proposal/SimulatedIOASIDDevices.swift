import Planner

/// The proposal's requests on device files.
extension SimulatedDeviceFile {
  /// `VFIO_BIND_IOASID_FD`: one device, one ioasid fd; the checks of ownership are those of a bind
  /// to an iommufd.
  func bindProposal(_ request: inout SimulatedRequest<BindIOASIDFD>) throws(Errno) {
    let kernel = request.kernel
    if !request.flags.isEmpty { throw .einval }
    let file = try kernel.files.file(request.ioasidFD)
    guard let context = file as? SimulatedIOASIDFile else { throw .ebadfd }
    if binding != nil || kernel.host.devices[device].owner != nil { throw .ebusy }
    let unit = try kernel.host.unit(of: device)
    let group = try kernel.host.group(of: device)
    if kernel.host.groups[group].isFileOpen { throw .ebusy }
    if !unit.isolatesInterrupts, !kernel.host.kernel.allowUnsafeInterrupts { throw .eperm }
    try kernel.host.claim(group, for: context.id)
    kernel.host.groups[group].boundDevices += 1
    kernel.host.groups[group].ioasid?.expectedDevices += 1
    kernel.host.devices[device].owner = self.id
    context.references += 1
    let label = context.bind(device)
    proposalBinding = (context, label)
    request.deviceLabel = label
  }

  /// `VFIO_UNBIND_IOASID_FD`; refused while attached.
  func unbindProposal(_ request: inout SimulatedRequest<UnbindIOASIDFD>) throws(Errno) {
    let kernel = request.kernel
    if !request.flags.isEmpty { throw .einval }
    let file = try kernel.files.file(request.ioasidFD)
    guard let (context, _) = proposalBinding, context === file else { throw .einval }
    if kernel.host.devices[device].ioasid != nil { throw .ebusy }
    releaseProposal(in: kernel)
  }

  /// `VFIO_ATTACH_IOASID`: succeeds or fails, and takes no second word about snooping.
  func attachProposal(_ request: inout SimulatedRequest<IOASIDName>) throws(Errno) {
    let table = try proposalTable(request)
    if request.kernel.host.devices[device].ioasid != nil { throw .ebusy }
    try request.kernel.host.attach(device, to: table)
  }

  /// `VFIO_DETACH_IOASID`.
  func detachProposal(_ request: inout SimulatedRequest<IOASIDName>) throws(Errno) {
    let table = try proposalTable(request)
    guard request.kernel.host.devices[device].ioasid === table else { throw .einval }
    request.kernel.host.detachIOASID(device)
  }

  private func proposalTable(
    _ request: SimulatedRequest<IOASIDName>
  ) throws(Errno) -> SimulatedIOASID {
    guard let (context, _) = proposalBinding, request.flags.isEmpty else { throw .einval }
    return try context.table(request.ioasid)
  }

  /// What closing the file does: detach, then unbind.
  func releaseProposal(in kernel: SimulatedKernel) {
    guard let (context, label) = proposalBinding else { return }
    kernel.host.detachIOASID(device)
    proposalBinding = nil
    context.unbind(label)
    kernel.host.devices[device].owner = nil
    if let group = kernel.host.devices[device].group {
      kernel.host.groups[group].boundDevices -= 1
      kernel.host.groups[group].ioasid?.expectedDevices -= 1
      kernel.host.unclaim(group)
    }
    kernel.drop(context)
  }
}

extension SimulatedHost {
  /// Puts a device on a page table of the proposal.
  mutating func attach(_ device: Int, to table: SimulatedIOASID) throws(Errno) {
    let unit = try unit(of: device)
    let group = try group(of: device)
    if let present = groups[group].ioasid, present !== table { throw .einval }
    guard table.admits(unit) else { throw .einval }
    if let last = table.areas.areas.last, last.range.last > unit.apertureLast {
      throw .eaddrinuse
    }
    for range in devices[device].reserved where table.areas.touches(range) { throw .eaddrinuse }
    for range in devices[device].reserved { table.reserved.add(range) }
    if groups[group].ioasid == nil {
      groups[group].ioasid = table
      table.expectedDevices += groups[group].boundDevices
    }
    groups[group].attachedDevices += 1
    devices[device].ioasid = table
    table.attachedDevices += 1
    if table.unit == nil { table.unit = unit }
  }

  /// Takes a device off its page table of the proposal, if it is on one.
  mutating func detachIOASID(_ device: Int) {
    guard let table = devices[device].ioasid, let group = devices[device].group else { return }
    devices[device].ioasid = nil
    for range in devices[device].reserved { table.reserved.remove(range) }
    table.attachedDevices -= 1
    if table.attachedDevices == 0 { table.unit = nil }
    groups[group].attachedDevices -= 1
    guard groups[group].attachedDevices == 0 else { return }
    groups[group].ioasid = nil
    table.expectedDevices -= groups[group].boundDevices
  }
}
