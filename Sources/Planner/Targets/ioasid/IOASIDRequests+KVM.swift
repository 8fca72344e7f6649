/// The proposal's requests on a VM of KVM.
extension IOASIDRequests {
  /// Registers an ioasid file with a VM: step 0 of the mail.
  ///
  /// The number is ours: v1 gives 0xf0 and 0xf1 to KVM_MAP_PASID and KVM_UNMAP_PASID, and 0xf2 and
  /// 0xf3 are the two below.
  public static let addIOASIDFD = RequestDescriptor(
    "KVM_ADD_IOASID_FD", kvm(0xf4), on: .vm,
    .value(Field("ioasid_fd", at: 0, width: 8, .object(ObjectKindSet(.ioasidFD)))),
    undo: .nothing("the registration ends with the VM"),
    errnos: [
      .ebadf: "the file is not open",
      .einval: "the file is not an ioasid file",
      .eexist: "KVM has the file already",
    ],
    header: mail, since: nil, summary: "tell KVM which ioasid file the VM's devices are in")

  /// Tells KVM that the VM may do non-coherent DMA; the pair of file and label is the proof that
  /// the caller holds a device that can.
  ///
  /// The number is ours.
  public static let allowIncoherentDMA = RequestDescriptor(
    "KVM_ALLOW_INCOHERENT_DMA", kvm(0xf2), on: .vm, proof("kvm_allow_incoherent_dma"),
    undo: .request(disallowIncoherentDMA),
    errnos: proofErrnos + [
      .eexist: "this proof was given already"
    ],
    header: mail, since: nil,
    summary: "have the guest's WBINVD carried out and its cache attributes honoured"
  )

  /// Takes the allowance back.
  ///
  /// The number is ours.
  public static let disallowIncoherentDMA = RequestDescriptor(
    "KVM_DISALLOW_INCOHERENT_DMA", kvm(0xf3), on: .vm, proof("kvm_disallow_incoherent_dma"),
    undo: .nothing("it is itself an undo"), isStep: false,
    errnos: proofErrnos,
    header: mail, since: nil, summary: "have the guest's WBINVD and cache attributes ignored again"
  )

  private static func kvm(_ number: UInt8) -> RequestCode {
    RequestCode(type: KVMRequests.type, number: number)
  }

  private static func proof(_ name: String) -> ArgumentLayout {
    .structure(
      StructLayout(
        name, size: 8,
        [
          Field("ioasid_fd", at: 0, .object(ObjectKindSet(.ioasidFD))),
          Field("device_label", at: 4, .object(ObjectKindSet(.deviceLabel))),
        ]))
  }

  private static let proofErrnos: ErrnoTable = [
    .ebadf: "the ioasid file is not open",
    .einval: "the file is not an ioasid file",
    .enoent: "the proof does not hold: the file is not registered, or has no such device",
    .eperm: "the device does not declare itself capable of no-snoop",
  ]
}
