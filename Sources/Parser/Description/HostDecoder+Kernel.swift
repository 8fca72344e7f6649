/// The kernel and the IOMMU units of a host description.
extension NodeDecoder {
  /// The words for what may be unknown.
  static let facts = WordList("fact", of: Fact.self)
  private static let formats = WordList(
    "format of page tables", of: HostIOMMU.TableFormat.self)

  /// Reads the kernel clause; what is left out is unknown.
  mutating func kernel(_ node: YAMLTree.Node?, or start: SourceSpan) -> HostKernel {
    var kernel = HostKernel.unstated(at: start)
    var fields = MappingDecoder(tree, "the kernel clause")
    let release = fields.allow("release")
    let (iommufd, vfioCdev) = (fields.allow("iommufd"), fields.allow("vfioCdev"))
    let (type1, kvm) = (fields.allow("type1"), fields.allow("kvm"))
    let unsafeInterrupts = fields.allow("allowUnsafeInterrupts")
    let container = fields.allow("vfioContainer")
    let (architecture, vendor) = (fields.allow("architecture"), fields.allow("cpuVendor"))
    let (quirk, selfSnoop) = (fields.allow("guestPATQuirk"), fields.allow("cpuSelfSnoop"))
    let (width, limit) = (fields.allow("cpuAddressBits"), fields.allow("dmaEntryLimit"))
    let (pageSize, rules) = (fields.allow("pageSize"), fields.allow("rules"))
    guard let node, fields.read(node, &self) else { return kernel }
    kernel.span = tree.span(of: node)
    kernel.release = text(fields[release], "a kernel release") ?? kernel.release
    kernel.iommufd = fact(fields[iommufd])
    kernel.vfioCdev = fact(fields[vfioCdev])
    kernel.type1 = fact(fields[type1])
    kernel.kvm = fact(fields[kvm])
    kernel.allowUnsafeInterrupts =
      bool(fields[unsafeInterrupts]) ?? kernel.allowUnsafeInterrupts
    kernel.vfioContainer = word(
      fields[container],
      WordList("owner of /dev/vfio/vfio", of: HostKernel.VFIOContainer.self))
    kernel.processor.architecture = word(
      fields[architecture], WordList("architecture", of: HostProcessor.Architecture.self))
    kernel.processor.vendor = word(
      fields[vendor], WordList("vendor of CPUs", of: HostProcessor.Vendor.self))
    kernel.processor.guestPATQuirk = fact(fields[quirk])
    kernel.processor.selfSnoop = fact(fields[selfSnoop])
    kernel.statedPageBytes = fields[pageSize].flatMap { self.pageSize($0) }
    kernel.$statedPageBytes = span(fields[pageSize], or: kernel.span)
    kernel.processor.addressBits = number(fields[width], "a number of address bits", in: 1...64)
      .map { Int($0) }
    kernel.mappingLimit = number(fields[limit], "a limit of mappings", in: 0...UInt64(UInt32.max))
      .map { Int($0) }
    readRules(fields[rules], into: &kernel)
    return kernel
  }

  /// Reads what is stated of rules; which rules there are is the planner's to know.
  private mutating func readRules(_ node: YAMLTree.Node?, into kernel: inout HostKernel) {
    guard let node else { return }
    guard tree.kind(of: node) == .mapping else {
      return reportKind(of: node, expected: "rules with 'true' or 'false'")
    }
    var name: YAMLTree.Node?
    for child in tree.children(of: node) {
      guard let key = name else {
        name = child
        continue
      }
      name = nil
      guard let rule = self.name(key, "a rule's name"), let holds = bool(child) else { continue }
      kernel.statedRules[rule] = HostKernel.StatedRule(holds, at: tree.span(of: key))
    }
  }

