/// Reads a host description out of a tree; independent of the VM's, so both can run at once.
struct HostDecoder: DocumentDecoder {
  static let kind = DocumentKind.host
  private let tree: YAMLTree
  private(set) var decoder: NodeDecoder
  private var reserved: ReservedRegionDecoder
  private var bars: BARDecoder
  /// The virtual functions by position, and where their own facts are stated, if they are.
  private var virtualFunctions: [(device: Int, fact: SourceSpan?)] = []

  init(_ tree: YAMLTree) {
    self.tree = tree
    decoder = NodeDecoder(tree)
    reserved = ReservedRegionDecoder(tree)
    bars = BARDecoder(tree)
  }

  mutating func document() -> HostDescription {
    var fields = MappingDecoder(tree, "a host description")
    _ = (fields.require("apiVersion"), fields.require("kind"))
    let name = fields.require("name")
    let kernel = fields.allow("kernel")
    let memory = fields.allow("memory")
    let iommus = fields.allow("iommus")
    let devices = fields.require("devices")
    _ = fields.read(tree.root, &decoder)
    let start = decoder.span(fields[name], or: tree.headSpan(of: tree.root))
    var host = HostDescription(
      name: decoder.text(fields[name], "the host's name") ?? "",
      kernel: decoder.kernel(fields[kernel], or: start),
      iommus: decoder.units(fields[iommus]),
      devices: hostDevices(fields[devices]),
      nameSpan: start)
    host.memory = self.memory(fields[memory]) ?? host.memory
    settleVirtualFunctions(of: &host)
    checkPages(of: host)
    return host
  }

  /// Reads how much memory there is.
  private mutating func memory(_ node: YAMLTree.Node?) -> HostMemory? {
    var fields = MappingDecoder(tree, "the host's memory")
    let (size, pools) = (fields.allow("size"), fields.allow("hugepages"))
    guard let node, fields.read(node, &decoder) else { return nil }
    var memory = HostMemory()
    memory.span = tree.span(of: node)
    memory.bytes = decoder.bytes(fields[size], "a size")
    var pool = MappingDecoder(tree, "a pool of huge pages")
    let (page, count) = (pool.require("size"), pool.require("count"))
    guard let items = fields[pools], let list = decoder.list(items, "a list of pools") else {
      return memory
    }
    memory.pools = list.compactMap { item in
      guard pool.read(item, &decoder) else { return nil }
      let bytes = decoder.bytes(pool[page], "a huge page size")
      let number = decoder.number(pool[count], "a number of pages", in: 0...UInt64(UInt32.max))
      guard let bytes, let number else { return nil }
      return HostMemory.Pool(pageBytes: bytes, count: number)
    }
    return memory
  }

  /// A virtual function has the fact of its physical function, whatever is stated of itself.
  private mutating func settleVirtualFunctions(of host: inout HostDescription) {
    if virtualFunctions.isEmpty { return }
    let devices = host.devices
    let positions = Dictionary(
      devices.indices.lazy.map { (devices[$0].address, $0) }, uniquingKeysWith: { one, _ in one })
    for (index, stated) in virtualFunctions {
      let device = devices[index]
      guard let place = device.physicalFunction.flatMap({ positions[$0] }), place != index,
        devices[place].noSnoopCapable != device.noSnoopCapable
      else { continue }
      let physical = devices[place]
      if let stated, device.noSnoopCapable != .unknown {
        decoder.report(ParserDiagnostics.contradiction(device, of: physical, at: stated))
      }
      host.devices[index].noSnoopCapable = physical.noSnoopCapable
      host.devices[index].noSnoopSource =
        "physical function \(physical.address)"
        + (physical.noSnoopSource.map { ": " + $0 } ?? "")
    }
  }

