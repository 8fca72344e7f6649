import Parser
import Planner
import Testing

@testable import Executor

/// The bytes of every request, written by hand from the headers' offsets (Linux 7.3), never by
/// running the encoder.
struct RequestCodecTests {
  /// One request: what it is given, by field, and the bytes it must send.
  struct Sample: CustomTestStringConvertible {
    let request: RequestDescriptor
    let command: UInt32
    let given: [String: UInt64]
    /// Bytes in hexadecimal; `nil` for no argument or a number in place of a pointer.
    let bytes: String?
    /// What pointers lead to: offset and bytes.
    var pointers: [(Int, String)] = []

    var testDescription: String { request.name }

    init(
      _ request: RequestDescriptor, _ command: UInt32, _ given: [String: UInt64], _ bytes: String?,
      pointers: [(Int, String)] = []
    ) {
      self.request = request
      self.command = command
      self.given = given
      self.bytes = bytes
      self.pointers = pointers
    }
  }

  static let samples = iommufd + device + type1 + kvm + proposal

  static let iommufd = [
    // size 8 | id
    Sample(IOMMUFDRequests.destroy, 0x3b80, ["id": 7], "08000000 07000000"),
    // size 12 | flags | out_ioas_id
    Sample(IOMMUFDRequests.ioasAlloc, 0x3b81, [:], "0c000000 00000000 00000000"),
    // size 32 | ioas_id | num_iovas | __reserved | allowed_iovas | out_iova_alignment
    Sample(
      IOMMUFDRequests.ioasIOVARanges, 0x3b84, ["ioas_id": 2],
      "20000000 02000000 00000000 00000000 0000000000000000 0000000000000000"),
    // size 40 | flags FIXED_IOVA|WRITEABLE|READABLE | ioas_id | __reserved | user_va | length |
    // iova
    Sample(
      IOMMUFDRequests.ioasMap, 0x3b85,
      [
        "flags": 7, "ioas_id": 2, "user_va": 0x7f12_3456_7000, "length": 0x8000_0000,
        "iova": 0x1_0000_0000,
      ],
      """
      28000000 07000000 02000000 00000000 00705634127f0000 0000008000000000 0000000001000000
      """),
    // size 24 | ioas_id | iova | length
    Sample(
      IOMMUFDRequests.ioasUnmap, 0x3b86,
      ["ioas_id": 2, "iova": 0x1_0000_0000, "length": 0x8000_0000],
      "18000000 02000000 0000000001000000 0000008000000000"),
    // size 24 | option_id RLIMIT_MODE | op SET (16 bits) | __reserved (16) | object_id | val64
    Sample(
      IOMMUFDRequests.option, 0x3b87, ["option_id": 0, "op": 0, "val64": 1],
      "18000000 00000000 0000 0000 00000000 0100000000000000"),
    // size 24 | flags | dev_id | pt_id | out_hwpt_id | __reserved
    Sample(
      IOMMUFDRequests.hwptAlloc, 0x3b89, ["dev_id": 3, "pt_id": 1],
      "18000000 00000000 03000000 01000000 00000000 00000000"),
    // size 40 | flags | dev_id | data_len | data_uptr | out_data_type | pasid (8) | reserved (24) |
    // out_capabilities
    Sample(
      IOMMUFDRequests.getHWInfo, 0x3b8a, ["dev_id": 3],
      "28000000 00000000 03000000 18000000 0000000000000000 00000000 00 000000 0000000000000000",
      pointers: [(16, "00000000 00000000 0000000000000000 0000000000000000")]),
    // size 40 | flags FIXED_IOVA|WRITEABLE|READABLE | ioas_id | fd (s32) | start | length | iova
    Sample(
      IOMMUFDRequests.ioasMapFile, 0x3b8f,
      [
        "flags": 7, "ioas_id": 2, "fd": 9, "start": 0x20_0000, "length": 0x8000_0000,
        "iova": 0x1_0000_0000,
      ],
      "28000000 07000000 02000000 09000000 0000200000000000 0000008000000000 0000000001000000"),
  ]

  static let device = [
    // argsz 16 | flags | iommufd (s32) | out_devid
    Sample(
      VFIODeviceRequests.bindIOMMUFD, 0x3b76, ["iommufd": 5],
      "10000000 00000000 05000000 00000000"),
    // argsz 12 | flags | pt_id
    Sample(VFIODeviceRequests.attach, 0x3b77, ["pt_id": 9], "0c000000 00000000 09000000"),
    // argsz 8 | flags
    Sample(VFIODeviceRequests.detach, 0x3b78, [:], "08000000 00000000"),
  ]

