import Parser
import Planner

/// An open VFIO device: its cdev, or what a group handed out (`drivers/vfio/device_cdev.c`,
/// §2.20 to §2.23).
final class SimulatedDeviceFile: SimulatedFile {
  /// Where the file comes from, and so which interface it takes part in.
  enum Origin {
    /// The device's own node.
    case cdev
    /// `VFIO_GROUP_GET_DEVICE_FD` on this group file, which it keeps open.
    case group(SimulatedGroupFile)
  }

  /// Position of the device in the host.
  let device: Int
  /// Its PCI address.
  let address: BDF
  /// Where the file comes from.
  let origin: Origin
  /// The binding of the device to an iommufd through this file.
  private(set) var binding: SimulatedBinding?
  /// The ioasid fd of the 2021 proposal it is bound to, and its label there.
  var proposalBinding: (context: SimulatedIOASIDFile, label: UInt32)?

  /// Opens the cdev of a device that vfio-pci has.
  init(_ address: BDF, in kernel: SimulatedKernel) throws(Errno) {
    guard kernel.host.nodes.hasCdevs || kernel.usesProposal,
      let device = kernel.host.device(address), kernel.host.devices[device].isOnVFIO
    else { throw .enoent }
    self.device = device
    self.address = address
    origin = .cdev
    super.init()
    kernel.host.devices[device].openFiles += 1
  }

  /// Opens a device through its group, which is in a container with a driver.
  init(_ device: Int, through group: SimulatedGroupFile, in kernel: SimulatedKernel) {
    self.device = device
    address = kernel.host.devices[device].address
    origin = .group(group)
    super.init()
    group.references += 1
    kernel.host.devices[device].openFiles += 1
    kernel.host.devices[device].groupFiles += 1
  }

  override var label: String { "device \(address)" }

  override func name(of command: UInt32) -> String? {
    Self.cdevOperations.name(of: command) ?? Self.groupDeviceOperations.name(of: command)
  }

  private var isCdev: Bool {
    if case .cdev = origin { true } else { false }
  }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    guard isCdev else {
      return try Self.groupDeviceOperations.answer(command, &argument, of: self, in: kernel)
    }
    // The proposal's requests bind and attach to something else, and so have no part in the gate.
    if kernel.usesProposal, Self.proposalOperations.knows(command) {
      return try Self.proposalOperations.answer(command, &argument, of: self, in: kernel)
    }
    // Nothing but a bind is for a device that is not bound, not even an unknown request (§2.20.2).
    return try Self.cdevOperations.answer(
      command, &argument, of: self, in: kernel, gate: binding == nil ? .einval : nil)
  }

  /// What is not bound can neither be read, written nor mapped (§2.20.2).
  func requireOpen() throws(Errno) { if isCdev, binding == nil { throw .einval } }

  override func release(in kernel: SimulatedKernel) {
    kernel.host.devices[device].openFiles -= 1
    defer { kernel.host.closeFunction(of: device) }
    if case .group(let group) = origin { group.close(self, in: kernel) }
    releaseProposal(in: kernel)
    guard let binding else { return }
    self.binding = nil
    kernel.host.devices[device].owner = nil
    if let group = kernel.host.devices[device].group {
      kernel.host.groups[group].boundDevices -= 1
    }
    binding.end(in: kernel)
  }

  /// `VFIO_DEVICE_BIND_IOMMUFD` (§2.21), steps in the kernel's order.
  func bind(_ request: inout SimulatedRequest<DeviceBindIOMMUFD>) throws(Errno) {
    let kernel = request.kernel
    let flags = request.flags
    let known: BindFlags = kernel.facts.has(.bindKnowsTokens) ? .token : []
    if request.iommufd < 0 || !flags.isSubset(of: known) { throw .einval }
    guard isCdev else { throw .einval }
    // The group before the file: while the group file is open nothing else is looked at, and a file
    // that is bound keeps it closed (§2.21.6, §2.21.7).
    let group = kernel.host.devices[device].group
    if let group, kernel.host.groups[group].isFileOpen { throw .ebusy }
    if binding != nil { throw .einval }
    try checkToken(request)
    let file = try kernel.files.file(request.iommufd)
    guard let context = file as? SimulatedIOMMUFD else { throw .ebadfd }
    // Another file of the same device: a device is opened once, no matter who asks (§2.21.10).
    if kernel.host.devices[device].owner != nil { throw .einval }
    let binding = try SimulatedBinding(device, to: context, in: kernel)
    if let group { kernel.host.groups[group].boundDevices += 1 }
    kernel.host.devices[device].owner = self.id
    self.binding = binding
    request.outDevID = binding.id
  }

  /// The token, which is asked for since a bind knows of it (§2.21.8).
  private func checkToken(_ request: SimulatedRequest<DeviceBindIOMMUFD>) throws(Errno) {
    let kernel = request.kernel
    guard kernel.facts.has(.bindKnowsTokens) else { return }
    guard request.flags.contains(.token) else {
      return try kernel.host.checkToken(of: device, nil)
    }
    guard let token = request.tokenUUIDPtr, token.holds(1) else { throw .efault }
    try kernel.host.checkToken(of: device, Array(token.bytes.prefix(UUIDBytes.size)))
  }

  /// `VFIO_DEVICE_ATTACH_IOMMUFD_PT` (§2.22).
  func attach(_ request: inout SimulatedRequest<DeviceAttachIOMMUFDPT>) throws(Errno) {
    let kernel = request.kernel
    let hasPASID = try checkPASID(request)
    guard let binding else { throw .einval }
    let hwpt: SimulatedHWPT
    // An id of any kind is found, and then refused by its kind: EINVAL, not ENOENT (§2.0.5).
    switch binding.context.object(request.ptID) {
    case nil: throw .enoent
    case .some where hasPASID: throw .einval  // no table here takes one (`pasid_compat`)
    case .device, .mock, .access: throw .einval
    case .hwpt(let chosen):
      try binding.attach(to: chosen, in: kernel)
      hwpt = chosen
    case .ioas(let ioas): hwpt = try binding.attach(to: ioas, in: kernel)
    }
    request.ptID = hwpt.id
  }

  /// `VFIO_DEVICE_DETACH_IOMMUFD_PT` (§2.23); nothing attached is not an error.
  func detach(_ request: inout SimulatedRequest<DeviceDetachIOMMUFDPT>) throws(Errno) {
    if try checkPASID(request) { return }  // nothing is attached by one
    binding?.detach(in: request.kernel)
  }

  /// Whether a PASID is given, which 6.15 knows; then the structure must have it.
  private func checkPASID<Layout: PASIDLayout>(
    _ request: SimulatedRequest<Layout>
  ) throws(Errno) -> Bool {
    let known: PASIDFlags = request.kernel.facts.has(.pasids) ? .pasid : []
    if !request.flags.isSubset(of: known) { throw .einval }
    guard request.flags.contains(.pasid) else { return false }
    if request.argument.statedSize < Layout.sizeWithPASID { throw .einval }
    try request.argument.require(Layout.sizeWithPASID)
    return true
  }
}
