import Planner
import Testing

/// What the headers say, written down once more and by hand: codec, listing and verifier share the
/// descriptors, so only an independent table finds a slip in them.
struct UAPILayoutTests {
  struct Row: Sendable {
    var request: RequestDescriptor
    var command: UInt32
    /// `sizeof` in 7.3 and what is sent; 0 for requests without a struct.
    var size = 0
    var sent = 0
    /// Members as `name@offset:width`.
    var members = ""
  }

  static let rows: [Row] = kvm + iommufd + devices + containers

  static let kvm: [Row] = [
    Row(request: KVMRequests.getAPIVersion, command: 0xae00),
    Row(request: KVMRequests.createVM, command: 0xae01),
    Row(
      request: KVMRequests.createDevice, command: 0xc00c_aee0, size: 12, sent: 12,
      members: "type@0:4 fd@4:4 flags@8:4"),
    Row(
      request: KVMRequests.addFile, command: 0x4018_aee1, size: 24, sent: 24,
      members: "flags@0:4 group@4:4 attr@8:8 addr@16:8"),
    Row(
      request: KVMRequests.deleteFile, command: 0x4018_aee1, size: 24, sent: 24,
      members: "flags@0:4 group@4:4 attr@8:8 addr@16:8"),
  ]

  static let iommufd: [Row] = [
    Row(
      request: IOMMUFDRequests.destroy, command: 0x3b80, size: 8, sent: 8,
      members: "size@0:4 id@4:4"),
    Row(
      request: IOMMUFDRequests.ioasAlloc, command: 0x3b81, size: 12, sent: 12,
      members: "size@0:4 flags@4:4 out_ioas_id@8:4"),
    Row(
      request: IOMMUFDRequests.ioasIOVARanges, command: 0x3b84, size: 32, sent: 32,
      members: "size@0:4 ioas_id@4:4 num_iovas@8:4 __reserved@12:4 allowed_iovas@16:8 "
        + "out_iova_alignment@24:8"),
    Row(
      request: IOMMUFDRequests.ioasMap, command: 0x3b85, size: 40, sent: 40,
      members: "size@0:4 flags@4:4 ioas_id@8:4 __reserved@12:4 user_va@16:8 length@24:8 iova@32:8"),
    Row(
      request: IOMMUFDRequests.ioasUnmap, command: 0x3b86, size: 24, sent: 24,
      members: "size@0:4 ioas_id@4:4 iova@8:8 length@16:8"),
    Row(
      request: IOMMUFDRequests.option, command: 0x3b87, size: 24, sent: 24,
      members: "size@0:4 option_id@4:4 op@8:2 __reserved@10:2 object_id@12:4 val64@16:8"),
    Row(
      request: IOMMUFDRequests.hwptAlloc, command: 0x3b89, size: 48, sent: 24,
      members: "size@0:4 flags@4:4 dev_id@8:4 pt_id@12:4 out_hwpt_id@16:4 __reserved@20:4 "
        + "data_type@24:4 data_len@28:4 data_uptr@32:8 fault_id@40:4 __reserved2@44:4"),
    Row(
      request: IOMMUFDRequests.getHWInfo, command: 0x3b8a, size: 40, sent: 40,
      members: "size@0:4 flags@4:4 dev_id@8:4 data_len@12:4 data_uptr@16:8 out_data_type@24:4 "
        + "out_max_pasid_log2@28:1 __reserved@29:3 out_capabilities@32:8"),
    Row(
      request: IOMMUFDRequests.ioasMapFile, command: 0x3b8f, size: 40, sent: 40,
      members: "size@0:4 flags@4:4 ioas_id@8:4 fd@12:4 start@16:8 length@24:8 iova@32:8"),
  ]

  static let devices: [Row] = [
    Row(
      request: VFIODeviceRequests.bindIOMMUFD, command: 0x3b76, size: 24, sent: 16,
      members: "argsz@0:4 flags@4:4 iommufd@8:4 out_devid@12:4 token_uuid_ptr@16:8"),
    Row(
      request: VFIODeviceRequests.attach, command: 0x3b77, size: 16, sent: 12,
      members: "argsz@0:4 flags@4:4 pt_id@8:4 pasid@12:4"),
    Row(
      request: VFIODeviceRequests.detach, command: 0x3b78, size: 12, sent: 8,
      members: "argsz@0:4 flags@4:4 pasid@8:4"),
  ]