  static let type1 = [
    Sample(VFIOContainerRequests.getAPIVersion, 0x3b64, [:], nil),
    Sample(VFIOContainerRequests.checkExtension, 0x3b65, ["extension": 4], nil),
    Sample(VFIOContainerRequests.setIOMMU, 0x3b66, ["type": 3], nil),
    // argsz 16 | flags | iova_pgsizes
    Sample(VFIOContainerRequests.getInfo, 0x3b70, [:], "10000000 00000000 0000000000000000"),
    // argsz 32 | flags READ|WRITE | vaddr | iova | size
    Sample(
      VFIOContainerRequests.mapDMA, 0x3b71,
      ["flags": 3, "vaddr": 0x7f12_3456_7000, "iova": 0x10_0000, "size": 0x20_0000],
      "20000000 03000000 00705634127f0000 0000100000000000 0000200000000000"),
    // argsz 24 | flags | iova | size
    Sample(
      VFIOContainerRequests.unmapDMA, 0x3b72, ["iova": 0x10_0000, "size": 0x20_0000],
      "18000000 00000000 0000100000000000 0000200000000000"),
    // argsz 8 | flags
    Sample(VFIOGroupRequests.getStatus, 0x3b67, [:], "08000000 00000000"),
    // s32 container
    Sample(VFIOGroupRequests.setContainer, 0x3b68, ["container": 4], "04000000"),
    Sample(VFIOGroupRequests.unsetContainer, 0x3b69, [:], nil),
    // "0000:65:00.0", NUL
    Sample(VFIOGroupRequests.getDeviceFD, 0x3b6a, [:], "303030303a36353a30302e3000"),
  ]

  static let kvm = [
    Sample(KVMRequests.getAPIVersion, 0xae00, [:], nil),
    Sample(KVMRequests.createVM, 0xae01, [:], nil),
    // type VFIO | fd | flags
    Sample(KVMRequests.createDevice, 0xc00c_aee0, ["type": 4], "04000000 00000000 00000000"),
    // flags | group FILE | attr ADD (64 bits) | addr -> s32
    Sample(
      KVMRequests.addFile, 0x4018_aee1, ["group": 1, "attr": 1, "addr": 6],
      "00000000 01000000 0100000000000000 0000000000000000", pointers: [(16, "06000000")]),
    Sample(
      KVMRequests.deleteFile, 0x4018_aee1, ["group": 1, "attr": 2, "addr": 6],
      "00000000 01000000 0200000000000000 0000000000000000", pointers: [(16, "06000000")]),
  ]

  /// Layouts and most numbers of the proposal are ours: what matters is that they never drift.
  static let proposal = [
    Sample(IOASIDRequests.addIOASIDFD, 0xaef4, ["ioasid_fd": 3], nil),
    // ioasid_fd | device_label
    Sample(
      IOASIDRequests.allowIncoherentDMA, 0xaef2, ["ioasid_fd": 3, "device_label": 2],
      "03000000 02000000"),
    Sample(
      IOASIDRequests.disallowIncoherentDMA, 0xaef3, ["ioasid_fd": 3, "device_label": 2],
      "03000000 02000000"),
    // argsz 16 | flags | ioasid_fd | device_label
    Sample(
      IOASIDRequests.bind, 0x3b7a, ["ioasid_fd": 3], "10000000 00000000 03000000 00000000"),
    // argsz 12 | flags | ioasid_fd
    Sample(IOASIDRequests.unbind, 0x3b7b, ["ioasid_fd": 3], "0c000000 00000000 03000000"),
    // argsz 12 | flags | ioasid
    Sample(IOASIDRequests.attach, 0x3b7c, ["ioasid": 1], "0c000000 00000000 01000000"),
    Sample(IOASIDRequests.detach, 0x3b7d, ["ioasid": 1], "0c000000 00000000 01000000"),
    Sample(IOASIDRequests.checkExtension, 0x3bc0, ["extension": 1], nil),
    // argsz 24 | flags | vaddr | size
    Sample(
      IOASIDRequests.registerMemory, 0x3bc1, ["vaddr": 0x7f00_0000_0000, "size": 0x20_0000],
      "18000000 00000000 00000000007f0000 0000200000000000"),
    Sample(
      IOASIDRequests.unregisterMemory, 0x3bc2, ["vaddr": 0x7f00_0000_0000, "size": 0x20_0000],
      "18000000 00000000 00000000007f0000 0000200000000000"),
    // argsz 8 | flags ENFORCE_SNOOP
    Sample(IOASIDRequests.alloc, 0x3bc3, ["flags": 1], "08000000 01000000"),
    Sample(IOASIDRequests.free, 0x3bc4, ["ioasid": 1], "0c000000 00000000 01000000"),
    // argsz 32 | flags | ioasid | __reserved | iova_pgsizes | last_iova
    Sample(
      IOASIDRequests.getInfo, 0x3bc5, ["ioasid": 1],
      "20000000 00000000 01000000 00000000 0000000000000000 0000000000000000"),
    // argsz 40 | flags READ|WRITE | ioasid | __reserved | vaddr | iova | size
    Sample(
      IOASIDRequests.mapDMA, 0x3bc6,
      ["flags": 3, "ioasid": 1, "vaddr": 0x1000, "iova": 0x2000, "size": 0x3000],
      """
      28000000 03000000 01000000 00000000 0010000000000000 0020000000000000 0030000000000000
      """),
    // argsz 32 | flags | ioasid | __reserved | iova | size
    Sample(
      IOASIDRequests.unmapDMA, 0x3bc7, ["ioasid": 1, "iova": 0x2000, "size": 0x3000],
      "20000000 00000000 01000000 00000000 0020000000000000 0030000000000000"),
    // argsz 32 | device_label | flags | __reserved | iova_pgsizes | last_iova
    Sample(
      IOASIDRequests.getDevInfo, 0x3bce, ["device_label": 2],
      "20000000 02000000 00000000 00000000 0000000000000000 0000000000000000"),
  ]

