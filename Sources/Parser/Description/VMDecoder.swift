/// Reads a VM description out of a tree.
///
/// It checks one entry at a time: that values are well formed. What concerns several entries
/// (names used twice, overlaps) is the planner's.
struct VMDecoder: DocumentDecoder {
  static let kind = DocumentKind.vm
  private let tree: YAMLTree
  private(set) var decoder: NodeDecoder
  private var regions: RegionDecoder
  private let expectation: ExpectationFields
  private let matched: ExpectationFields
  private let index: MappingDecoder.Field
  private let intents = WordList("no-snoop intent", of: NoSnoopIntent.self)

  init(_ tree: YAMLTree) {
    self.tree = tree
    decoder = NodeDecoder(tree)
    regions = RegionDecoder(tree)
    expectation = ExpectationFields(tree, "what a device has to be")
    var matched = ExpectationFields(tree, "what a device is selected by")
    index = matched.mapping.allow("index")
    self.matched = matched
  }

  mutating func document() -> VMDescription {
    var fields = MappingDecoder(tree, "a VM description")
    _ = (fields.require("apiVersion"), fields.require("kind"))
    let name = fields.require("name")
    let objective = fields.allow("objective")
    let memory = fields.allow("memory")
    let machine = fields.allow("machine")
    let vmm = fields.allow("vmm")
    let kvm = fields.allow("kvm")
    let devices = fields.require("devices")
    let spaces = fields.allow("addressSpaces")
    let companions = fields.allow("companions")
    _ = fields.read(tree.root, &decoder)
    let start = decoder.span(fields[name], or: tree.headSpan(of: tree.root))
    let layout = decoder.word(fields[machine], WordList("machine", of: GuestMachine.self))
    var vm = VMDescription(
      name: decoder.text(fields[name], "the VM's name") ?? "",
      objective: ObjectiveDecoder.decode(fields[objective], &decoder) ?? .coherency,
      memory: memoryRegions(fields[memory], layout ?? .q35),
      kvm: kvmClause(fields[kvm], or: start),
      devices: assignedDevices(fields[devices]),
      addressSpaces: addressSpaces(fields[spaces]),
      companions: decoder.word(
        fields[companions], WordList("policy", of: CompanionPolicy.self)) ?? .refuse,
      nameSpan: start)
    let isLaidOut = fields[memory].map { tree.kind(of: $0) == .scalar } ?? false
    vm.machine = layout ?? (isLaidOut ? .q35 : nil)
    vm.vmm = fields[vmm].flatMap { vmmClause($0) }
    return vm
  }

  private mutating func vmmClause(_ node: YAMLTree.Node) -> VMMClause? {
    var fields = MappingDecoder(tree, "the vmm clause")
    let kind = fields.require("kind")
    let backend = fields.allow("backend")
    let version = fields.allow("version")
    guard fields.read(node, &decoder) else { return nil }
    let name = decoder.word(fields[kind], WordList("VMM", of: VMMClause.Kind.self))
    let interface = decoder.word(
      fields[backend], WordList("interface", of: VMMClause.Interface.self))
    let number = decoder.name(fields[version], "a version")
    return name.map { VMMClause(kind: $0, interface: interface, version: number) }
  }

  /// Regions of a list, or those that a machine has with a size of memory.
  private mutating func memoryRegions(
    _ node: YAMLTree.Node?, _ machine: GuestMachine
  ) -> [MemoryRegion] {
    if let node, tree.kind(of: node) == .scalar, !tree.string(of: node).isEmpty {
      return regions.layout(node, machine, &decoder)
    }
    guard let items = decoder.listOfSome(node, "a list of memory regions") else { return [] }
    return items.compactMap { regions.memory($0, &decoder) }
  }

  private mutating func kvmClause(_ node: YAMLTree.Node?, or start: SourceSpan) -> KVMClause {
    var fields = MappingDecoder(tree, "the kvm clause")
    let incoherent = fields.allow("incoherentDMA")
    let owner = fields.allow("owner")
    guard let node, fields.read(node, &decoder) else { return KVMClause(span: start) }
    let words = WordList("kvm setting", of: KVMClause.IncoherentDMA.self)
    return KVMClause(
      incoherentDMA: decoder.word(fields[incoherent], words) ?? .auto,
      owner: decoder.word(fields[owner], WordList("owner", of: KVMClause.Owner.self)) ?? .auto,
      span: decoder.span(fields[incoherent], or: start))
  }

  private mutating func expected(_ node: YAMLTree.Node) -> DeviceExpectation? {
    var fields = expectation
    return expectation(node, &fields)
  }

  private mutating func expectation(
    _ node: YAMLTree.Node, _ fields: inout ExpectationFields
  ) -> DeviceExpectation? {
    guard fields.mapping.read(node, &decoder) else { return nil }
    var expected = DeviceExpectation(span: tree.span(of: node))
    expected.vendor = decoder.number(
      fields.mapping[fields.vendor], "a vendor id", in: 0...0xffff
    ).map { UInt16(truncatingIfNeeded: $0) }
    expected.device = decoder.number(
      fields.mapping[fields.device], "a device id", in: 0...0xffff
    ).map { UInt16(truncatingIfNeeded: $0) }
    expected.classCode = decoder.number(
      fields.mapping[fields.classCode], "a class code", in: 0...0xff_ffff
    ).map { UInt32(truncatingIfNeeded: $0) }
    expected.subsystem = decoder.subsystem(fields.mapping[fields.subsystem])
    expected.group = decoder.number(
      fields.mapping[fields.group], "a group number", in: 0...UInt64(Int32.max)
    ).map { Int(truncatingIfNeeded: $0) }
    return expected
  }

