/// A VM as it is read of a configuration, whatever its kind.
struct ImportDraft {
  /// A device of the host.
  struct Device {
    var place: DeviceReference
    /// What the configuration calls it, if it does.
    var name: String?
    var driver: SourceWord?
    var vfToken: SourceWord?
    var managed: Bool?
    /// Whether it says that it is on an iommufd.
    var isOnIOMMUFD: Bool
    /// The whole entry, and its address.
    var span: SourceSpan
    var addressSpan: SourceSpan
  }

  let kind: VMMClause.Kind
  let file: SourceFile
  var name: SourceWord?
  var devices: [Device] = []
  var memory = ImportedMemory()
  var sink = DiagnosticSink()
  /// What devices are called that the configuration does not name, before their number.
  var deviceStem = "hostdev"
  /// Whose open file a number is, where the process can be asked.
  var fileAddress: ((String) -> BDF?)?
  private(set) var leftOut: [LeftOut] = []

  init(_ kind: VMMClause.Kind, _ file: SourceFile) {
    self.kind = kind
    self.file = file
  }

  /// Counts something that is not taken over.
  mutating func leave(_ noun: String, _ reason: LeftOut.Reason, count: Int = 1) {
    guard count > 0 else { return }
    if let known = leftOut.firstIndex(where: { $0.noun == noun && $0.reason == reason }) {
      leftOut[known].count += count
    } else {
      leftOut.append(LeftOut(noun: noun, reason: reason, count: count))
    }
  }

  /// Reports that a device is not taken over, and counts it.
  mutating func leave(_ noun: String, _ finding: Diagnostic) {
    sink.report(finding)
    leave(noun, .reported)
  }

  /// The description; throws every finding if one is an error.
  mutating func finished() throws(DiagnosticsError) -> ImportedVM {
    var vm = VMDescription(name: vmName)
    vm.$name = name?.span ?? ParserDiagnostics.start(of: file.id)
    (vm.memory, vm.machine) = memory.regions(into: &sink)
    vm.kvm.$incoherentDMA = vm.$name
    vm.devices = assigned()
    vm.vmm = VMMClause(kind: kind, interface: interface(of: vm.devices.map(\.name)))
    sink.sort()
    try sink.throwIfErrors()
    return ImportedVM(vm: vm, leftOut: leftOut, warnings: sink.diagnostics)
  }

  /// What the VM is called: by its configuration, else as the file.
  private var vmName: String {
    if let text = name?.text, NodeDecoder.takesText(text) { return text }
    let last = file.name.split(separator: "/").last ?? ""
    let stem = String(last.split(separator: ".").first ?? "")
    return NodeDecoder.takesName(stem) ? stem : "vm"
  }

  private func interface(of names: [String]) -> VMMClause.Interface? {
    guard !devices.isEmpty else { return nil }
    return devices.contains { $0.isOnIOMMUFD } ? .iommufd : .type1
  }

  private mutating func assigned() -> [AssignedDevice<DeviceReference>] {
    var taken: [String: Int] = [:]
    var assigned: [AssignedDevice<DeviceReference>] = []
    for (index, device) in devices.enumerated() {
      let name = Self.free(name(of: device, index), &taken)
      assigned.append(self.assigned(device, name))
    }
    let others = zip(devices, assigned).filter { !$0.0.isOnIOMMUFD }
    if let first = others.first, others.count < devices.count {
      sink.report(
        ImportDiagnostics.severalInterfaces(others.map(\.1.name), at: first.0.span))
    }
    return assigned
  }

  private func name(of device: Device, _ index: Int) -> String {
    if let name = device.name, NodeDecoder.takesName(name) { return name }
    return "\(deviceStem)\(index)"
  }

  /// A name that no other device has; of names that are taken, the number that comes next is kept.
  private static func free(_ wanted: String, _ taken: inout [String: Int]) -> String {
    guard var number = taken[wanted] else {
      taken[wanted] = 2
      return wanted
    }
    var name = wanted
    while taken[name] != nil {
      name = "\(wanted.prefix(56))-\(number)"
      number += 1
    }
    taken[wanted] = number
    taken[name] = 2
    return name
  }

  private mutating func assigned(_ device: Device, _ name: String) -> AssignedDevice<
    DeviceReference
  > {
    var one = AssignedDevice(name: name, place: device.place, span: device.span)
    one.managed = device.managed
    one.$place = device.addressSpan
    if let driver = device.driver {
      one.driver = driver.text
      one.$driver = driver.span
      if !NodeDecoder.takesName(driver.text) {
        sink.report(ImportDiagnostics.value("a driver's name", driver))
      }
    }
    if let token = device.vfToken {
      one.vfToken = VFToken(token.text)
      one.$vfToken = token.span
      if one.vfToken == nil { sink.report(ImportDiagnostics.value("a UUID", token)) }
    }
    return one
  }
}

/// What came of a configuration.
public struct ImportedVM: Sendable {
  /// The description; its places are those of the configuration.
  public var vm: VMDescription
  /// What is not in it.
  public var leftOut: [LeftOut]
  /// What is to be said of it.
  public var warnings: [Diagnostic]
}
