import Parser
import Planner

@testable import Executor

/// Issues raw requests, written from the headers' offsets, on a simulated kernel.
///
/// Answers are texts: what came back, or the errno's name, so that tests read like the tables they
/// come from.
struct RawKernel {
  let kernel: SimulatedKernel

  init(kernel: SimulatedKernel) { self.kernel = kernel }

  init(
    _ host: HostDescription = HostDescription(name: "empty"),
    release: KernelVersion = KernelVersion(7, 3),
    usesIntelFirstStage: Bool = false
  ) {
    kernel = SimulatedKernel(host, release: release, usesIntelFirstStage: usesIntelFirstStage)
  }

  /// A request with a structure of little-endian members: value and width in bytes.
  @discardableResult
  func call(
    _ file: Int32, _ command: UInt32, _ members: [(UInt64, Int)],
    pointers: [IoctlArgument.Pointer] = [],
    answer: (SimulatedArgument, Int32) -> UInt64? = { _, _ in nil }
  ) -> String {
    let bytes = members.flatMap { self.bytes($0.0, $0.1) }
    return call(file, command, .bytes(bytes, pointers: pointers), answer: answer)
  }

  /// A request with any argument.
  @discardableResult
  func call(
    _ file: Int32, _ command: UInt32, _ argument: IoctlArgument,
    answer: (SimulatedArgument, Int32) -> UInt64? = { _, _ in nil }
  ) -> String {
    var argument = argument
    do throws(Errno) {
      let returned = try kernel.ioctl(file, command, &argument)
      return "\(answer(SimulatedArgument(argument), returned) ?? 0)"
    } catch {
      return error.description
    }
  }

  /// Opens a node: its number, or the errno's name.
  func open(_ path: DevicePath) -> (file: Int32, errno: String) {
    do throws(Errno) {
      return (try kernel.open(path), "0")
    } catch {
      return (-1, error.description)
    }
  }

  /// Opens a node that must be there.
  func file(_ path: DevicePath) -> Int32 { open(path).file }

  /// A file that is none of VFIO's.
  func devNull() -> Int32 { kernel.install(SimulatedOtherFile()) }

  /// Closes a file.
  @discardableResult
  func close(_ file: Int32) -> String {
    do throws(Errno) {
      try kernel.close(file)
      return "0"
    } catch {
      return error.description
    }
  }

  /// Memory of a length in bytes.
  func memory(_ size: UInt64 = 0x40000) -> UInt64 {
    (try? kernel.makeMemory(GuestMemory(size: size), isMapped: true))?.address ?? 0
  }

  /// A number in little-endian bytes.
  func bytes(_ value: UInt64, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> UInt64(8 * $0) : 0) }
  }

  /// A file's number as a 32-bit member.
  func number(_ file: Int32) -> (UInt64, Int) { (UInt64(UInt32(bitPattern: file)), 4) }
}

/// The requests of an iommufd.
extension RawKernel {
  static let u = UInt64.max
  static let fixed: UInt64 = 1
  static let writeable: UInt64 = 2
  static let readable: UInt64 = 4

  func ioasAlloc(_ file: Int32, size: UInt64 = 12, flags: UInt64 = 0, tail: [UInt64] = [])
    -> String
  {
    call(file, 0x3b81, [(size, 4), (flags, 4), (0, 4)] + tail.map { ($0, 1) }) { bytes, _ in
      UInt64(bytes.u32(8))
    }
  }

  func destroy(_ file: Int32, _ id: UInt64) -> String { call(file, 0x3b80, [(8, 4), (id, 4)]) }

  func map(
    _ file: Int32, _ ioas: UInt64, flags: UInt64, va: UInt64, length: UInt64, iova: UInt64 = 0,
    reserved: UInt64 = 0
  ) -> String {
    call(
      file, 0x3b85,
      [(40, 4), (flags, 4), (ioas, 4), (reserved, 4), (va, 8), (length, 8), (iova, 8)]
    ) { bytes, _ in bytes.u64(32) }
  }

  func mapFile(
    _ file: Int32, _ ioas: UInt64, flags: UInt64, from: Int32, start: UInt64 = 0, length: UInt64,
    iova: UInt64 = 0
  ) -> String {
    call(
      file, 0x3b8f,
      [(40, 4), (flags, 4), (ioas, 4), number(from), (start, 8), (length, 8), (iova, 8)]
    ) { bytes, _ in bytes.u64(32) }
  }