  static let containers: [Row] = [
    Row(
      request: VFIOGroupRequests.getStatus, command: 0x3b67, size: 8, sent: 8,
      members: "argsz@0:4 flags@4:4"),
    Row(
      request: VFIOGroupRequests.setContainer, command: 0x3b68, size: 4, sent: 4,
      members: "container@0:4"),
    Row(request: VFIOGroupRequests.unsetContainer, command: 0x3b69),
    Row(request: VFIOGroupRequests.getDeviceFD, command: 0x3b6a),
    Row(request: VFIOContainerRequests.getAPIVersion, command: 0x3b64),
    Row(request: VFIOContainerRequests.checkExtension, command: 0x3b65),
    Row(request: VFIOContainerRequests.setIOMMU, command: 0x3b66),
    Row(
      request: VFIOContainerRequests.getInfo, command: 0x3b70, size: 24, sent: 16,
      members: "argsz@0:4 flags@4:4 iova_pgsizes@8:8 cap_offset@16:4 pad@20:4"),
    Row(
      request: VFIOContainerRequests.mapDMA, command: 0x3b71, size: 32, sent: 32,
      members: "argsz@0:4 flags@4:4 vaddr@8:8 iova@16:8 size@24:8"),
    Row(
      request: VFIOContainerRequests.unmapDMA, command: 0x3b72, size: 24, sent: 24,
      members: "argsz@0:4 flags@4:4 iova@8:8 size@16:8"),
  ]

  @Test(arguments: rows)
  func everyKernelRequestHasTheHeadersNumberSizesAndOffsets(row: Row) {
    let request = row.request
    #expect(request.code.command == row.command, "\(request.name)")
    guard let layout = Self.layout(request) else {
      #expect(row.members.isEmpty, "\(request.name)")
      return
    }
    #expect(layout.size == row.size, "\(request.name)")
    #expect(layout.sentSize == row.sent, "\(request.name)")
    let members = layout.fields.map { "\($0.name)@\($0.offset):\($0.width)" }
    #expect(members.joined(separator: " ") == row.members, "\(request.name)")
  }

  @Test func noKernelRequestIsLeftOutOfTheTable() {
    let proposal = Set(IOASIDRequests.all)
    let kernel = RequestRegistry.all.filter { !proposal.contains($0) }
    #expect(Set(kernel) == Set(Self.rows.map(\.request)))
  }

  @Test func theProposalKeepsVFIOsNumberBaseAndTheRFCsOffsets() {
    let numbers: [(RequestDescriptor, UInt32)] = [
      (IOASIDRequests.bind, 0x3b7a), (IOASIDRequests.unbind, 0x3b7b),
      (IOASIDRequests.attach, 0x3b7c), (IOASIDRequests.detach, 0x3b7d),
      (IOASIDRequests.checkExtension, 0x3bc0), (IOASIDRequests.registerMemory, 0x3bc1),
      (IOASIDRequests.unregisterMemory, 0x3bc2), (IOASIDRequests.alloc, 0x3bc3),
      (IOASIDRequests.free, 0x3bc4), (IOASIDRequests.getInfo, 0x3bc5),
      (IOASIDRequests.mapDMA, 0x3bc6), (IOASIDRequests.unmapDMA, 0x3bc7),
      (IOASIDRequests.getDevInfo, 0x3bce), (IOASIDRequests.addIOASIDFD, 0xaef4),
      (IOASIDRequests.allowIncoherentDMA, 0xaef2), (IOASIDRequests.disallowIncoherentDMA, 0xaef3),
    ]
    #expect(numbers.count == IOASIDRequests.all.count)
    for (request, command) in numbers {
      #expect(request.code.command == command, "\(request.name)")
    }
  }

  @Test(arguments: RequestRegistry.all)
  func layoutsFollowTheCRules(request: RequestDescriptor) {
    guard let layout = Self.layout(request) else { return }
    var offset = 0
    var alignment = 1
    for field in layout.fields {
      let isBytes = field.role == .reserved && ![1, 2, 4, 8].contains(field.width)
      let natural = isBytes ? 1 : field.width
      offset = (offset + natural - 1) / natural * natural
      alignment = max(alignment, natural)
      #expect(field.offset == offset, "\(layout.name).\(field.name)")
      offset += field.width
    }
    // Padding at the end would be a member the codec does not know.
    #expect(layout.size == offset && offset % alignment == 0, "\(layout.name)")
    let used = layout.fields.filter { $0.takesOperand || $0.role == .size }
    #expect(used.allSatisfy { $0.offset + $0.width <= layout.sentSize }, "\(layout.name)")
    if request.code.direction != .none {
      #expect(request.code.size == layout.size, "\(request.name)")
    }
  }

  @Test func undoRequestsAreNeverStepsAndNothingThatUndoesNeedsUndoing() {
    for request in RequestRegistry.all {
      guard case .request(let undo) = request.undo else { continue }
      #expect(!undo.isStep, "\(undo.name)")
      #expect(request.undoArguments.count == undo.operandFields.count, "\(undo.name)")
      #expect(undo.receiver == request.receiver, "\(request.name)")
      if case .nothing = undo.undo {} else { Issue.record("\(undo.name) needs undoing itself") }
    }
  }

  @Test func aNameFindsItsRequestAndOfTwoWithOneNameTheStep() {
    for request in RequestRegistry.all where request.isStep {
      #expect(RequestRegistry.request(named: request.name) === request)
    }
    #expect(RequestRegistry.request(named: "IOMMU_DESTROY") === IOMMUFDRequests.destroy)
    #expect(RequestRegistry.request(named: "ioasid") == nil)
  }

  static func layout(_ request: RequestDescriptor) -> StructLayout? {
    if case .structure(let layout) = request.argument { layout } else { nil }
  }
}
