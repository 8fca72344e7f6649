/// Reads a VM description out of a tree.
///
/// It checks one entry at a time: that values are well formed. What concerns several entries
/// (names used twice, overlaps) is the planner's.
struct VMDecoder {
  private let tree: YAMLTree
  private var decoder: NodeDecoder
  private var regions: RegionDecoder
  private let intents = WordList("no-snoop intent", of: NoSnoopIntent.self)

  /// Decodes the document; every finding goes to the sink.
  static func decode(
    _ tree: YAMLTree, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> VMDescription {
    var vm = VMDecoder(tree)
    let description = vm.description()
    for diagnostic in vm.decoder.sink.diagnostics { sink.report(diagnostic) }
    try sink.throwIfErrors()
    return description
  }

  private init(_ tree: YAMLTree) {
    self.tree = tree
    decoder = NodeDecoder(tree)
    regions = RegionDecoder(tree)
  }

  private mutating func description() -> VMDescription {
    var fields = MappingDecoder(tree, "a VM description")
    _ = (fields.require("apiVersion"), fields.require("kind"))
    let name = fields.require("name")
    let objective = fields.allow("objective")
    let memory = fields.require("memory")
    let kvm = fields.allow("kvm")
    let devices = fields.require("devices")
    let spaces = fields.allow("addressSpaces")
    _ = fields.read(tree.root, &decoder)
    let start = decoder.span(fields[name], or: tree.headSpan(of: tree.root))
    return VMDescription(
      name: decoder.text(fields[name], "the VM's name") ?? "",
      objective: ObjectiveDecoder.decode(fields[objective], &decoder) ?? .coherency,
      memory: memoryRegions(fields[memory]),
      kvm: kvmClause(fields[kvm], or: start),
      devices: assignedDevices(fields[devices]),
      addressSpaces: addressSpaces(fields[spaces]),
      nameSpan: start)
  }

  private mutating func memoryRegions(_ node: YAMLTree.Node?) -> [MemoryRegion] {
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

  private mutating func expectation(_ node: YAMLTree.Node) -> DeviceExpectation? {
    var fields = MappingDecoder(tree, "what a device has to be")
    let vendor = fields.allow("vendor")
    let device = fields.allow("device")
    let classCode = fields.allow("class")
    let subsystem = fields.allow("subsystem")
    let group = fields.allow("group")
    guard fields.read(node, &decoder) else { return nil }
    var expected = DeviceExpectation(span: tree.span(of: node))
    expected.vendor = decoder.number(fields[vendor], "a vendor id", in: 0...0xffff)
      .map { UInt16(truncatingIfNeeded: $0) }
    expected.device = decoder.number(fields[device], "a device id", in: 0...0xffff)
      .map { UInt16(truncatingIfNeeded: $0) }
    expected.classCode = decoder.number(fields[classCode], "a class code", in: 0...0xff_ffff)
      .map { UInt32(truncatingIfNeeded: $0) }
    expected.subsystem = decoder.subsystem(fields[subsystem])
    expected.group = decoder.number(
      fields[group], "a group number", in: 0...UInt64(Int32.max)
    ).map { Int(truncatingIfNeeded: $0) }
    return expected
  }

  private mutating func assignedDevices(_ node: YAMLTree.Node?) -> [AssignedDevice] {
    guard let node, let items = decoder.list(node, "a list of devices") else { return [] }
    var fields = MappingDecoder(tree, "a device")
    let name = fields.require("name")
    let address = fields.require("address")
    let noSnoop = fields.allow("noSnoop")
    let space = fields.allow("addressSpace")
    let expected = fields.allow("expect")
    var devices: [AssignedDevice] = []
    devices.reserveCapacity(tree.childCount(of: node))
    for item in items where fields.read(item, &decoder) {
      let nameText = decoder.name(fields[name], "a device name")
      let bdf = decoder.bdf(fields[address])
      let intent = decoder.word(fields[noSnoop], intents)
      let spaceText = decoder.name(fields[space], "an address space name")
      guard let nameText, let bdf else { continue }
      var device = AssignedDevice(
        name: nameText, address: bdf, noSnoop: intent ?? .auto,
        addressSpace: spaceText ?? VMDescription.guestPhysicalSpace, span: tree.span(of: item))
      device.nameSpan = decoder.span(fields[name], or: device.span)
      device.addressSpan = decoder.span(fields[address], or: device.nameSpan)
      device.noSnoopSpan = decoder.span(fields[noSnoop], or: device.nameSpan)
      device.addressSpaceSpan = decoder.span(fields[space], or: device.nameSpan)
      if let node = fields[expected] { device.expected = expectation(node) }
      devices.append(device)
    }
    return devices
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
