import Planner

/// The proposal's requests on a VM of KVM.
extension SimulatedVM {
  /// `KVM_ADD_IOASID_FD`: the VM keeps the file.
  func addIOASIDFile(_ request: inout SimulatedRequest<NumberArgument>) throws(Errno) {
    let number = Int32(truncatingIfNeeded: request.number)
    let file = try request.kernel.files.file(number)
    guard let file = file as? SimulatedIOASIDFile else { throw .einval }
    if ioasidFiles.contains(where: { $0 === file }) { throw .eexist }
    file.references += 1
    ioasidFiles.append(file)
  }

  /// `KVM_ALLOW_INCOHERENT_DMA`, with a device in a registered ioasid fd as the proof.
  ///
  /// The device must declare itself capable of no-snoop; no page table is looked at. The allowance
  /// outlives the device, which calls nobody back, and keeps its label from standing for another
  /// (docs/decisions/0017).
  func allow(_ request: inout SimulatedRequest<IncoherentDMAProof>) throws(Errno) {
    let proof = try proof(request)
    let device = try proof.file.device(proof.label)
    guard request.kernel.host.devices[device].canNoSnoop else { throw .eperm }
    if allowances.contains(proof) { throw .eexist }
    allowances.append(proof)
    proof.file.holdLabel(proof.label)
  }

  /// `KVM_DISALLOW_INCOHERENT_DMA`; the device may be gone by then.
  func disallow(_ request: inout SimulatedRequest<IncoherentDMAProof>) throws(Errno) {
    guard let index = allowances.firstIndex(of: try proof(request)) else { throw .enoent }
    let proof = allowances.remove(at: index)
    proof.file.releaseLabel(proof.label)
  }

  private func proof(_ request: SimulatedRequest<IncoherentDMAProof>) throws(Errno) -> Proof {
    let file = try request.kernel.files.file(request.ioasidFD)
    guard let file = file as? SimulatedIOASIDFile else { throw .einval }
    guard ioasidFiles.contains(where: { $0 === file }) else { throw .enoent }
    let label = request.deviceLabel
    return Proof(file: file, label: label, device: try? file.device(label))
  }

  /// What the end of the VM gives back.
  func releaseProposal(in kernel: SimulatedKernel) {
    for proof in allowances { proof.file.releaseLabel(proof.label) }
    allowances = []
    let files = ioasidFiles
    ioasidFiles = []
    for file in files { kernel.drop(file) }
  }
}