  /// Reports pages that the kernel's CPUs don't have.
  private mutating func checkPages(of host: HostDescription) {
    let known = host.architecture?.pageSizes ?? [4 << 10, 16 << 10, 64 << 10]
    guard let bytes = host.kernel.statedPageBytes, host.kernel.processor.architecture != .other,
      !known.contains(bytes)
    else { return }
    decoder.report(
      ParserDiagnostics.noSuchPages(
        bytes, known: known, architecture: host.architecture, at: host.kernel.$statedPageBytes))
  }

  private mutating func hostDevices(_ node: YAMLTree.Node?) -> [HostDevice] {
    guard let node, let items = decoder.list(node, "a list of devices") else { return [] }
    var fields = HostDeviceFields(tree)
    var devices: [HostDevice] = []
    devices.reserveCapacity(tree.childCount(of: node))
    for item in items where fields.mapping.read(item, &decoder) {
      guard let device = hostDevice(fields) else { continue }
      if device.physicalFunction != nil {
        let fact = fields.mapping[fields.noSnoopCapable].map { tree.span(of: $0) }
        virtualFunctions.append((devices.count, fact))
      }
      devices.append(device)
    }
    return devices
  }

  @inline(__always)
  private mutating func hostDevice(_ fields: borrowing HostDeviceFields) -> HostDevice? {
    let address = decoder.bdf(fields.mapping[fields.address])
    let vendor = decoder.number(fields.mapping[fields.vendor], "a vendor id", in: 0...0xffff)
    let id = decoder.number(fields.mapping[fields.device], "a device id", in: 0...0xffff)
    let code = decoder.number(fields.mapping[fields.classCode], "a class code", in: 0...0xff_ffff)
    let subsystem = decoder.subsystem(fields.mapping[fields.subsystem])
    let group = decoder.number(
      fields.mapping[fields.group], "a group number", in: 0...UInt64(Int32.max))
    let capable = decoder.word(fields.mapping[fields.noSnoopCapable], NodeDecoder.facts)
    let source = decoder.text(fields.mapping[fields.noSnoopSource], "where the fact comes from")
    let iommu = decoder.text(fields.mapping[fields.iommu], "an IOMMU's name")
    let driver = decoder.name(fields.mapping[fields.driver], "a driver's name")
    let regions = reserved.list(fields.mapping[fields.reserved], &decoder)
    let windows = bars.list(fields.mapping[fields.bars], &decoder)
    let path = decoder.path(fields.mapping[fields.path])
    let physical = decoder.bdf(fields.mapping[fields.physicalFunction])
    let behind = decoder.bdf(fields.mapping[fields.behind])
    let isVFIO = decoder.bool(fields.mapping[fields.vfioDriver])
    guard let address else { return nil }
    var result = HostDevice(
      address: address, vendor: UInt16(truncatingIfNeeded: vendor ?? 0),
      device: UInt16(truncatingIfNeeded: id ?? 0),
      classCode: UInt32(truncatingIfNeeded: code ?? 0), subsystem: subsystem, iommu: iommu,
      group: group.map { Int(truncatingIfNeeded: $0) }, driver: driver,
      noSnoopCapable: capable ?? .unknown, reserved: regions,
      span: decoder.span(fields.mapping[fields.address], or: .wholeHost))
    (result.path, result.noSnoopSource, result.bars) = (path, source, windows)
    (result.physicalFunction, result.behind) = (physical, behind)
    result.isUnprotected = decoder.bool(fields.mapping[fields.noIOMMU]) ?? false
    result.vfioDriver = isVFIO.map { Fact($0) } ?? .unknown
    return result
  }
}

/// The keys of a host's device.
private struct HostDeviceFields {
  var mapping: MappingDecoder
  let address, vendor, device, classCode, subsystem, iommu, group: MappingDecoder.Field
  let driver, noSnoopCapable, noSnoopSource, reserved, bars, path: MappingDecoder.Field
  let physicalFunction, behind, vfioDriver, noIOMMU: MappingDecoder.Field

