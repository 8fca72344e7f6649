import Parser
import Planner

@testable import Executor

extension LabHost {
  /// A device behind an IOMMU of another kind.
  static let other = BDF(domain: 0, bus: 5, device: 0, function: 0)
  /// A device that cannot no-snoop.
  static let incapable = BDF(domain: 0, bus: 6, device: 0, function: 0)

  /// The mixed host, and an AMD unit, and a device that cannot no-snoop.
  static let mail: HostDescription = {
    var host = mixed()
    host.iommus.append(HostIOMMU(name: "ivhd0", type: "amd-vi", enforceSnoop: .yes))
    host.devices[1].noSnoopCapable = .unknown
    host.devices[1].reserved = []
    host.devices[0].reserved.append(
      ReservedRegion(start: 0x8000_0000, end: 0x8000_ffff, kind: .reserved))
    host.devices += [
      HostDevice(address: other, iommu: "ivhd0", group: 5, driver: "vfio-pci"),
      HostDevice(
        address: incapable, iommu: "dmar0", group: 6, driver: "vfio-pci", noSnoopCapable: .no),
    ]
    return host
  }()

  /// A VM with some devices and a little memory, compiled.
  static func compile(
    _ devices: [(name: String, address: BDF, noSnoop: NoSnoopIntent)], on host: HostDescription,
    target: String = "ioasid", objective: Objective? = nil,
    memory: [MemoryRegion] = [MemoryRegion(gpa: 0, size: 1 << 20)]
  ) throws -> CompiledPlan {
    let vm = VMDescription(
      name: "vm", memory: memory,
      devices: devices.enumerated().map { index, device in
        let start = UInt32(100 * index + 10)
        return AssignedDevice(
          name: device.name, address: device.address, noSnoop: device.noSnoop,
          span: SourceSpan(source: .vm, start: start, end: start + 20))
      })
    var sink = DiagnosticSink()
    return try Compilation.compile(
      vm, on: host, target: target, objective: objective, into: &sink)
  }
}

/// The requests of the proposal.
extension RawKernel {
  func addIOASIDFD(_ vm: Int32, _ file: Int32) -> String {
    call(vm, 0xaef4, .value(UInt64(UInt32(bitPattern: file))))
  }

  func allow(_ vm: Int32, _ file: Int32, _ label: UInt64) -> String {
    call(vm, 0xaef2, [number(file), (label, 4)])
  }

  func disallow(_ vm: Int32, _ file: Int32, _ label: UInt64) -> String {
    call(vm, 0xaef3, [number(file), (label, 4)])
  }

  func bindIOASID(_ device: Int32, _ file: Int32) -> String {
    call(device, 0x3b7a, [(16, 4), (0, 4), number(file), (0, 4)]) { bytes, _ in
      UInt64(bytes.u32(12))
    }
  }

  func unbindIOASID(_ device: Int32, _ file: Int32) -> String {
    call(device, 0x3b7b, [(12, 4), (0, 4), number(file)])
  }

  /// The file of a device, bound.
  func bound(_ address: BDF, _ file: Int32) -> Int32 {
    let device = self.file(.vfioDevice(address))
    _ = bindIOASID(device, file)
    return device
  }

  /// The label of a device, bound.
  func boundLabel(_ address: BDF, _ file: Int32) -> UInt64 {
    UInt64(bindIOASID(self.file(.vfioDevice(address)), file)) ?? 0
  }

  func attachIOASID(_ device: Int32, _ ioasid: UInt64, flags: UInt64 = 0) -> String {
    call(device, 0x3b7c, [(12, 4), (flags, 4), (ioasid, 4)])
  }

  func detachIOASID(_ device: Int32, _ ioasid: UInt64) -> String {
    call(device, 0x3b7d, [(12, 4), (0, 4), (ioasid, 4)])
  }

  func allocate(_ file: Int32, enforce: Bool) -> String {
    call(file, 0x3bc3, [(8, 4), (enforce ? 1 : 0, 4)]) { _, returned in UInt64(returned) }
  }

  func free(_ file: Int32, _ ioasid: UInt64) -> String {
    call(file, 0x3bc4, [(12, 4), (0, 4), (ioasid, 4)])
  }

  func deviceInfo(_ file: Int32, _ label: UInt64) -> String {
    call(file, 0x3bce, [(32, 4), (label, 4), (0, 8), (0, 8), (0, 8)]) { bytes, _ in
      UInt64(bytes.u32(8))
    }
  }

  func mapIOASID(_ file: Int32, _ ioasid: UInt64, va: UInt64, iova: UInt64, size: UInt64)
    -> String
  {
    call(file, 0x3bc6, [(40, 4), (3, 4), (ioasid, 4), (0, 4), (va, 8), (iova, 8), (size, 8)])
  }

  func registerMemory(_ file: Int32, _ va: UInt64, _ size: UInt64) -> String {
    call(file, 0x3bc1, [(24, 4), (0, 4), (va, 8), (size, 8)])
  }

  func unregisterMemory(_ file: Int32, _ va: UInt64, _ size: UInt64) -> String {
    call(file, 0x3bc2, [(24, 4), (0, 4), (va, 8), (size, 8)])
  }

  func unmapIOASID(_ file: Int32, _ ioasid: UInt64, iova: UInt64, size: UInt64) -> String {
    call(file, 0x3bc7, [(32, 4), (0, 4), (ioasid, 4), (0, 4), (iova, 8), (size, 8)]) { bytes, _ in
      bytes.u64(24)
    }
  }
}
