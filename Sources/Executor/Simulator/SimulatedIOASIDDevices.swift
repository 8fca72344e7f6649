/// The proposal's requests on device files.
extension SimulatedDeviceFile {
  /// Answers one of them.
  func proposalIoctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    switch command {
    case 0x3b7a: try bindProposal(&argument, in: kernel)
    case 0x3b7b: try unbindProposal(argument, in: kernel)
    case 0x3b7c: try attachProposal(argument, in: kernel)
    default: try detachProposal(argument, in: kernel)
    }
    return 0
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

  /// `VFIO_BIND_IOASID_FD`: one device, one ioasid fd; the checks of ownership are those of a bind
  /// to an iommufd.
  private func bindProposal(
    _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.checkArgsz(16)
    if argument.u32(4) != 0 { throw .einval }
    guard let context = try kernel.files.file(argument.s32(8)) as? SimulatedIOASIDFile else {
      throw .ebadfd
    }
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
    argument.set32(label, 12)
  }

  /// `VFIO_UNBIND_IOASID_FD`; refused while attached.
  private func unbindProposal(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.checkArgsz(12)
    if argument.u32(4) != 0 { throw .einval }
    let file = try kernel.files.file(argument.s32(8))
    guard let (context, _) = proposalBinding, context === file else { throw .einval }
    if kernel.host.devices[device].ioasid != nil { throw .ebusy }
    releaseProposal(in: kernel)
  }

  /// `VFIO_ATTACH_IOASID`: succeeds or fails, and takes no second word about snooping.
  private func attachProposal(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    let table = try proposalTable(argument)
    if kernel.host.devices[device].ioasid != nil { throw .ebusy }
    try kernel.host.attach(device, to: table)
  }

  /// `VFIO_DETACH_IOASID`.
  private func detachProposal(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    let table = try proposalTable(argument)
    guard kernel.host.devices[device].ioasid === table else { throw .einval }
    kernel.host.detachIOASID(device)
  }

  private func proposalTable(_ argument: SimulatedArgument) throws(Errno) -> SimulatedIOASID {
    try argument.checkArgsz(12)
    guard let (context, _) = proposalBinding, argument.u32(4) == 0 else { throw .einval }
    return try context.table(argument.u32(8))
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

/// The proposal's requests on a VM of KVM.
extension SimulatedVM {
  /// Answers one of them.
  func proposalIoctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    switch command {
    case 0xaef1: try addIOASIDFile(argument, in: kernel)
    case 0xaef2: try allow(argument, in: kernel)
    case 0xaef3: try disallow(argument, in: kernel)
    default: throw .enotty
    }
    return 0
  }

  /// What the end of the VM gives back.
  func releaseProposal(in kernel: SimulatedKernel) {
    allowances = []
    let files = ioasidFiles
    ioasidFiles = []
    for file in files { kernel.drop(file) }
  }

  /// `KVM_ADD_IOASID_FD`: the VM keeps the file.
  private func addIOASIDFile(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    let number = Int32(truncatingIfNeeded: argument.value)
    guard let file = try kernel.files.file(number) as? SimulatedIOASIDFile else { throw .einval }
    if ioasidFiles.contains(where: { $0 === file }) { throw .eexist }
    file.references += 1
    ioasidFiles.append(file)
  }

  /// `KVM_ALLOW_INCOHERENT_DMA`, with a device in a registered ioasid fd as the proof.
  ///
  /// The device must declare itself capable of no-snoop; no page table is looked at.
  private func allow(_ argument: SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    let proof = try proof(argument, in: kernel)
    let device = try proof.file.device(proof.label)
    guard kernel.host.devices[device].canNoSnoop else { throw .eperm }
    if allowances.contains(proof) { throw .eexist }
    allowances.append(proof)
  }

  /// `KVM_DISALLOW_INCOHERENT_DMA`.
  private func disallow(_ argument: SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    let proof = try proof(argument, in: kernel)
    guard let index = allowances.firstIndex(of: proof) else { throw .enoent }
    allowances.remove(at: index)
  }

  private func proof(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Proof {
    try argument.require(8)
    guard let file = try kernel.files.file(argument.s32(0)) as? SimulatedIOASIDFile else {
      throw .einval
    }
    guard ioasidFiles.contains(where: { $0 === file }) else { throw .enoent }
    let label = argument.u32(4)
    let device = try? file.device(label)
    return Proof(file: file, label: label, device: device)
  }
}
