import Parser

/// Writes a host description as JSON, in the form that the reader of descriptions takes.
///
/// The only place that knows the form, for `vfioplan host` and for plan files alike. Ids, and what
/// is 64 bits wide, are text in hexadecimal; what has no value is left out.
public enum HostJSON {
  /// A whole description.
  public static func document(_ host: HostDescription) -> JSONWriter {
    var writer = JSONWriter()
    begin(host, units: host.iommus, to: &writer)
    // A plan file does without: no plan rests on it.
    write(host.memory, to: &writer)
    writer.key("devices")
    writer.beginArray(.block)
    for device in host.devices { write(device, to: &writer) }
    writer.endArray()
    writer.endObject()
    writer.endText()
    return writer
  }

  /// Begins a description, up to its devices.
  static func begin(
    _ host: HostDescription, units: some Sequence<HostIOMMU>, to writer: inout JSONWriter
  ) {
    writer.beginObject(.block)
    writer.member("apiVersion", DescriptionReader.apiVersion)
    writer.member("kind", "Host")
    writer.member("name", host.name)
    write(host.kernel, to: &writer, architecture(to: host, units))
    writer.key("iommus")
    writer.beginArray(.block)
    for unit in units { write(unit, to: &writer) }
    writer.endArray()
  }

  /// The word for the architecture: where it is stated, and where the units that are written would
  /// lead to another conclusion than all of them.
  private static func architecture(
    to host: HostDescription, _ units: some Sequence<HostIOMMU>
  ) -> String? {
    let stated = host.kernel.processor.architecture
    let isConcluded = HostDescription.architecture(of: units) == host.architecture
    return (stated ?? (isConcluded ? nil : host.architecture))?.rawValue
  }

  private static func write(
    _ kernel: HostKernel, to writer: inout JSONWriter, _ architecture: String?
  ) {
    writer.key("kernel")
    writer.beginObject()
    if !kernel.release.isEmpty { writer.member("release", kernel.release) }
    writeKnown("iommufd", kernel.iommufd, to: &writer)
    writeKnown("vfioCdev", kernel.vfioCdev, to: &writer)
    writeKnown("type1", kernel.type1, to: &writer)
    writeKnown("kvm", kernel.kvm, to: &writer)
    writer.member("allowUnsafeInterrupts", kernel.allowUnsafeInterrupts)
    if let owner = kernel.vfioContainer { writer.member("vfioContainer", owner.rawValue) }
    if let architecture { writer.member("architecture", architecture) }
    if let vendor = kernel.processor.vendor { writer.member("cpuVendor", vendor.rawValue) }
    writeKnown("guestPATQuirk", kernel.processor.guestPATQuirk, to: &writer)
    writeKnown("cpuSelfSnoop", kernel.processor.selfSnoop, to: &writer)
    if let bits = kernel.processor.addressBits { writer.member("cpuAddressBits", bits) }
    if let size = kernel.statedPageBytes { writer.member("pageSize", hex: size) }
    if let limit = kernel.mappingLimit { writer.member("dmaEntryLimit", limit) }
    if !kernel.statedRules.isEmpty {
      writer.key("rules")
      writer.beginObject()
      for (name, rule) in kernel.statedRules.sorted(by: { $0.key < $1.key }) {
        writer.key(name)
        writer.bool(rule.holds)
      }
      writer.endObject()
    }
    writer.endObject()
  }

  private static func write(_ memory: HostMemory, to writer: inout JSONWriter) {
    guard memory.bytes != nil || memory.pools != nil else { return }
    writer.key("memory")
    writer.beginObject()
    if let bytes = memory.bytes { writer.member("size", hex: bytes) }
    if let pools = memory.pools {
      writer.key("hugepages")
      writer.beginArray()
      for pool in pools {
        writer.beginObject()
        writer.member("size", hex: pool.pageBytes)
        writer.key("count")
        writer.integer(pool.count)
        writer.endObject()
      }
      writer.endArray()
    }
    writer.endObject()
  }

  private static func write(_ unit: HostIOMMU, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", unit.name)
    writer.member("type", unit.type)
    writer.member("enforceSnoop", unit.enforceSnoop)
    writer.member("isolatedMSI", unit.isolatedMSI)
    writer.member("addressBits", unit.addressBits)
    writer.key("pageSizes")
    writer.beginArray()
    for size in unit.pageSizes { writer.hex(size) }
    writer.endArray()
    if let cap = unit.cap { writer.member("cap", hex: cap) }
    if let ecap = unit.ecap { writer.member("ecap", hex: ecap) }
    if let features = unit.features { writer.member("features", hex: features) }
    writeKnown("canwbs", unit.canwbs, to: &writer)
    if let format = unit.pageTables { writer.member("pageTables", format.rawValue) }
    writeKnown("firstStage", unit.firstStage, to: &writer)
    writer.endObject()
  }

  /// Writes a fact that is left out where it is not known.
  private static func writeKnown(_ key: StaticString, _ fact: Fact, to writer: inout JSONWriter) {
    if fact != .unknown { writer.member(key, fact) }
  }

  /// Writes an element of the host's devices.
  static func write(_ device: HostDevice, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("address", device.address)
    writer.member("vendor", hex: UInt64(device.vendor), digits: 4)
    writer.member("device", hex: UInt64(device.device), digits: 4)
    writer.member("class", hex: UInt64(device.classCode), digits: 6)
    if let path = device.path { writer.member("path", path.description) }
    if let subsystem = device.subsystem { writer.member("subsystem", subsystem.description) }
    if let iommu = device.iommu { writer.member("iommu", iommu) }
    if let group = device.group { writer.member("group", group) }
    if let driver = device.driver { writer.member("driver", driver) }
    writeKnown("vfioDriver", device.vfioDriver, to: &writer)
    if device.isUnprotected { writer.member("noIOMMU", true) }
    if let physical = device.physicalFunction { writer.member("physicalFunction", physical) }
    if let parent = device.behind { writer.member("behind", parent) }
    writer.member("noSnoopCapable", device.noSnoopCapable)
    if let source = device.noSnoopSource { writer.member("noSnoopSource", source) }
    if !device.reserved.isEmpty { write(device.reserved, to: &writer) }
    if let bars = device.bars { write(bars, to: &writer) }
    writer.endObject()
  }

  private static func write(_ bars: [BAR], to writer: inout JSONWriter) {
    writer.key("bars")
    writer.beginArray()
    for bar in bars {
      writer.beginObject()
      writer.member("index", bar.index)
      writer.member("size", hex: bar.size)
      writer.member("prefetchable", bar.isPrefetchable)
      writer.member("bits", bar.bits)
      writer.endObject()
    }
    writer.endArray()
  }

  private static func write(_ regions: [ReservedRegion], to writer: inout JSONWriter) {
    writer.key("reserved")
    writer.beginArray()
    for region in regions {
      writer.beginObject()
      writer.member("start", hex: region.start)
      writer.member("end", hex: region.end)
      writer.member("type", region.kind.rawValue)
      writer.endObject()
    }
    writer.endArray()
  }
}

extension JSONWriter {
  /// Writes a member whose value is a fact: `true`, `false` or `"unknown"`.
  public mutating func member(_ name: StaticString, _ fact: Fact) {
    key(name)
    switch fact {
    case .yes: bool(true)
    case .no: bool(false)
    case .unknown: string(fact.rawValue)
    }
  }
}