  func copy(
    _ file: Int32, from: UInt64, at source: UInt64, length: UInt64, to: UInt64,
    at destination: UInt64 = 0, flags: UInt64
  ) -> String {
    call(
      file, 0x3b83,
      [(40, 4), (flags, 4), (to, 4), (from, 4), (length, 8), (destination, 8), (source, 8)]
    ) { bytes, _ in bytes.u64(24) }
  }

  func unmap(_ file: Int32, _ ioas: UInt64, iova: UInt64, length: UInt64) -> String {
    call(file, 0x3b86, [(24, 4), (ioas, 4), (iova, 8), (length, 8)]) { bytes, _ in bytes.u64(16) }
  }

  func allow(_ file: Int32, _ ioas: UInt64, _ ranges: [(UInt64, UInt64)]) -> String {
    let array = ranges.flatMap { bytes($0.0, 8) + bytes($0.1, 8) }
    return call(
      file, 0x3b82, [(24, 4), (ioas, 4), (UInt64(ranges.count), 4), (0, 4), (0, 8)],
      pointers: [.init(offset: 16, bytes: array)])
  }

  /// The usable ranges as text, after the errno if there is one.
  func ranges(
    _ file: Int32, _ ioas: UInt64, room: Int, reserved: UInt64 = 0, null: Bool = false
  ) -> String {
    let array = [UInt8](repeating: 0, count: room * 16)
    var argument = IoctlArgument.bytes(
      bytes(32, 4) + bytes(ioas, 4) + bytes(UInt64(room), 4) + bytes(reserved, 4) + bytes(0, 16),
      pointers: null ? [] : [.init(offset: 16, bytes: array)])
    var result = "0"
    do throws(Errno) {
      _ = try kernel.ioctl(file, 0x3b84, &argument)
    } catch {
      result = error.description
    }
    let answer = SimulatedArgument(argument)
    let target = answer.target(at: 16) ?? []
    let pairs = (0..<min(room, Int(answer.u32(8)))).map { index in
      let start = target.littleEndian(at: index * 16, width: 8)
      let last = target.littleEndian(at: index * 16 + 8, width: 8)
      return "\(String(start, radix: 16))-\(String(last, radix: 16))"
    }
    return ([result, "num=\(answer.u32(8))", "align=\(answer.u64(24))"] + pairs)
      .joined(separator: " ")
  }

  func option(
    _ file: Int32, _ id: UInt64, op: UInt64, object: UInt64 = 0, value: UInt64 = 0
  ) -> String {
    call(file, 0x3b87, [(24, 4), (id, 4), (op, 2), (0, 2), (object, 4), (value, 8)]) { bytes, _ in
      bytes.u64(16)
    }
  }

  func hwptAlloc(
    _ file: Int32, device: UInt64, parent: UInt64, flags: UInt64 = 0, reserved: UInt64 = 0,
    dataType: UInt64 = 0, dataLength: UInt64 = 0, size: UInt64 = 48
  ) -> String {
    call(
      file, 0x3b89,
      [
        (size, 4), (flags, 4), (device, 4), (parent, 4), (0, 4), (reserved, 4), (dataType, 4),
        (dataLength, 4), (0, 8), (0, 4), (0, 4),
      ]
    ) { bytes, _ in UInt64(bytes.u32(16)) }
  }
}

/// The requests of VFIO devices, groups and containers, and of KVM.
extension RawKernel {
  func bind(
    _ device: Int32, _ iommufd: Int32, argsz: UInt64 = 16, flags: UInt64 = 0, tail: [UInt64] = []
  ) -> String {
    call(
      device, 0x3b76,
      [(argsz, 4), (flags, 4), number(iommufd), (0, 4)] + tail.map { ($0, 1) }
    ) { bytes, _ in UInt64(bytes.u32(12)) }
  }

  func attach(_ device: Int32, _ table: UInt64, argsz: UInt64 = 12, flags: UInt64 = 0) -> String {
    call(device, 0x3b77, [(argsz, 4), (flags, 4), (table, 4), (0, 4)]) { bytes, _ in
      UInt64(bytes.u32(8))
    }
  }

  func detach(_ device: Int32) -> String { call(device, 0x3b78, [(8, 4), (0, 4)]) }

  func setContainer(_ group: Int32, _ container: Int32) -> String {
    call(group, 0x3b68, [number(container)])
  }

  func unsetContainer(_ group: Int32) -> String { call(group, 0x3b69, .none) }

  func setIOMMU(_ container: Int32, _ type: UInt64 = 3) -> String {
    call(container, 0x3b66, .value(type))
  }

  func checkExtension(_ container: Int32, _ number: UInt64) -> String {
    call(container, 0x3b65, .value(number)) { _, returned in UInt64(returned) }
  }

