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

  override func release(in kernel: SimulatedKernel) {
    let files = list.map(\.file)
    entries = [:]
    incoherentFiles = 0
    vm.vfioDevice = nil
    for file in files { kernel.drop(file) }
    kernel.drop(vm)
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
    let isIncoherent = try countsAsIncoherent(file, in: kernel)
    if entries[file.id] != nil { throw .eexist }
    entries[file.id] = (file, isIncoherent)
    file.references += 1
    if isIncoherent { incoherentFiles += 1 }
  }

  private func remove(_ file: SimulatedFile, in kernel: SimulatedKernel) throws(Errno) {
    guard let entry = entries.removeValue(forKey: file.id) else { throw .enoent }
    if entry.isIncoherent { incoherentFiles -= 1 }
    kernel.drop(file)
  }

  /// A device file counts by its device, a group file by all the VFIO devices of the group; any
  /// other file is EINVAL, as all but group files are for 6.1.
  private func countsAsIncoherent(
    _ file: SimulatedFile, in kernel: SimulatedKernel
  ) throws(Errno) -> Bool {
    let host = kernel.host
    let devices: [Int]
    switch file {
    case let file as SimulatedDeviceFile where kernel.release > .v6_1: devices = [file.device]
    case let file as SimulatedGroupFile: devices = host.vfioMembers(of: file.group)
    default: throw .einval
    }
    return devices.contains { device in
      host.devices[device].unit.map { CoherencyModel.countsAsIncoherent(host.units[$0]) } ?? true
    }
  }
}
