import Parser
import Planner

/// An open `/dev/vfio/N` (`drivers/vfio/group.c`, §2.25).
final class SimulatedGroupFile: SimulatedFile {
  /// What a group was put into.
  private enum Place {
    /// A container.
    case container(SimulatedContainer)
    /// An iommufd in the place of a container.
    case iommufd(SimulatedIOMMUFD)

    /// The file.
    var file: SimulatedFile {
      switch self {
      case .container(let file): file
      case .iommufd(let file): file
      }
    }
  }

  /// Position of the group in the host.
  let group: Int
  /// The group's number.
  let number: Int
  private var place: Place?
  /// How many device files it handed out that are still open.
  private var openDevices = 0
  /// How many VMs know it, as far as they keep it in its container (before 5.19).
  var users = 0

  /// Opens the node of a group that has a device on vfio-pci.
  init(_ number: Int, in kernel: SimulatedKernel) throws(Errno) {
    guard kernel.host.nodes.hasGroups, let group = kernel.host.group(number),
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

  override func name(of command: UInt32) -> String? { Self.operations.name(of: command) }

  /// The container the group is in.
  var container: SimulatedContainer? {
    if case .container(let container) = place { container } else { nil }
  }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    try Self.operations.answer(command, &argument, of: self, in: kernel)
  }

  override func release(in kernel: SimulatedKernel) {
    leave(in: kernel)
    kernel.host.groups[group].isFileOpen = false
  }

  /// `VFIO_GROUP_GET_STATUS`; from 5.19 on what is in a container is viable (§7.11).
  func reportStatus(_ request: inout SimulatedRequest<GroupStatus>) throws(Errno) {
    let kernel = request.kernel
    let isKept = place != nil && kernel.facts.has(.groupsAreClaimed)
    request.flags = isKept || kernel.host.isViable(group) ? .viable : []
    if place != nil { request.flags.insert(.containerSet) }
  }

  /// `VFIO_GROUP_SET_CONTAINER`, of a container or an iommufd.
  func setContainer(_ request: inout SimulatedRequest<ContainerNumber>) throws(Errno) {
    let kernel = request.kernel
    // From 6.1 on the number comes before the state, and both before the kind (§2.25, §7.36).
    let knowsIOMMUFDs = kernel.facts.has(.iommufd)
    if !kernel.facts.has(.containerNumberFirst), request.container < 0 || place != nil {
      throw .einval
    }
    let file = try kernel.files.file(request.container)
    if place != nil { throw .einval }
    switch file {
    case let file as SimulatedContainer:
      try join(file, in: kernel)
      place = .container(file)
    case let file as SimulatedIOMMUFD where knowsIOMMUFDs:
      // Nothing is claimed yet: that comes with the first device.
      file.provideCompatIOAS()
      place = .iommufd(file)
    default: throw knowsIOMMUFDs ? .ebadfd : .einval
    }
    file.references += 1
  }

  /// The group is claimed before the container's driver is asked, and given back if that refuses.
  private func join(_ container: SimulatedContainer, in kernel: SimulatedKernel) throws(Errno) {
    try kernel.host.claim(
      group, for: container.id, asksDrivers: kernel.facts.has(.groupsAreClaimed))
    do throws(Errno) {
      try container.join(group, in: kernel)
    } catch {
      kernel.host.unclaim(group)
      throw error
    }
  }

  /// `VFIO_GROUP_UNSET_CONTAINER`; an iommufd is let go even while devices are open.
  func unsetContainer(_ request: inout SimulatedRequest<NoArgument>) throws(Errno) {
    guard place != nil else { throw .einval }
    if container != nil, openDevices > 0 || users > 0 { throw .ebusy }
    leave(in: request.kernel)
  }

  private func leave(in kernel: SimulatedKernel) {
    guard let place else { return }
    self.place = nil
    if case .container(let container) = place {
      container.leave(group, in: kernel)
      kernel.host.unclaim(group)
    }
    kernel.drop(place.file)
  }

  /// `VFIO_GROUP_GET_DEVICE_FD`.
  func openDevice(_ request: inout SimulatedRequest<TextArgument>) throws(Errno) -> Int32 {
    let kernel = request.kernel
    let name = try request.text()
    // Before 5.19 the container and the drivers of all mates come first, then the name.
    if !kernel.facts.has(.groupsAreClaimed) {
      guard let container, container.hasDriver, kernel.host.isViable(group) else {
        throw .einval
      }
    }
    let device = try device(named: name, in: kernel)
    switch place {
    case .container(let container) where container.hasDriver: break
    case .iommufd(let context): try bind(device, to: context, in: kernel)
    default: throw .einval
    }
    openDevices += 1
    return kernel.install(SimulatedDeviceFile(device, through: self, in: kernel))
  }

  /// The device that a name and its options lead to (`vfio_pci_core_match`, §2.25).
  ///
  /// What is not in the group is ENODEV even without a container, and the token comes before it.
  private func device(named text: String, in kernel: SimulatedKernel) throws(Errno) -> Int {
    let knowsTokens = kernel.facts.has(.vfTokens)
    let name = knowsTokens ? text.prefix { $0 != " " } : text[...]
    guard let device = BDF(name).flatMap({ kernel.host.device($0) }),
      kernel.host.devices[device].group == group, kernel.host.devices[device].isOnVFIO
    else { throw .enodev }
    guard knowsTokens else { return device }
    let token = try Self.token(in: text[name.endIndex...])
    try kernel.host.checkToken(of: device, token)
    return device
  }

  /// The one option there is, once at most; anything else is EINVAL.
  private static func token(in options: Substring) throws(Errno) -> [UInt8]? {
    let words = options.split(separator: " ")
    guard let word = words.first else { return nil }
    guard words.count == 1, word.hasPrefix("vf_token="),
      let token = VFToken(word.dropFirst("vf_token=".count))
    else { throw .einval }
    return token.bytes
  }

  /// The first file of a device binds and attaches it; others share that (`vfio_df_group_open`).
  private func bind(
    _ device: Int, to context: SimulatedIOMMUFD, in kernel: SimulatedKernel
  ) throws(Errno) {
    if let binding = kernel.host.devices[device].groupBinding {
      binding.files += 1
      return
    }
    let binding = try SimulatedBinding(device, to: context, in: kernel)
    do throws(Errno) {
      _ = try binding.attach(to: context.compatSpace(), in: kernel)
    } catch {
      binding.end(in: kernel)
      throw error
    }
    kernel.host.devices[device].groupBinding = binding
  }

  /// A device file that it handed out is closed.
  func close(_ file: SimulatedDeviceFile, in kernel: SimulatedKernel) {
    openDevices -= 1
    kernel.host.devices[file.device].groupFiles -= 1
    if let binding = kernel.host.devices[file.device].groupBinding {
      binding.files -= 1
      if binding.files == 0 {
        kernel.host.devices[file.device].groupBinding = nil
        binding.end(in: kernel)
      }
    }
    kernel.drop(self)
  }
}