  @Test(arguments: samples)
  func everyRequestSendsExactlyTheHeadersBytes(sample: Sample) {
    #expect(sample.request.code.command == sample.command)
    let address = BDF(domain: 0, bus: 0x65, device: 0, function: 0)
    let operands: [Operand] = sample.request.operandFields.map { field in
      field.role == .address ? .address(address) : .literal(sample.given[field.name] ?? 0xdead)
    }
    let argument = RequestCodec.encode(sample.request, operands, values: [])
    guard let bytes = sample.bytes else {
      let number = sample.given.values.first
      switch sample.request.argument {
      case .none: #expect(argument == .none)
      default: #expect(argument == .value(number ?? 0))
      }
      return
    }
    #expect(
      argument
        == .bytes(
          hex(bytes), pointers: sample.pointers.map { .init(offset: $0.0, bytes: hex($0.1)) }))
  }

  @Test func everyRequestHasASample() {
    let sampled = Set(Self.samples.map(\.request))
    #expect(RequestRegistry.all.filter { !sampled.contains($0) }.map(\.name) == [])
  }

  @Test func everyRequestHasItsErrnosAndEveryErrnoHasAName() {
    for request in RequestRegistry.all {
      let causes = request.errnos
      #expect(!causes.isEmpty, "\(request.name)")
      for cause in causes {
        #expect(!cause.errno.description.hasPrefix("errno"))
        #expect(!cause.meaning.isEmpty, "\(request.name)")
      }
      #expect(Set(causes.map(\.errno)).count == causes.count, "\(request.name) names one twice")
    }
  }

  @Test func answersComeBackByFieldTheReturnValueLast() {
    let bound = IoctlArgument.bytes(hex("10000000 00000000 05000000 2a000000"), pointers: [])
    #expect(RequestCodec.decode(VFIODeviceRequests.bindIOMMUFD, bound, returned: 0) == [42])
    let mapped = IoctlArgument.bytes(
      hex("18000000 00000000 00000000 00000000 0000000000000080"), pointers: [])
    #expect(
      RequestCodec.decode(IOMMUFDRequests.option, mapped, returned: 0) == [0x8000_0000_0000_0000])
    #expect(RequestCodec.decode(KVMRequests.createVM, .value(0), returned: 7) == [7])
    let alloc = IoctlArgument.bytes(hex("08000000 01000000"), pointers: [])
    #expect(RequestCodec.decode(IOASIDRequests.alloc, alloc, returned: 3) == [3])
    let short = IoctlArgument.bytes(hex("18000000"), pointers: [])
    #expect(RequestCodec.decode(IOMMUFDRequests.hwptAlloc, short, returned: 0) == [0])
  }

  /// Operands are resolved when they are sent: results by value, memory by address and offset.
  @Test func operandsAreResolvedWhenTheyAreSentResultsByValueMemoryByAddressAndOffset() {
    let values: [UInt64] = [5, 0x7f00_0000_0000]
    #expect(RequestCodec.resolve(.literal(9), values: values) == 9)
    #expect(RequestCodec.resolve(.result(ResultID(0)), values: values) == 5)
    #expect(
      RequestCodec.resolve(.memory(ResultID(1), offset: 0x1000), values: values) == 0x7f00_0000_1000
    )
    #expect(RequestCodec.resolve(.memory(ResultID(1), offset: .max), values: values) != 0)
  }

  private func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
