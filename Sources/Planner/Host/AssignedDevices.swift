import Parser

/// The VM's devices with the host facts the planner needs, as flat arrays by position.
///
/// Made only if every device is on the host, behind an IOMMU and in a group, and every address
/// space it names exists; so what holds one need not ask again.
struct AssignedDevices: Sendable {
  /// Number of devices.
  let count: Int
  /// Position of each device in the host description.
  let hostIndex: [HostDeviceIndex]
  /// Position of its IOMMU unit.
  let iommu: [UnitIndex]
  /// Its address space: 0 is `gpa`, then `VMDescription.addressSpaces` in order.
  let space: [SpaceIndex]
  /// Whether it may emit no-snoop requests; unknown counts as yes.
  let canNoSnoop: [Bool]
  /// Whether its IOMMU can enforce snoop; unknown counts as no.
  let canEnforce: [Bool]
  /// Whether its IOMMU is known to be unable to enforce snoop.
  let cannotEnforce: [Bool]
}

/// Finds the VM's devices on the host and reports what is wrong with names and addresses.
struct DeviceLookup {
  private let vm: ResolvedVM
  private let topology: HostTopology

  private var hostIndex: [HostDeviceIndex] = []
  private var vmIndexOfHost: [DeviceIndex]
  private var missing = 0
  private var isSound = true
  /// Devices that are behind no IOMMU, and others that are in no group.
  private var unitless: [Int] = []
  private var groupless: [Int] = []

  /// Looks all devices up; `nil` if a finding leaves one of them without its facts.
  static func devices(
    of vm: ResolvedVM, on topology: HostTopology, into sink: inout DiagnosticSink
  ) -> AssignedDevices? {
    var lookup = DeviceLookup(vm: vm, topology: topology)
    if topology.host.iommus.isEmpty {
      let unprotected = Set(topology.host.devices.filter(\.isUnprotected).map(\.address))
      let protectable = vm.devices.filter { !unprotected.contains($0.address) }
      if !protectable.isEmpty {
        sink.report(PlannerDiagnostics.noIOMMUs(on: topology.host, for: protectable))
      }
    }
    lookup.checkNames(into: &sink)
    lookup.findOnHost(into: &sink)
    let spaces = lookup.spaces(into: &sink)
    guard lookup.isSound else { return nil }
    return lookup.facts(spaces: spaces)
  }

  private init(vm: ResolvedVM, topology: HostTopology) {
    self.vm = vm
    self.topology = topology
    vmIndexOfHost = [DeviceIndex](repeating: .none, count: topology.host.devices.count)
  }

  private func checkNames(into sink: inout DiagnosticSink) {
    var names = NameIndex(capacity: vm.devices.count)
    for index in vm.devices.indices {
      guard
        let first = names.insert(index, vm.devices[index].name, name: { vm.devices[$0].name })
      else { continue }
      sink.report(PlannerDiagnostics.duplicateName(vm.devices[index], first: vm.devices[first]))
    }
  }

  private mutating func findOnHost(into sink: inout DiagnosticSink) {
    hostIndex.reserveCapacity(vm.devices.count)
    var unknown: [BDF: Int] = [:]
    var hint = 0
    for index in vm.devices.indices {
      guard let found = topology.device(at: vm.devices[index].address, hint: hint) else {
        reportMissing(index, &unknown, into: &sink)
        continue
      }
      hint = found + 1
      hostIndex.append(HostDeviceIndex(found))
      if let first = vmIndexOfHost[found].position.map({ vm.devices[$0] }) {
        isSound = false
        sink.report(PlannerDiagnostics.duplicateAddress(vm.devices[index], first: first))
        continue
      }
      vmIndexOfHost[found] = DeviceIndex(index)
      checkUsable(index, found, into: &sink)
    }
    reportUnisolated(into: &sink)
  }

  private mutating func reportMissing(
    _ index: Int, _ unknown: inout [BDF: Int], into sink: inout DiagnosticSink
  ) {
    isSound = false
    hostIndex.append(.none)
    let device = vm.devices[index]
    if let first = unknown[device.address] {
      sink.report(PlannerDiagnostics.duplicateAddress(device, first: vm.devices[first]))
      return
    }
    unknown[device.address] = index
    missing += 1
    let candidates =
      missing <= Spelling.limit ? DeviceCandidates(for: device, on: topology.host) : nil
    sink.report(PlannerDiagnostics.missing(device, host: topology.host.name, candidates))
  }

  private mutating func checkUsable(
    _ index: Int, _ found: Int, into sink: inout DiagnosticSink
  ) {
    if let expected = vm.devices[index].expected {
      let fact = topology.host.devices[found]
      let differences = expected.differences(from: fact)
      if !differences.isEmpty {
        sink.report(
          PlannerDiagnostics.unexpected(vm.devices[index], expected, fact, differences))
      }
    }
    if let driver = vm.devices[index].driver { checkDriver(driver, index, found, into: &sink) }
    if topology.host.devices[found].classCode >> 8 == 0x0604 {
      sink.report(PlannerDiagnostics.bridge(vm.devices[index], topology.host.devices[found]))
    }
    checkIsolated(index, found, into: &sink)
  }

  /// Looks for a device's IOMMU and group; without the one there is not the other.
  private mutating func checkIsolated(
    _ index: Int, _ found: Int, into sink: inout DiagnosticSink
  ) {
    let fact = topology.host.devices[found]
    guard topology.iommuOfDevice[found].isNone || topology.groupOfDevice[found].isNone else {
      return
    }
    isSound = false
    if fact.isUnprotected {
      sink.report(ScopeDiagnostics.unprotected(vm.devices[index]))
    } else if fact.iommu == nil {
      if !topology.host.iommus.isEmpty { unitless.append(index) }
    } else if topology.groupOfDevice[found].isNone {
      groupless.append(index)
    }
  }

