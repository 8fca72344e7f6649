/// An open `/dev/kvm` (section 2.28).
final class SimulatedKVM: SimulatedFile {
  override var label: String { "/dev/kvm" }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    switch command {
    case 0xae00: return 12
    case 0xae01:
      if argument.value != 0 { throw .einval }
      return kernel.install(SimulatedVM(of: kernel.memory))
    case 0xae03: return SimulatedVM.extensionAnswer(argument.value)
    case 0x4018_aee2, 0x4018_aee3:  // of the system: nothing of group 1 (`kvm/x86.c`)
      try argument.require(24)
      throw .enxio
    default: throw .einval
    }
  }
}

/// A VM of KVM: what it believes about the coherency of its devices' DMA.
final class SimulatedVM: SimulatedFile {
  /// The memory of the process that made it: other processes get EIO (`kvm_vm_ioctl`).
  let memory: SimulatedMemory
  /// Its kvm-vfio device, which is one at most; the device keeps the VM, not the other way round.
  weak var vfioDevice: SimulatedKVMVFIO?
  /// The ioasid fds registered by `KVM_ADD_IOASID_FD` of the 2021 proposal.
  var ioasidFiles: [SimulatedIOASIDFile] = []
  /// The devices that prove the right to non-coherent DMA, by fd and label.
  var allowances: [Proof] = []

  /// A device in an ioasid fd, by which `KVM_ALLOW_INCOHERENT_DMA` was allowed.
  struct Proof: Equatable {
    /// The ioasid fd.
    var file: SimulatedIOASIDFile
    /// The device's label there.
    var label: UInt32
    /// The device, if the label stood for one at the time.
    var device: Int?

    /// Two proofs are the same if fd and label are.
    static func == (left: Proof, right: Proof) -> Bool {
      left.file === right.file && left.label == right.label
    }
  }

  /// Makes a VM of a process.
  init(of memory: SimulatedMemory) { self.memory = memory }

  override var label: String { "KVM VM" }

  /// Whether WBINVD of the guest takes effect and its cache attributes are honoured.
  ///
  /// On x86 that is the effect of `kvm_arch_register_noncoherent_dma` (section 3.7).
  var allowsIncoherentDMA: Bool {
    !allowances.isEmpty || (vfioDevice?.incoherentFiles ?? 0) > 0
  }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    if memory !== kernel.memory { throw .eio }
    switch command {
    case 0xc00c_aee0: return try createDevice(&argument, in: kernel)
    case 0xae03: return Self.extensionAnswer(argument.value)
    default: return try proposalIoctl(command, &argument, in: kernel)
    }
  }

  override func release(in kernel: SimulatedKernel) { releaseProposal(in: kernel) }

  /// What `KVM_CHECK_EXTENSION` says: of what matters here, DEVICE_CTRL is there.
  static func extensionAnswer(_ number: UInt64) -> Int32 { number == 89 ? 1 : 0 }

  /// `KVM_CREATE_DEVICE` of type VFIO.
  private func createDevice(
    _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    try argument.require(12)
    if argument.u32(0) != 4 { throw .enodev }
    if argument.u32(8) & 1 != 0 { return 0 }  // TEST: would it work
    if vfioDevice != nil { throw .ebusy }
    let device = SimulatedKVMVFIO(of: self)
    vfioDevice = device
    references += 1
    argument.set32(UInt32(bitPattern: kernel.install(device)), 4)
    return 0
  }
}

/// The kvm-vfio device of a VM: the list of its VFIO files (`virt/kvm/vfio.c`).
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
    if vm.memory !== kernel.memory { throw .eio }
    switch command {
    case 0x4018_aee1: try setAttribute(argument, in: kernel)
    case 0x4018_aee2: throw .eperm
    case 0x4018_aee3:
      try argument.require(24)
      try checkAttribute(argument)
    default: throw .enotty
    }
    return 0
  }

  override func release(in kernel: SimulatedKernel) {
    let files = list.map(\.file)
    entries = [:]
    incoherentFiles = 0
    vm.vfioDevice = nil
    for file in files { kernel.drop(file) }
    kernel.drop(vm)
  }

  private func checkAttribute(_ argument: SimulatedArgument) throws(Errno) {
    let attribute = argument.u64(8)
    if argument.u32(4) != 1 || attribute != 1 && attribute != 2 { throw .enxio }
  }

  private func setAttribute(
    _ argument: SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) {
    try argument.require(24)
    try checkAttribute(argument)
    let file = try kernel.files.file(argument.file(at: 16))
    if argument.u64(8) == 1 { try add(file, in: kernel) } else { try remove(file, in: kernel) }
  }

  private func add(_ file: SimulatedFile, in kernel: SimulatedKernel) throws(Errno) {
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
