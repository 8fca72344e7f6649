import Planner

/// An open `/dev/kvm` (§2.28).
final class SimulatedKVM: SimulatedFile {
  override var label: String { "/dev/kvm" }

  override func name(of command: UInt32) -> String? { Self.operations.name(of: command) }

  override func ioctl(
    _ command: UInt32, _ argument: inout SimulatedArgument, in kernel: SimulatedKernel
  ) throws(Errno) -> Int32 {
    // It is the only file here that does not say ENOTTY to what it does not know.
    try Self.operations.answer(command, &argument, of: self, in: kernel, unknown: .einval)
  }

  /// `KVM_GET_API_VERSION`.
  func apiVersion(_ request: inout SimulatedRequest<NoArgument>) throws(Errno) -> Int32 {
    KVMConstant.apiVersion
  }

  /// `KVM_CREATE_VM`.
  func createVM(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) -> Int32 {
    if request.number != KVMConstant.defaultVM { throw .einval }
    return request.kernel.install(SimulatedVM(of: request.kernel.memory))
  }

  /// `KVM_CHECK_EXTENSION`.
  func checkExtension(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) -> Int32 {
    SimulatedVM.extensionAnswer(request.number)
  }

  /// An attribute of the system: it has none in group 1 (`kvm/x86.c`).
  func refuseAttribute(_ request: inout SimulatedRequest<KVMDeviceAttr>) throws(Errno) {
    throw .enxio
  }
}
