import Parser

/// An open VFIO device: its cdev, or what a group handed out (`drivers/vfio/device_cdev.c`,
/// sections 2.20 to 2.23).
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
    if command == 0x3b76 {
      try bind(&argument, in: kernel)
      return 0
    }
    if SimulatedIOASIDFile.isDeviceRequest(command), isCdev, kernel.usesProposal {
      return try proposalIoctl(command, &argument, in: kernel)
    }
    if isCdev, binding == nil { throw .einval }  // the gate before every request
    switch command {
    case 0x3b77 where isCdev: try attach(&argument, in: kernel)
    case 0x3b78 where isCdev: try detach(argument, in: kernel)
    default: throw .enotty
    }
    return 0
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

  /// `VFIO_DEVICE_BIND_IOMMUFD` (2.21), steps in the kernel's order.
  private func bind(_ argument: inout SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    let flags = try bindFlags(argument, kernel.release)
    let number = argument.s32(8)
    if number < 0 || flags & ~1 != 0 { throw .einval }
    guard isCdev else { throw .einval }
    let group = kernel.host.devices[device].group
    if let group, kernel.host.groups[group].isFileOpen { throw .ebusy }
    if binding != nil { throw .einval }
    if flags & 1 != 0 {  // vfio-pci knows a token only for SR-IOV functions, but reads it
      guard let token = argument.target(at: 16), token.count >= 16 else { throw .efault }
      throw .einval
    }
    guard let context = try kernel.files.file(number) as? SimulatedIOMMUFD else { throw .ebadfd }
    if kernel.host.devices[device].owner != nil { throw .einval }
    let unit = try kernel.host.unit(of: device)
    guard let group else { throw .enodev }
    if !unit.isolatesInterrupts, !kernel.host.kernel.allowUnsafeInterrupts { throw .eperm }
    try kernel.host.claim(group, for: context.id)
    kernel.host.groups[group].boundDevices += 1
    kernel.host.devices[device].owner = self.id
    let id = context.add(.device(device))
    context.references += 1
    binding = (context, id)
    argument.set32(id, 12)
  }

  private func bindFlags(
    _ argument: SimulatedArgument, _ release: KernelRelease
  ) throws(Errno) -> UInt32 {
    try argument.require(4)
    let size = Int(argument.u32(0))
    if size < 16 { throw .einval }
    if release >= .v7_3 { try argument.checkSize(min: 16, full: 24) }
    try argument.require(16)
    let flags = argument.u32(4)
    return release >= .v7_3 || flags == 0 ? flags : ~0
  }

  /// `VFIO_DEVICE_ATTACH_IOMMUFD_PT` (2.22).
  private func attach(
    _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.checkArgsz(12)
    let hasPASID = try checkPASID(argument, size: 16, kernel.release)
    guard let context = binding?.context else { throw .einval }
    let hwpt: SimulatedHWPT
    switch context.object(argument.u32(8)) {
    case nil: throw .enoent
    case .some where hasPASID: throw .einval  // no table here takes one (`pasid_compat`)
    case .device: throw .einval
    case .hwpt(let chosen):
      try attach(to: chosen, in: kernel)
      hwpt = chosen
    case .ioas(let ioas): hwpt = try attach(to: ioas, of: context, in: kernel)
    }
    argument.set32(hwpt.id, 8)
  }

  /// `VFIO_DEVICE_DETACH_IOMMUFD_PT` (2.23); nothing attached is no error.
  private func detach(_ argument: SimulatedArgument, in kernel: SimulatedKernel) throws(Errno) {
    try argument.checkArgsz(8)
    if try checkPASID(argument, size: 12, kernel.release) { return }  // nothing is attached by one
    detachDevice(in: kernel)
  }

  /// Whether a PASID is given, which 7.3 knows; then the structure must have it.
  private func checkPASID(
    _ argument: SimulatedArgument, size: Int, _ release: KernelRelease
  ) throws(Errno) -> Bool {
    switch argument.u32(4) {
    case 0: return false
    case 1 where release >= .v7_3:
      if Int(argument.u32(0)) < size { throw .einval }
      try argument.require(size)
      return true
    default: throw .einval
    }
  }

  /// Attaches by address space: the first automatic table that takes the device, in the order they
  /// were made, else a new one (`iommufd/device.c:940`, section 3.3).
  private func attach(
    to ioas: SimulatedIOAS, of context: SimulatedIOMMUFD, in kernel: SimulatedKernel
  ) throws(Errno) -> SimulatedHWPT {
    for hwpt in ioas.hwpts where hwpt.isAutomatic {
      do throws(Errno) {
        try attach(to: hwpt, in: kernel)
        return hwpt
      } catch {
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

/// Attachments of devices to the hardware page tables of iommufd (2.22).
extension SimulatedHost {
  /// First attach of a device: steps A1 to A8.
  mutating func attach(_ device: Int, to hwpt: SimulatedHWPT) throws(Errno) {
    let group = try group(of: device)
    if let present = groups[group].hwpt, present !== hwpt { throw .einval }
    try hwpt.ioas.reserve(devices[device].reserved)
    if groups[group].hwpt == nil, !admits(group, hwpt) {
      hwpt.ioas.unreserve(devices[device].reserved)
      throw .einval
    }
    groups[group].hwpt = hwpt
    groups[group].attachedDevices += 1
    devices[device].hwpt = hwpt
    hwpt.attachedDevices += 1
  }

  /// Attach while attached: all attached mates move together (R1 to R4).
  ///
  /// Returns the table they left, or `nil` if they were on the new one already.
  mutating func replace(
    _ device: Int, with hwpt: SimulatedHWPT
  ) throws(Errno) -> SimulatedHWPT? {
    let group = try group(of: device)
    guard let old = groups[group].hwpt, old !== hwpt else { return nil }
    let attached = groups[group].members.filter { devices[$0].hwpt != nil }
    let ranges = attached.flatMap { devices[$0].reserved }
    if old.ioas !== hwpt.ioas { try hwpt.ioas.reserve(ranges) }
    guard admits(group, hwpt) else {
      if old.ioas !== hwpt.ioas { hwpt.ioas.unreserve(ranges) }
      throw .einval
    }
    if old.ioas !== hwpt.ioas { old.ioas.unreserve(ranges) }
    for mate in attached { devices[mate].hwpt = hwpt }
    old.attachedDevices -= attached.count
    hwpt.attachedDevices += attached.count
    groups[group].hwpt = hwpt
    return old
  }

  /// Detaches a device and returns the table it was on.
  mutating func detach(_ device: Int) -> SimulatedHWPT? {
    guard let hwpt = devices[device].hwpt, let group = devices[device].group else { return nil }
    devices[device].hwpt = nil
    hwpt.attachedDevices -= 1
    hwpt.ioas.unreserve(devices[device].reserved)
    groups[group].attachedDevices -= 1
    if groups[group].attachedDevices == 0 { groups[group].hwpt = nil }
    return hwpt
  }

  /// Whether a table takes every device of a group.
  private func admits(_ group: Int, _ hwpt: SimulatedHWPT) -> Bool {
    groups[group].members.allSatisfy { member in
      devices[member].unit.map { hwpt.admits(units[$0]) } ?? true
    }
  }
}
