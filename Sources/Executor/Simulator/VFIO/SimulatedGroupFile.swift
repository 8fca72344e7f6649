import Parser
import Planner

/// An open `/dev/vfio/N` (`drivers/vfio/group.c`, §2.25).
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
    try Self.operations.answer(command, &argument, of: self, in: kernel)
  }

  override func release(in kernel: SimulatedKernel) {
    leaveContainer(in: kernel)
    kernel.host.groups[group].isFileOpen = false
  }

  /// `VFIO_GROUP_GET_STATUS`.
  func reportStatus(_ request: inout SimulatedRequest<GroupStatus>) throws(Errno) {
    let host = request.kernel.host
    let isViable = host.groups[group].members.allSatisfy { host.devices[$0].hasSafeDriver }
    if container != nil {
      request.flags = [.viable, .containerSet]
    } else {
      request.flags = isViable ? .viable : []
    }
  }

  /// `VFIO_GROUP_SET_CONTAINER`; only containers, an iommufd in their place is refused.
  func setContainer(_ request: inout SimulatedRequest<ContainerNumber>) throws(Errno) {
    let kernel = request.kernel
    // The number before the state, the state before the file's kind: so it is in §2.25.
    let file = try kernel.files.file(request.container)
    if container != nil { throw .einval }
    guard let container = file as? SimulatedContainer else {
      throw kernel.release == .v6_1 ? .einval : .ebadfd
    }
    // The group is claimed before the container's driver is asked, and given back if that refuses.
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
  func unsetContainer(_ request: inout SimulatedRequest<NoArgument>) throws(Errno) {
    guard container != nil else { throw .einval }
    if openDevices > 0 { throw .ebusy }
    leaveContainer(in: request.kernel)
  }

  private func leaveContainer(in kernel: SimulatedKernel) {
    guard let container else { return }
    self.container = nil
    container.leave(group, in: kernel)
    kernel.host.unclaim(group)
    kernel.drop(container)
  }

  /// `VFIO_GROUP_GET_DEVICE_FD`.
  func openDevice(_ request: inout SimulatedRequest<TextArgument>) throws(Errno) -> Int32 {
    let kernel = request.kernel
    let name = try request.text()
    // The name is looked for before the container: what is not in the group is ENODEV even
    // without one.
    guard let device = BDF(name).flatMap({ kernel.host.device($0) }),
      kernel.host.devices[device].group == group, kernel.host.devices[device].isOnVFIO
    else { throw .enodev }
    guard let container, container.hasDriver else { throw .einval }
    return kernel.install(SimulatedDeviceFile(device, through: self, in: kernel))
  }
}
