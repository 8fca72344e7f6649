import Parser

/// Finds the devices that a description names by path or by what they are.
struct DeviceSelection {
  private let host: HostDescription
  /// The devices at each path, in file order.
  private var byPath: [PCIPath: [Int]] = [:]
  /// The addresses of functions in each slot, ascending; made when the first slot is looked for.
  private lazy var bySlot = Dictionary(grouping: host.devices.lazy.map(\.address).sorted()) {
    $0.packed >> 3
  }
  /// The devices that have the same of some facts, in order of their addresses: by which facts
  /// these are, and what they are.
  private var byFacts: [DeviceExpectation.Facts: [DeviceExpectation: [Int]]] = [:]

  /// The same description with addresses only; `nil`, reported, if a device can't be told.
  ///
  /// One pass over the host for each choice of facts to match, one for all paths.
  static func resolved(
    _ vm: VMDescription, on host: HostDescription, into sink: inout DiagnosticSink
  ) -> ResolvedVM? {
    var selection = DeviceSelection(host)
    var devices: [ResolvedDevice] = []
    devices.reserveCapacity(vm.devices.count)
    var isSound = true
    var emptySlots: [AssignedDevice<DeviceReference>] = []
    for device in vm.devices {
      switch device.place {
      case .address(let address): devices.append(device.found(at: address))
      case .slot(let slot):
        let functions = selection.functions(of: device, in: slot)
        if functions.isEmpty { emptySlots.append(device) }
        devices += functions
      case .path, .match:
        switch selection.device(for: device) {
        case .success(let found): devices.append(device.found(at: host.devices[found].address))
        case .failure(let error):
          isSound = false
          sink.report(error.finding)
        }
      }
    }
    for device in emptySlots { sink.report(PlannerDiagnostics.notSelected(device, on: host, [])) }
    return isSound && emptySlots.isEmpty ? vm.with(devices: devices) : nil
  }

  /// The functions that the host has in a device's slot, each a device `NAME.F`.
  private mutating func functions(
    of device: AssignedDevice<DeviceReference>, in slot: BDF
  ) -> [ResolvedDevice] {
    (bySlot[slot.packed >> 3] ?? []).map { address in
      var one = device.found(at: address)
      one.name += ".\(address.function)"
      return one
    }
  }

  private struct Failure: Error {
    let finding: Diagnostic
  }

  private init(_ host: HostDescription) { self.host = host }

  private mutating func device(
    for device: AssignedDevice<DeviceReference>
  ) -> Result<Int, Failure> {
    let (found, position) =
      switch device.place {
      case .path(let path): (devices(at: path), nil as Int?)
      case .match(let wanted, let index): (devices(like: wanted), index)
      case .address, .slot: ([], nil)
      }
    if let position, position < found.count { return .success(found[position]) }
    if position == nil, found.count == 1 { return .success(found[0]) }
    return .failure(
      Failure(
        finding: found.isEmpty || position != nil
          ? PlannerDiagnostics.notSelected(device, on: host, found)
          : PlannerDiagnostics.ambiguous(device, on: host, found)))
  }

  private mutating func devices(at path: PCIPath) -> [Int] {
    if byPath.isEmpty {
      for (index, device) in host.devices.enumerated() {
        byPath[device.path ?? PCIPath(root: device.address), default: []].append(index)
      }
    }
    return byPath[path] ?? []
  }

  /// Devices in order of their addresses.
  private mutating func devices(like wanted: DeviceExpectation) -> [Int] {
    var key = wanted
    key.span = .wholeVM
    let facts = wanted.facts
    if byFacts[facts] == nil {
      let sorted = host.devices.indices.sorted {
        (host.devices[$0].address, $0) < (host.devices[$1].address, $1)
      }
      byFacts[facts] = Dictionary(grouping: sorted) { facts.of(host.devices[$0]) }
    }
    return byFacts[facts]?[key] ?? []
  }
}

extension DeviceExpectation {
  /// Which facts of a device are expected to be something.
  fileprivate struct Facts: Hashable {
    var vendor, device, classCode, subsystem, group: Bool

    /// These facts of a device of the host.
    func of(_ fact: HostDevice) -> DeviceExpectation {
      var found = DeviceExpectation(span: .wholeVM)
      if vendor { found.vendor = fact.vendor }
      if device { found.device = fact.device }
      if classCode { found.classCode = fact.classCode }
      if subsystem { found.subsystem = fact.subsystem }
      if group { found.group = fact.group }
      return found
    }
  }

  fileprivate var facts: Facts {
    Facts(
      vendor: vendor != nil, device: device != nil, classCode: classCode != nil,
      subsystem: subsystem != nil, group: group != nil)
  }
}

// Findings about devices that are selected.
extension PlannerDiagnostics {
  static let nothingSelected = DiagnosticCode(
    "VP4013", .error, "no device of the host is what a device is selected by",
    """
    'path' leads from a root bus over bridges to a device, and 'match' says what a device is: \
    vendor, device, class, group; 'index' takes one of several, counted from 0 in order of their \
    addresses. An 'address' without a function is a slot with all that is in it. The host has no \
    device there, or none that is all of this. `vfioplan host --format yaml` shows paths and ids \
    as the host has them.
    """)
  static let severalSelected = DiagnosticCode(
    "VP4014", .error, "several devices of the host are what a device is selected by",
    """
    To take any of them would give away a device that nobody named. Say more in 'match', take one \
    by its 'index', or name the device by 'path' or 'address'.
    """)

  static func notSelected(
    _ device: AssignedDevice<DeviceReference>, on host: HostDescription, _ candidates: [Int]
  ) -> Diagnostic {
    guard case .match(_, let index?) = device.place, !candidates.isEmpty else {
      return Diagnostic(
        nothingSelected,
        "device \(quote(device.name)): host \(quote(host.name)) has no such device",
        at: device.$place, help: "compare with 'vfioplan host --format yaml' on the host")
    }
    return Diagnostic(
      nothingSelected,
      "device \(quote(device.name)): host \(quote(host.name)) has "
        + "\(candidates.count) such devices, none with index \(index)",
      at: device.$place, notes: notes(candidates, host),
      help: "'index' counts from 0, in order of addresses")
  }

  static func ambiguous(
    _ device: AssignedDevice<DeviceReference>, on host: HostDescription, _ candidates: [Int]
  ) -> Diagnostic {
    Diagnostic(
      severalSelected,
      "device \(quote(device.name)) can be any of \(candidates.count) devices of host "
        + "\(quote(host.name))",
      at: device.$place, notes: notes(candidates, host),
      help: "say more in 'match', add 'index', or use 'path' or 'address'")
  }

  private static func notes(
    _ candidates: [Int], _ host: HostDescription
  ) -> [Diagnostic.Note] {
    candidates.prefix(4).map { host.devices[$0] }
      .map { .init("'\($0.address)' is one", $0.span) }
  }
}