  init(_ tree: YAMLTree) {
    mapping = MappingDecoder(tree, "a host device")
    address = mapping.require("address")
    vendor = mapping.allow("vendor")
    device = mapping.allow("device")
    classCode = mapping.allow("class")
    subsystem = mapping.allow("subsystem")
    iommu = mapping.allow("iommu")
    group = mapping.allow("group")
    driver = mapping.allow("driver")
    vfioDriver = mapping.allow("vfioDriver")
    noIOMMU = mapping.allow("noIOMMU")
    physicalFunction = mapping.allow("physicalFunction")
    behind = mapping.allow("behind")
    path = mapping.allow("path")
    noSnoopCapable = mapping.allow("noSnoopCapable")
    noSnoopSource = mapping.allow("noSnoopSource")
    reserved = mapping.allow("reserved")
    bars = mapping.allow("bars")
  }
}

/// Reads the `reserved` lists of a host's devices.
private struct ReservedRegionDecoder {
  private let tree: YAMLTree
  private var fields: MappingDecoder
  private let start, end, type: MappingDecoder.Field
  private let kinds = WordList("kind of region", of: ReservedRegion.Kind.self)

  init(_ tree: YAMLTree) {
    self.tree = tree
    fields = MappingDecoder(tree, "a reserved region")
    start = fields.require("start")
    end = fields.require("end")
    type = fields.require("type")
  }

  mutating func list(_ node: YAMLTree.Node?, _ decoder: inout NodeDecoder) -> [ReservedRegion] {
    guard let items = decoder.list(node, "a list of reserved regions") else { return [] }
    return items.compactMap { region($0, &decoder) }
  }

  private mutating func region(
    _ node: YAMLTree.Node, _ decoder: inout NodeDecoder
  ) -> ReservedRegion? {
    guard fields.read(node, &decoder) else { return nil }
    let first = decoder.bytes(fields[start], "an address")
    let last = decoder.bytes(fields[end], "an address")
    let kind = decoder.word(fields[type], kinds)
    guard let first, let last, let kind else { return nil }
    guard first <= last else {
      let endSpan = decoder.span(fields[end], or: tree.span(of: node))
      decoder.report(
        ParserDiagnostics.reservedOrder(
          at: endSpan, start: decoder.span(fields[start], or: endSpan)))
      return nil
    }
    return ReservedRegion(start: first, end: last, kind: kind, span: tree.span(of: node))
  }
}

/// Reads the `bars` of a host's devices.
private struct BARDecoder {
  private let tree: YAMLTree
  private var fields: MappingDecoder
  private let index, size, prefetchable, bits: MappingDecoder.Field
  private let widths = WordList("width of an address", [("32", false), ("64", true)])

  init(_ tree: YAMLTree) {
    self.tree = tree
    fields = MappingDecoder(tree, "a BAR")
    index = fields.require("index")
    size = fields.require("size")
    prefetchable = fields.allow("prefetchable")
    bits = fields.allow("bits")
  }

  /// The BARs by index; `nil`, which is not none, without the key.
  mutating func list(_ node: YAMLTree.Node?, _ decoder: inout NodeDecoder) -> [BAR]? {
    guard let items = decoder.list(node, "a list of BARs") else { return nil }
    return items.compactMap { bar($0, &decoder) }.sorted { $0.index < $1.index }
  }

  private mutating func bar(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> BAR? {
    guard fields.read(node, &decoder) else { return nil }
    let number = decoder.number(fields[index], "a BAR's number", in: 0...5)
    let length = decoder.bytes(fields[size], "a size")
    let isPrefetchable = decoder.bool(fields[prefetchable]) ?? false
    // Without a width it counts as what may lie anywhere.
    let is64Bit = decoder.word(fields[bits], widths) ?? true
    guard let number, let length else { return nil }
    return BAR(
      index: Int(truncatingIfNeeded: number), size: length, isPrefetchable: isPrefetchable,
      is64Bit: is64Bit)
  }
}
