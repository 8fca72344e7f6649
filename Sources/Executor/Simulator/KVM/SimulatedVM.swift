import Planner

/// A VM of KVM: what it believes about the coherency of its devices' DMA.
final class SimulatedVM: SimulatedFile {
  /// The memory of the process that made it: other processes get EIO (`kvm_vm_ioctl`).
  let memory: SimulatedMemory
  /// Its kvm-vfio device, which is one at most; the device keeps the VM, not the other way round.
  weak var vfioDevice: SimulatedKVMVFIO?
  /// The same when its file is closed, on kernels where it stays.
  var kept: SimulatedKVMVFIO?
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

  override func name(of command: UInt32) -> String? { Self.operations.name(of: command) }

  /// Whether WBINVD of the guest is carried out and its cache attributes are honoured.
  ///
  /// On x86 that is the effect of `kvm_arch_register_noncoherent_dma`, which is empty elsewhere
  /// (§3.7).
  var allowsIncoherentDMA: Bool {
    !allowances.isEmpty || (vfioDevice?.incoherentFiles ?? 0) > 0
  }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    // Another process than its own gets EIO whatever it asks (`kvm_vm_ioctl`).
    try Self.operations.answer(
      command, &argument, of: self, in: kernel, gate: memory === kernel.memory ? nil : .eio)
  }

  override func release(in kernel: SimulatedKernel) {
    releaseProposal(in: kernel)
    kept?.end(in: kernel)
    kept = nil
  }

  /// What `KVM_CHECK_EXTENSION` says: of what matters here, DEVICE_CTRL is there.
  static func extensionAnswer(_ number: UInt64) -> Int32 {
    number == KVMConstant.deviceControl ? 1 : 0
  }

  /// `KVM_CHECK_EXTENSION`.
  func checkExtension(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) -> Int32 {
    Self.extensionAnswer(request.number)
  }

  /// `KVM_CREATE_DEVICE` of type VFIO.
  func createDevice(_ request: inout SimulatedRequest<KVMCreateDevice>) throws(Errno) {
    if request.type != KVMConstant.deviceTypeVFIO { throw .enodev }
    // A test says what could be made, even if there is one already.
    if request.flags.contains(.test) { return }
    if vfioDevice != nil { throw .ebusy }
    let device = SimulatedKVMVFIO(of: self)
    vfioDevice = device
    references += 1
    request.fd = request.kernel.install(device)
  }
}
