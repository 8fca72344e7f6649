import Parser

/// An open `/dev/vfio/N` (`drivers/vfio/group.c`, section 2.25).
final class SimulatedGroupFile: SimulatedFile {
  /// Position of the group in the host.
  let group: Int
  /// The group's number.
  let number: Int
  /// The container the group is in.
  private(set) var container: SimulatedContainer?
  /// How many device files it handed out that are still open.
  var openDevices = 0

  /// Opens the node of a group that has a device on vfio-pci.
  init(_ number: Int, in kernel: SimulatedKernel) throws(Errno) {
    guard kernel.host.kernel.type1, let group = kernel.host.group(number),
      kernel.host.groups[group].members.contains(where: { kernel.host.devices[$0].isOnVFIO })
    else { throw .enoent }
    if kernel.host.groups[group].boundDevices > 0 { throw .ebusy }
    if kernel.host.groups[group].isFileOpen { throw .ebusy }
    self.group = group
    self.number = number
    super.init()
    kernel.host.groups[group].isFileOpen = true
  }

  override var label: String { "group \(number)" }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    switch command {
    case 0x3b67: try reportStatus(&argument, in: kernel)
    case 0x3b68: try setContainer(argument, in: kernel)
    case 0x3b69: try unsetContainer(in: kernel)
    case 0x3b6a: return try openDevice(argument, in: kernel)
    default: throw .enotty
    }
    return 0
  }

  override func release(in kernel: SimulatedKernel) {
    leaveContainer(in: kernel)
    kernel.host.groups[group].isFileOpen = false
  }

  /// `VFIO_GROUP_GET_STATUS`.
  private func reportStatus(
    _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.checkArgsz(8)
    let members = kernel.host.groups[group].members
    let isViable = members.allSatisfy { kernel.host.devices[$0].hasSafeDriver }
    argument.set32((container != nil || isViable ? 1 : 0) | (container != nil ? 2 : 0), 4)
  }

  /// `VFIO_GROUP_SET_CONTAINER`; only containers, an iommufd in their place is refused.
  private func setContainer(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.require(4)
    let file = try kernel.files.file(argument.s32(0))
    if container != nil { throw .einval }
    guard let container = file as? SimulatedContainer else {
      throw kernel.release == .v6_1 ? .einval : .ebadfd
    }
    try kernel.host.claim(group, for: container.id)
    do throws(Errno) {
      try container.join(group, in: kernel)
    } catch {
      kernel.host.unclaim(group)
      throw error
    }
    container.references += 1
    self.container = container
  }

  /// `VFIO_GROUP_UNSET_CONTAINER`.
  private func unsetContainer(in kernel: SimulatedKernel) throws(Errno) {
    guard container != nil else { throw .einval }
    if openDevices > 0 { throw .ebusy }
    leaveContainer(in: kernel)
  }

  private func leaveContainer(in kernel: SimulatedKernel) {
    guard let container else { return }
    self.container = nil
    container.leave(group, in: kernel)
    kernel.host.unclaim(group)
    kernel.drop(container)
  }

  /// `VFIO_GROUP_GET_DEVICE_FD`.
  private func openDevice(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    let name = try argument.text()
    guard let device = BDF(name).flatMap({ kernel.host.device($0) }),
      kernel.host.devices[device].group == group, kernel.host.devices[device].isOnVFIO
    else { throw .enodev }
    guard let container, container.hasDriver else { throw .einval }
    return kernel.install(SimulatedDeviceFile(device, through: self, in: kernel))
  }
}
