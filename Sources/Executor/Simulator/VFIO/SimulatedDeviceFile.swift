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
  /// The iommufd the device is bound to through this file, and its id there.
  private(set) var binding: (context: SimulatedIOMMUFD, id: UInt32)?
  /// The ioasid fd of the 2021 proposal it is bound to, and its label there.
  var proposalBinding: (context: SimulatedIOASIDFile, label: UInt32)?

  /// Opens the cdev of a device that vfio-pci has.
  init(_ address: BDF, in kernel: SimulatedKernel) throws(Errno) {
    guard kernel.host.kernel.vfioCdev || kernel.usesProposal,
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
    group.openDevices += 1
    kernel.host.devices[device].openFiles += 1
  }

  override var label: String { "device \(address)" }

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

  override func release(in kernel: SimulatedKernel) {
    kernel.host.devices[device].openFiles -= 1
    if case .group(let group) = origin {
      group.openDevices -= 1
      kernel.drop(group)
    }
    releaseProposal(in: kernel)
    guard let (context, id) = binding else { return }
    detachDevice(in: kernel)
    binding = nil
    context.remove(id)
    kernel.host.devices[device].owner = nil
    if let group = kernel.host.devices[device].group {
      kernel.host.groups[group].boundDevices -= 1
      kernel.host.unclaim(group)
    }
    kernel.drop(context)
  }

  /// `VFIO_DEVICE_BIND_IOMMUFD` (§2.21), steps in the kernel's order.
  func bind(_ request: inout SimulatedRequest<DeviceBindIOMMUFD>) throws(Errno) {
    let kernel = request.kernel
    let flags = request.flags
    let known: BindFlags = kernel.release >= .v7_3 ? .token : []
    if request.iommufd < 0 || !flags.isSubset(of: known) { throw .einval }
    guard isCdev else { throw .einval }
    // The group before the file: while the group file is open nothing else is looked at, and a file
    // that is bound keeps it closed (§2.21.6, §2.21.7).
    let group = kernel.host.devices[device].group
    if let group, kernel.host.groups[group].isFileOpen { throw .ebusy }
    if binding != nil { throw .einval }
    // vfio-pci knows a token only for SR-IOV functions, but reads it (§2.21.8).
    if flags.contains(.token) {
      guard let token = request.tokenUUIDPtr, token.holds(1) else { throw .efault }
      throw .einval
    }
    let file = try kernel.files.file(request.iommufd)
    guard let context = file as? SimulatedIOMMUFD else { throw .ebadfd }
    try claim(group, for: context, in: kernel)
    let id = context.add(.device(device))
    context.references += 1
    binding = (context, id)
    request.outDevID = id
  }

  /// The part of a bind that makes the device the iommufd's (§2.21.10 to §2.21.17).
  private func claim(
    _ group: Int?, for context: SimulatedIOMMUFD, in kernel: SimulatedKernel
  ) throws(Errno) {
    // Another file of the same device: a device is opened once, whoever asks (§2.21.10).
    if kernel.host.devices[device].owner != nil { throw .einval }
    let unit = try kernel.host.unit(of: device)
    guard let group else { throw .enodev }
    // Interrupts before ownership: a unit that does not isolate them is refused in any group
    // (§2.21.14, §2.21.15).
    if !unit.isolatesInterrupts, !kernel.host.kernel.allowUnsafeInterrupts { throw .eperm }
    try kernel.host.claim(group, for: context.id)
    kernel.host.groups[group].boundDevices += 1
    kernel.host.devices[device].owner = self.id
  }

  /// `VFIO_DEVICE_ATTACH_IOMMUFD_PT` (§2.22).
  func attach(_ request: inout SimulatedRequest<DeviceAttachIOMMUFDPT>) throws(Errno) {
    let kernel = request.kernel
    let hasPASID = try checkPASID(request)
    guard let context = binding?.context else { throw .einval }
    let hwpt: SimulatedHWPT
    // An id of any kind is found, and then refused by its kind: EINVAL, not ENOENT (§2.0.5).
    switch context.object(request.ptID) {
    case nil: throw .enoent
    case .some where hasPASID: throw .einval  // no table here takes one (`pasid_compat`)
    case .device: throw .einval
    case .hwpt(let chosen):
      try attach(to: chosen, in: kernel)
      hwpt = chosen
    case .ioas(let ioas): hwpt = try attach(to: ioas, of: context, in: kernel)
    }
    request.ptID = hwpt.id
  }

  /// `VFIO_DEVICE_DETACH_IOMMUFD_PT` (§2.23); nothing attached is no error.
  func detach(_ request: inout SimulatedRequest<DeviceDetachIOMMUFDPT>) throws(Errno) {
    if try checkPASID(request) { return }  // nothing is attached by one
    detachDevice(in: request.kernel)
  }

  /// Whether a PASID is given, which 7.3 knows; then the structure must have it.
  private func checkPASID<Layout: PASIDLayout>(
    _ request: SimulatedRequest<Layout>
  ) throws(Errno) -> Bool {
    let known: PASIDFlags = request.kernel.release >= .v7_3 ? .pasid : []
    if !request.flags.isSubset(of: known) { throw .einval }
    guard request.flags.contains(.pasid) else { return false }
    if request.argument.statedSize < Layout.sizeWithPASID { throw .einval }
    try request.argument.require(Layout.sizeWithPASID)
    return true
  }

  /// Attaches by address space: the first automatic table that takes the device, in the order they
  /// were made, else a new one (`iommufd/device.c:940`, §3.3).
  private func attach(
    to ioas: SimulatedIOAS, of context: SimulatedIOMMUFD, in kernel: SimulatedKernel
  ) throws(Errno) -> SimulatedHWPT {
    for hwpt in ioas.hwpts where hwpt.isAutomatic {
      do throws(Errno) {
        try attach(to: hwpt, in: kernel)
        return hwpt
      } catch {
        // Only EINVAL means that the table does not suit; anything else is the answer (§3.3).
        if error != .einval { throw error }
      }
    }
    let unit = try kernel.host.unit(of: device)
    let isFirst = kernel.host.devices[device].hwpt == nil
    let hwpt = SimulatedHWPT(
      for: unit, in: ioas, isAutomatic: true, isAttachedFirst: isFirst, of: kernel)
    if isFirst {
      try attachFirst(to: hwpt, of: context, in: kernel)
      return hwpt
    }
    try context.add(hwpt)
    do throws(Errno) {
      try attach(to: hwpt, in: kernel)
    } catch {
      ioas.removeHWPT(hwpt)
      context.remove(hwpt.id)
      throw error
    }
    return hwpt
  }

  /// A first attach comes before the new table is filled (`hw_pagetable.c:206`).
  private func attachFirst(
    to hwpt: SimulatedHWPT, of context: SimulatedIOMMUFD, in kernel: SimulatedKernel
  ) throws(Errno) {
    try kernel.host.attach(device, to: hwpt)
    do throws(Errno) {
      try context.add(hwpt)
    } catch {
      _ = kernel.host.detach(device)
      throw error
    }
  }

  private func attach(to hwpt: SimulatedHWPT, in kernel: SimulatedKernel) throws(Errno) {
    if kernel.host.devices[device].hwpt == nil {
      try kernel.host.attach(device, to: hwpt)
    } else if let old = try kernel.host.replace(device, with: hwpt) {
      dispose(of: old)
    }
  }

  private func detachDevice(in kernel: SimulatedKernel) {
    if let old = kernel.host.detach(device) { dispose(of: old) }
  }

  /// An automatic table goes with its last device.
  private func dispose(of hwpt: SimulatedHWPT) {
    guard hwpt.isAutomatic, hwpt.attachedDevices == 0 else { return }
    hwpt.ioas.removeHWPT(hwpt)
    binding?.context.remove(hwpt.id)
  }
}