  func deviceFD(_ group: Int32, _ name: String) -> (file: Int32, answer: String) {
    var argument = IoctlArgument.bytes(Array(name.utf8) + [0], pointers: [])
    do throws(Errno) {
      return (try kernel.ioctl(group, 0x3b6a, &argument), "0")
    } catch {
      return (-1, error.description)
    }
  }

  func groupStatus(_ group: Int32, argsz: UInt64 = 8) -> String {
    call(group, 0x3b67, [(argsz, 4), (0, 4)]) { bytes, _ in UInt64(bytes.u32(4)) }
  }

  func type1Map(
    _ container: Int32, va: UInt64, iova: UInt64, size: UInt64, flags: UInt64 = 3,
    argsz: UInt64 = 32
  ) -> String {
    call(container, 0x3b71, [(argsz, 4), (flags, 4), (va, 8), (iova, 8), (size, 8)])
  }

  func type1Unmap(_ container: Int32, iova: UInt64, size: UInt64, flags: UInt64 = 0) -> String {
    call(container, 0x3b72, [(24, 4), (flags, 4), (iova, 8), (size, 8)]) { bytes, _ in
      bytes.u64(16)
    }
  }

  /// A VM and its kvm-vfio device.
  func virtualMachine() -> (vm: Int32, vfio: Int32) {
    let kvm = file(.kvm)
    var none = IoctlArgument.value(0)
    let vm = (try? kernel.ioctl(kvm, 0xae01, &none)) ?? -1
    return (vm, kvmVFIO(vm).file)
  }

  func kvmVFIO(_ vm: Int32, type: UInt64 = 4, flags: UInt64 = 0) -> (file: Int32, answer: String) {
    var number: UInt64 = 0
    let answer = call(vm, 0xc00c_aee0, [(type, 4), (0, 4), (flags, 4)]) { bytes, _ in
      number = UInt64(bytes.u32(4))
      return nil
    }
    return (Int32(number), answer)
  }

  /// `KVM_SET_DEVICE_ATTR`: ADD is 1, DEL 2.
  func kvmFile(
    _ vfio: Int32, _ attribute: UInt64, _ file: Int32, group: UInt64 = 1, null: Bool = false
  ) -> String {
    let pointer = IoctlArgument.Pointer(offset: 16, bytes: bytes(number(file).0, 4))
    return call(
      vfio, 0x4018_aee1, [(0, 4), (group, 4), (attribute, 8), (0, 8)],
      pointers: null ? [] : [pointer])
  }
}

/// Hosts for the conformance tests: c1, c2 can be enforced, n1, n2 cannot.
enum LabHost {
  static let c1 = BDF(domain: 0, bus: 1, device: 0, function: 0)
  static let c2 = BDF(domain: 0, bus: 2, device: 0, function: 0)
  static let n1 = BDF(domain: 0, bus: 3, device: 0, function: 0)
  static let n2 = BDF(domain: 0, bus: 4, device: 0, function: 0)

  static let msi = ReservedRegion(start: 0xfee0_0000, end: 0xfeef_ffff, kind: .msi)

  /// Four devices in groups of their own behind an enforcing and a non-enforcing unit.
  static func mixed(driver: String? = "vfio-pci", isolatedMSI: Bool = true) -> HostDescription {
    HostDescription(
      name: "lab",
      iommus: [
        HostIOMMU(name: "dmar0", enforceSnoop: .yes, isolatedMSI: isolatedMSI, addressBits: 39),
        HostIOMMU(name: "dmar1", enforceSnoop: .no, isolatedMSI: isolatedMSI, addressBits: 39),
      ],
      devices: [(c1, "dmar0"), (c2, "dmar0"), (n1, "dmar1"), (n2, "dmar1")].enumerated().map {
        HostDevice(
          address: $1.0, iommu: $1.1, group: $0 + 1, driver: driver, noSnoopCapable: .yes,
          reserved: [msi])
      })
  }

  /// A device behind a virtual machine's own IOMMU.
  static func virtio() -> HostDescription {
    HostDescription(
      name: "virtio",
      iommus: [HostIOMMU(name: "virtio1", type: HostIOMMU.virtio, enforceSnoop: .no)],
      devices: [HostDevice(address: c1, iommu: "virtio1", group: 1, driver: "vfio-pci")])
  }

  /// Two functions in one group.
  static func mates(_ second: String?) -> HostDescription {
    HostDescription(
      name: "mates", iommus: [HostIOMMU(name: "dmar0", enforceSnoop: .yes)],
      devices: [(c1, "vfio-pci"), (c2, second)].map {
        HostDevice(address: $0, iommu: "dmar0", group: 7, driver: $1)
      })
  }
}
