import Planner

/// The kvm-vfio device of a VM: the list of its VFIO files (`virt/kvm/vfio.c`, §2.28).
final class SimulatedKVMVFIO: SimulatedFile {
  private let vm: SimulatedVM
  private var entries: [ObjectIdentifier: (file: SimulatedFile, isIncoherent: Bool)] = [:]
  /// How many files of the list count as non-coherent.
  private(set) var incoherentFiles = 0

  /// Makes the device of a VM.
  init(of vm: SimulatedVM) { self.vm = vm }

  override var label: String { "kvm-vfio device" }

  override func name(of command: UInt32) -> String? { Self.operations.name(of: command) }

  /// The files of the list, in the order they were opened.
  var list: [(file: SimulatedFile, isIncoherent: Bool)] {
    entries.values.sorted { $0.file.position < $1.file.position }
  }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    // As for its VM, and before the structure is read.
    try Self.operations.answer(
      command, &argument, of: self, in: kernel, gate: vm.memory === kernel.memory ? nil : .eio)
  }

  /// Up to 6.1 the device stays when its file is closed, as long as its VM does (§7.44).
  override func release(in kernel: SimulatedKernel) {
    if kernel.facts.has(.kvmVFIOEndsWithFile) { end(in: kernel) } else { vm.kept = self }
    kernel.drop(vm)
  }

  /// Lets all files of the list go.
  func end(in kernel: SimulatedKernel) {
    let files = list.map(\.file)
    entries = [:]
    incoherentFiles = 0
    vm.vfioDevice = nil
    for file in files { leave(file, in: kernel) }
  }

  /// `KVM_SET_DEVICE_ATTR`.
  func setAttribute(_ request: inout SimulatedRequest<KVMDeviceAttr>) throws(Errno) {
    // The attribute is known before the number behind the pointer is read.
    let attribute = try attribute(of: request)
    guard let pointed = request.addr, pointed.holds(1) else { throw .efault }
    let file = try request.kernel.files.file(pointed[0, \.number])
    switch attribute {
    case .add: try add(file, in: request.kernel)
    case .delete: try remove(file, in: request.kernel)
    }
  }

  /// `KVM_GET_DEVICE_ATTR`: there is nothing to get.
  func getAttribute(_ request: inout SimulatedRequest<NoArgument>) throws(Errno) { throw .eperm }

  /// `KVM_HAS_DEVICE_ATTR`; nothing behind the pointer is read.
  func hasAttribute(_ request: inout SimulatedRequest<KVMDeviceAttr>) throws(Errno) {
    _ = try attribute(of: request)
  }

  private func attribute(
    of request: SimulatedRequest<KVMDeviceAttr>
  ) throws(Errno) -> KVMVFIOFileAttribute {
    guard request.group == KVMConstant.vfioFile,
      let attribute = KVMVFIOFileAttribute(rawValue: request.attr)
    else { throw .enxio }
    return attribute
  }

  private func add(_ file: SimulatedFile, in kernel: SimulatedKernel) throws(Errno) {
    // Only what can be added can be there already.
    try checkKind(of: file, in: kernel)
    if entries[file.id] != nil { throw .eexist }
    entries[file.id] = (file, false)
    file.references += 1
    if !kernel.facts.has(.kvmKeepsFiles) { (file as? SimulatedGroupFile)?.users += 1 }
    ask(again: file, in: kernel)
  }

  private func remove(_ file: SimulatedFile, in kernel: SimulatedKernel) throws(Errno) {
    guard let entry = entries.removeValue(forKey: file.id) else { throw .enoent }
    if entry.isIncoherent { incoherentFiles -= 1 }
    leave(file, in: kernel)
    ask(again: nil, in: kernel)
  }

  private func leave(_ file: SimulatedFile, in kernel: SimulatedKernel) {
    if !kernel.facts.has(.kvmKeepsFiles) { (file as? SimulatedGroupFile)?.users -= 1 }
    kernel.drop(file)
  }

  /// Groups can be added, and from 6.6 on devices.
  ///
  /// Before 5.19 a group has to be viable and in a container with a driver (§7.37).
  private func checkKind(of file: SimulatedFile, in kernel: SimulatedKernel) throws(Errno) {
    switch file {
    case is SimulatedDeviceFile where kernel.facts.has(.vfioCdevs): return
    case is SimulatedGroupFile where kernel.facts.has(.kvmKeepsFiles): return
    case let file as SimulatedGroupFile:
      guard file.container?.hasDriver ?? false, kernel.host.isViable(file.group) else {
        throw .einval
      }
    default: throw .einval
    }
  }

  /// Every addition and removal asks all files again (§7.27), of which only containers answer
  /// something else than before.
  private func ask(again new: SimulatedFile?, in kernel: SimulatedKernel) {
    var files = new.map { [$0] } ?? []
    if !kernel.facts.has(.kvmAsksDevices) { files = entries.values.map(\.file) }
    for file in files {
      if entries[file.id]?.isIncoherent == true { incoherentFiles -= 1 }
      let isIncoherent = countsAsIncoherent(file, in: kernel)
      entries[file.id]?.isIncoherent = isIncoherent
      if isIncoherent { incoherentFiles += 1 }
    }
  }

  /// A device file counts by its device, a group file by all the VFIO devices of the group.
  ///
  /// Up to 6.1 a group's container answers, and without one it counts as coherent (§7.26).
  private func countsAsIncoherent(_ file: SimulatedFile, in kernel: SimulatedKernel) -> Bool {
    let host = kernel.host
    let devices: [Int]
    switch file {
    case let file as SimulatedDeviceFile: devices = [file.device]
    case let file as SimulatedGroupFile:
      if !kernel.facts.has(.kvmAsksDevices) { return file.container?.isCoherent == false }
      devices = host.vfioMembers(of: file.group)
    default: devices = []
    }
    return devices.contains { device in
      host.devices[device].unit.map { CoherencyModel.countsAsIncoherent(host.units[$0]) } ?? true
    }
  }
}