  /// Reports each cause once: integrated graphics has an IOMMU of its own, which may be off.
  private func reportUnisolated(into sink: inout DiagnosticSink) {
    if unitless.isEmpty, groupless.isEmpty { return }
    let facts = { [hostIndex, topology] (index: Int) in
      topology.host.devices[hostIndex[index]]
    }
    // Only Intel's driver has a parameter for them.
    let hasIntel = topology.host.iommus.contains { $0.type == HostIOMMU.intel }
    let graphics = unitless.filter { hasIntel && facts($0).isIntegratedGraphics }
    let others = unitless.filter { !hasIntel || !facts($0).isIntegratedGraphics }
    for (indices, isGraphics) in [(graphics, true), (others, false)] where !indices.isEmpty {
      sink.report(
        PlannerDiagnostics.noIOMMU(
          indices.map { vm.devices[$0] }, indices.map(facts), on: topology.host,
          isGraphics: isGraphics))
    }
    guard !groupless.isEmpty else { return }
    sink.report(
      PlannerDiagnostics.noGroup(groupless.map { vm.devices[$0] }, groupless.map(facts)))
  }

  /// Whether there can be a driver of VFIO of the name; one that a device of the host has there is.
  private func checkDriver(
    _ driver: String, _ index: Int, _ found: Int, into sink: inout DiagnosticSink
  ) {
    let present = topology.host.devices[found]
    if present.driver == driver, present.hasVFIODriver { return }
    guard VFIODriver.isVFIO(driver) else {
      sink.report(PlannerDiagnostics.otherDriver(vm.devices[index], driver))
      return
    }
    let real = VFIODriver.realName(of: driver)
    guard real != driver, !topology.host.devices.contains(where: { $0.driver == driver }) else {
      return
    }
    sink.report(PlannerDiagnostics.otherSpelling(vm.devices[index], driver, real))
  }

  /// Resolves address-space names; they mostly repeat, so the last match is tried first.
  private mutating func spaces(into sink: inout DiagnosticSink) -> [SpaceIndex] {
    let positions = declaredSpaces(into: &sink)
    var result = [SpaceIndex](repeating: SpaceIndex(0), count: vm.devices.count)
    var isUsed = [Bool](repeating: false, count: vm.addressSpaces.count + 1)
    var last = (name: VMDescription.guestPhysicalSpace, position: SpaceIndex(0))
    var unknown = 0
    for index in vm.devices.indices {
      if vm.devices[index].addressSpace != last.name {
        let name = vm.devices[index].addressSpace
        guard let position = positions[name] else {
          isSound = false
          unknown += 1
          sink.report(
            PlannerDiagnostics.unknownSpace(
              vm.devices[index],
              known: unknown <= Spelling.limit
                ? [VMDescription.guestPhysicalSpace] + vm.addressSpaces.map(\.name) : []))
          continue
        }
        last = (name, position)
      }
      result[index] = last.position
      isUsed[last.position.offset] = true
    }
    for (index, space) in vm.addressSpaces.enumerated()
    where !isUsed[index + 1] && positions[space.name] == SpaceIndex(index + 1) {
      sink.report(PlannerDiagnostics.unusedSpace(space))
    }
    return result
  }

  private func declaredSpaces(into sink: inout DiagnosticSink) -> [String: SpaceIndex] {
    var positions = [VMDescription.guestPhysicalSpace: SpaceIndex(0)]
    for (index, space) in vm.addressSpaces.enumerated()
    where space.name != VMDescription.guestPhysicalSpace {
      if let first = positions[space.name] {
        sink.report(
          PlannerDiagnostics.duplicateSpace(space, first: vm.addressSpaces[first.offset - 1]))
      } else {
        positions[space.name] = SpaceIndex(index + 1)
      }
    }
    return positions
  }

  private func facts(spaces: [SpaceIndex]) -> AssignedDevices {
    let enforcing = topology.enforcement
    let iommu = hostIndex.map { topology.iommuOfDevice[$0.offset] }
    return AssignedDevices(
      count: hostIndex.count, hostIndex: hostIndex, iommu: iommu, space: spaces,
      canNoSnoop: hostIndex.map { topology.host.devices[$0].noSnoopCapable != .no },
      canEnforce: iommu.map { enforcing[$0.offset] == .yes },
      cannotEnforce: iommu.map { enforcing[$0.offset] == .no })
  }
}

extension DeviceExpectation {
  /// What a device of the host has otherwise, in words.
  func differences(from fact: HostDevice) -> [String] {
    var found: [String] = []
    func compare(_ what: String, _ wanted: UInt64?, _ real: UInt64?, _ text: (UInt64) -> String) {
      guard let wanted, wanted != real else { return }
      found.append("\(what) is \(real.map(text) ?? "none"), not \(text(wanted))")
    }
    compare("vendor", vendor.map(UInt64.init), UInt64(fact.vendor)) { hexText($0) }
    compare("device", device.map(UInt64.init), UInt64(fact.device)) { hexText($0) }
    compare("class", classCode.map(UInt64.init), UInt64(fact.classCode)) {
      hexText($0)
    }
    if let subsystem, subsystem != fact.subsystem {
      let real = fact.subsystem?.description ?? "unknown"
      found.append("subsystem is \(real), not \(subsystem)")
    }
    compare("group", group.map { UInt64($0) }, fact.group.map { UInt64($0) }) { "\($0)" }
    return found
  }
}