  private mutating func assignedDevices(_ node: YAMLTree.Node?) -> [AssignedDevice<DeviceReference>]
  {
    guard let node, let items = decoder.list(node, "a list of devices") else { return [] }
    var fields = AssignedDeviceFields(tree)
    var devices: [AssignedDevice<DeviceReference>] = []
    devices.reserveCapacity(tree.childCount(of: node))
    for item in items where fields.mapping.read(item, &decoder) {
      if let device = assignedDevice(item, fields) { devices.append(device) }
    }
    return devices
  }

  @inline(__always)
  private mutating func assignedDevice(
    _ item: YAMLTree.Node, _ fields: borrowing AssignedDeviceFields
  ) -> AssignedDevice<DeviceReference>? {
    let name = decoder.name(fields.mapping[fields.name], "a device name")
    let place = reference(item, fields)
    let managed = decoder.bool(fields.mapping[fields.managed])
    let intent = decoder.word(fields.mapping[fields.noSnoop], intents)
    let space = decoder.name(fields.mapping[fields.addressSpace], "an address space name")
    let driver = decoder.name(fields.mapping[fields.driver], "a driver's name")
    let token = decoder.vfToken(fields.mapping[fields.vfToken])
    let expected = fields.mapping[fields.expected].flatMap { self.expected($0) }
    guard let name, let place else { return nil }
    var device = AssignedDevice(
      name: name, place: place, noSnoop: intent ?? .auto,
      addressSpace: space ?? VMDescription.guestPhysicalSpace, span: tree.span(of: item))
    device.driver = driver
    device.vfToken = token
    device.managed = managed
    device.expected = expected
    device.$name = decoder.span(fields.mapping[fields.name], or: device.span)
    device.$place = decoder.span(fields.place, or: device.$name)
    device.$driver = decoder.span(fields.mapping[fields.driver], or: device.$name)
    device.$vfToken = decoder.span(fields.mapping[fields.vfToken], or: device.$name)
    device.$noSnoop = decoder.span(fields.mapping[fields.noSnoop], or: device.$name)
    device.$addressSpace = decoder.span(fields.mapping[fields.addressSpace], or: device.$name)
    return device
  }

  /// Which device is meant; it is said in one way.
  @inline(__always)
  private mutating func reference(
    _ item: YAMLTree.Node, _ fields: borrowing AssignedDeviceFields
  ) -> DeviceReference? {
    let address = decoder.reference(fields.mapping[fields.address])
    let (path, match) = (fields.mapping[fields.path], fields.mapping[fields.match])
    if path == nil, match == nil { return address }
    guard fields.mapping[fields.address] == nil, path == nil || match == nil else {
      decoder.report(ParserDiagnostics.severalPlaces(at: tree.span(of: item)))
      return nil
    }
    if let match { return self.match(match) }
    return decoder.path(path).map { .path($0) }
  }

  /// What a device is selected by.
  private mutating func match(_ node: YAMLTree.Node) -> DeviceReference? {
    var fields = matched
    guard let wanted = expectation(node, &fields) else { return nil }
    let position = decoder.number(
      fields.mapping[index], "a position among devices", in: 0...UInt64(Int32.max))
    return .match(wanted, index: position.map { Int(truncatingIfNeeded: $0) })
  }

  private mutating func addressSpaces(_ node: YAMLTree.Node?) -> [AddressSpace] {
    guard let items = decoder.list(node, "a list of address spaces") else { return [] }
    var fields = MappingDecoder(tree, "an address space")
    let name = fields.require("name")
    let memory = fields.require("memory")
    return items.compactMap { item in
      guard fields.read(item, &decoder) else { return nil }
      let windows = decoder.listOfSome(fields[memory], "a list of windows")
      let span = decoder.span(fields[name], or: tree.headSpan(of: item))
      let text = decoder.name(fields[name], "an address space name")
      if text == VMDescription.guestPhysicalSpace {
        decoder.report(ParserDiagnostics.reservedSpaceName(at: span))
      }
      let read = windows?.compactMap { regions.window($0, &decoder) } ?? []
      return text.map { AddressSpace(name: $0, windows: read, nameSpan: span) }
    }
  }
}

/// The keys of a VM's device.
private struct AssignedDeviceFields {
  var mapping: MappingDecoder
  let name, address, path, match, noSnoop, addressSpace, expected, driver: MappingDecoder.Field
  let vfToken, managed: MappingDecoder.Field

  init(_ tree: YAMLTree) {
    mapping = MappingDecoder(tree, "a device")
    name = mapping.require("name")
    path = mapping.allow("path")
    match = mapping.allow("match")
    address = mapping.require("address", unless: path, match)
    noSnoop = mapping.allow("noSnoop")
    addressSpace = mapping.allow("addressSpace")
    expected = mapping.allow("expect")
    driver = mapping.allow("driver")
    vfToken = mapping.allow("vfToken")
    managed = mapping.allow("managed")
  }

  /// The value that says which device it is.
  var place: YAMLTree.Node? { mapping[address] ?? mapping[path] ?? mapping[match] }
}

/// The keys that say what a device is.
private struct ExpectationFields {
  var mapping: MappingDecoder
  let vendor, device, classCode, subsystem, group: MappingDecoder.Field

  init(_ tree: YAMLTree, _ what: String) {
    mapping = MappingDecoder(tree, what)
    vendor = mapping.allow("vendor")
    device = mapping.allow("device")
    classCode = mapping.allow("class")
    subsystem = mapping.allow("subsystem")
    group = mapping.allow("group")
  }
}
