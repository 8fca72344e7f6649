import Parser
import Planner

/// What a unit of the tests can do, which no other unit here can.
struct MockUnit: Hashable {
  /// Whether it tracks dirty pages.
  var tracksDirty: Bool
  /// Whether its devices have PASIDs.
  var hasPASIDs: Bool
}

extension SimulatedUnit {
  /// A unit of the tests: pages from 2 KiB, addresses from 16 MiB up to 2 GiB, nothing enforced.
  static func mock(_ features: MockUnit) -> SimulatedUnit {
    var unit = SimulatedUnit(
      family: .other, compatibilityClass: -1, enforcementFact: .no, isCoherent: true,
      isolatesInterrupts: true, apertureLast: Mock.apertureLast, pageBytes: Mock.pageBytes,
      isTooCoarse: false, pageSizes: ~(Mock.pageBytes - 1) & (1 << 52 - 1),
      prefersFirstStage: false, walksCoherently: nil)
    unit.mock = features
    return unit
  }
}

extension SimulatedHost {
  /// Plugs in a device of the tests in a group of its own, or one that was there before.
  mutating func plugMock(_ features: MockUnit) -> Int {
    if let old = devices.indices.first(where: {
      !devices[$0].isPresent && devices[$0].unit.map { units[$0].mock == features } ?? false
    }) {
      devices[old].isPresent = true
      return old
    }
    let position = devices.count
    let number = UInt32(truncatingIfNeeded: position)
    let description = HostDevice(
      address: BDF(
        domain: 0x1_0000 + number >> 8, bus: UInt8(truncatingIfNeeded: number), device: 0,
        function: 0))
    units.append(.mock(features))
    groups.append(SimulatedGroup(number: -1 - position, members: [position]))
    devices.append(
      SimulatedDevice(
        description, unit: units.count - 1, group: groups.count - 1, isTakenByVFIO: false))
    return position
  }

  /// Unplugs it.
  mutating func unplugMock(_ device: Int) { devices[device].isPresent = false }
}

/// A device of the tests, which is bound and attached as long as its object is there
/// (`struct selftest_obj`).
final class SimulatedMockDevice {
  /// Position in the host.
  let device: Int
  /// Its binding, once there is one.
  private(set) var binding: SimulatedBinding?
  /// Its tables by PASID, but for its own.
  private var tables: [UInt32: SimulatedHWPT] = [:]

  /// Plugs one in.
  init(_ features: MockUnit, in kernel: SimulatedKernel) {
    device = kernel.host.plugMock(features)
  }

  /// Binds and attaches it to an address space or a page table; the id of its table.
  func begin(
    _ table: UInt32, of context: SimulatedIOMMUFD, in kernel: SimulatedKernel
  ) throws(Errno) -> UInt32 {
    let binding = try SimulatedBinding(device, to: context, in: kernel, keepsOpen: false)
    self.binding = binding
    return try attach(to: table, in: kernel).id
  }

  /// Attaches it to an address space or a page table, or moves it there.
  func attach(to table: UInt32, in kernel: SimulatedKernel) throws(Errno) -> SimulatedHWPT {
    guard let binding else { throw .enodev }
    switch binding.context.object(table) {
    case .hwpt(let hwpt):
      try binding.attach(to: hwpt, in: kernel)
      return hwpt
    case .ioas(let ioas): return try binding.attach(to: ioas, in: kernel)
    case nil: throw .enoent
    default: throw .einval
    }
  }

  /// Attaches a PASID of it to a page table: that and its own one have to be made for PASIDs.
  func attach(
    _ pasid: UInt32, to table: UInt32, in kernel: SimulatedKernel
  ) throws(Errno) {
    guard let binding, let object = binding.context.object(table) else { throw .enoent }
    let unit = try kernel.host.unit(of: device)
    guard case .hwpt(let hwpt) = object, unit.mock?.hasPASIDs == true, hwpt.takesPASIDs,
      kernel.host.devices[device].hwpt?.takesPASIDs ?? true, hwpt.admits(unit),
      tables[pasid] == nil
    else { throw .einval }
    hwpt.attachedDevices += 1
    tables[pasid] = hwpt
  }

  /// Detaches a PASID of it, if it is attached.
  func detach(_ pasid: UInt32) { tables.removeValue(forKey: pasid)?.attachedDevices -= 1 }

  /// Detaches and unbinds it.
  func end(in kernel: SimulatedKernel) {
    for pasid in tables.keys { detach(pasid) }
    binding?.end(in: kernel)
    binding = nil
    kernel.host.unplugMock(device)
  }
}