  /// Reads the IOMMU units.
  mutating func units(_ node: YAMLTree.Node?) -> [HostIOMMU] {
    guard let items = list(node, "a list of IOMMUs") else { return [] }
    var fields = HostIOMMUFields(tree)
    return items.compactMap { item in
      guard fields.mapping.read(item, &self) else { return nil }
      var unit = HostIOMMU(name: text(fields.mapping[fields.name], "an IOMMU's name") ?? "")
      unit.span = span(fields.mapping[fields.name], or: tree.span(of: item))
      unit.type = text(fields.mapping[fields.type], "a type of IOMMU") ?? unit.type
      unit.enforceSnoop = word(fields.mapping[fields.enforceSnoop], Self.facts) ?? .unknown
      unit.isolatedMSI = bool(fields.mapping[fields.isolatedMSI]) ?? unit.isolatedMSI
      let bits = number(
        fields.mapping[fields.addressBits], "a number of address bits", in: 1...64)
      unit.addressBits = bits.map { Int($0) } ?? unit.addressBits
      unit.pageSizes = pageSizeList(fields.mapping[fields.pageSizes]) ?? unit.pageSizes
      readRegisters(fields, into: &unit)
      checkSnoopControl(of: unit, at: fields.mapping[fields.enforceSnoop])
      return unit
    }
  }

  /// Reads what registers, firmware and the driver's options say of a unit.
  private mutating func readRegisters(_ fields: HostIOMMUFields, into unit: inout HostIOMMU) {
    let all = 0...UInt64.max
    unit.cap = number(fields.mapping[fields.cap], "a capability register", in: all)
    unit.ecap = number(fields.mapping[fields.ecap], "an extended capability register", in: all)
    unit.features = number(fields.mapping[fields.features], "extended features", in: all)
    unit.canwbs = fact(fields.mapping[fields.canwbs])
    unit.firstStage = fact(fields.mapping[fields.firstStage])
    unit.pageTables = word(fields.mapping[fields.pageTables], Self.formats)
  }

  /// Reports what is stated of a unit against its register, which counts.
  private mutating func checkSnoopControl(of unit: HostIOMMU, at node: YAMLTree.Node?) {
    let known = HostIOMMU.snoopControl(in: unit.ecap)
    guard let node, unit.type == HostIOMMU.intel, known != .unknown,
      unit.enforceSnoop != .unknown, unit.enforceSnoop != known
    else { return }
    report(ParserDiagnostics.contradiction(unit, at: tree.span(of: node)))
  }

  /// A fact that a file states, unless it leaves it out.
  private mutating func fact(_ node: YAMLTree.Node?) -> Fact {
    bool(node).map { Fact($0) } ?? .unknown
  }

  /// Reads page sizes, ascending and without repeats.
  private mutating func pageSizeList(_ node: YAMLTree.Node?) -> [UInt64]? {
    guard let items = listOfSome(node, "a list of page sizes") else { return nil }
    var sizes: [UInt64] = []
    for item in items {
      guard let size = pageSize(item), !sizes.contains(size) else { continue }
      sizes.append(size)
    }
    return sizes.sorted()
  }

  /// Reads the size of a page.
  private mutating func pageSize(_ node: YAMLTree.Node) -> UInt64? {
    guard let size = bytes(node, "a page size") else { return nil }
    if size.nonzeroBitCount == 1 { return size }
    report(ParserDiagnostics.pageSize(tree.string(of: node), at: tree.span(of: node)))
    return nil
  }
}

/// The keys of a host's IOMMU unit.
private struct HostIOMMUFields {
  var mapping: MappingDecoder
  let name, type, enforceSnoop, isolatedMSI, addressBits, pageSizes: MappingDecoder.Field
  let cap, ecap, features, canwbs, pageTables, firstStage: MappingDecoder.Field

  init(_ tree: YAMLTree) {
    mapping = MappingDecoder(tree, "an IOMMU")
    name = mapping.require("name")
    type = mapping.require("type")
    enforceSnoop = mapping.allow("enforceSnoop")
    isolatedMSI = mapping.allow("isolatedMSI")
    addressBits = mapping.allow("addressBits")
    pageSizes = mapping.allow("pageSizes")
    cap = mapping.allow("cap")
    ecap = mapping.allow("ecap")
    features = mapping.allow("features")
    canwbs = mapping.allow("canwbs")
    pageTables = mapping.allow("pageTables")
    firstStage = mapping.allow("firstStage")
  }
}
