import Parser
import Planner

// What was decided and the facts it rests on: devices, KVM, memory, host.

extension JSONEmitter {
  /// A run of elements of `devices`.
  func devices(_ range: Range<Int>) -> JSONWriter {
    var writer = JSONWriter(
      capacity: range.count * 512, insideBlocks: 2, isFirstMember: range.lowerBound == 0)
    for index in range { write(device: index, to: &writer) }
    return writer
  }

  private func write(device index: Int, to writer: inout JSONWriter) {
    let plan = compiled.plan
    let device = plan.devices[index]
    writer.beginObject()
    writer.member("name", device.name)
    writer.member("address", device.address)
    writer.member("group", device.group)
    writer.member("noSnoop", device.intent.rawValue)
    writer.member("resolved", device.resolved.rawValue)
    writer.member("canNoSnoop", device.canNoSnoop)
    writer.member("canEnforceSnoop", device.canEnforceSnoop)
    writer.member("box", device.box)
    writer.member("ioasid", plan.pageTables[device.pageTable].name)
    writer.member("effective", device.isEffective)
    writer.key("why")
    writer.beginString()
    appendWhy(of: index, to: &writer)
    writer.endString()
    write(device.reason, to: &writer)
    let space = plan.addressSpaces[plan.pageTables[device.pageTable].addressSpace].name
    writer.member("addressSpace", space)
    writer.member("iommu", device.iommu)
    writer.member("registeredWithKVM", device.isKnownToKVM)
    writer.endObject()
  }

  private func write(_ reason: PlacementReason, to writer: inout JSONWriter) {
    writer.key("reason")
    writer.beginObject()
    writer.member("code", reason.code)
    switch reason {
    case .cannotEnforce(let device), .required(let device), .forbidden(let device):
      writer.member("device", compiled.plan.devices[device].name)
    case .objective(let metric): writer.member("metric", metric.rawValue)
    default: break
    }
    writer.endObject()
  }

  private func appendWhy(of index: Int, to writer: inout JSONWriter) {
    writer.appendText("")
  }

  /// From the end of `devices` to the start of the host's devices.
  func decision() -> JSONWriter {
    var writer = JSONWriter(insideBlocks: 2, isFirstMember: compiled.plan.devices.isEmpty)
    writer.endArray()
    writeKVM(to: &writer)
    writeMemory(to: &writer)
    writeAddressSpaces(to: &writer)
    writer.key("host")
    writer.beginObject(.block)
    writer.member("name", compiled.host.name)
    write(compiled.host.kernel, to: &writer)
    writer.key("iommus")
    writer.beginArray(.block)
    for index in facts.iommus { write(compiled.host.iommus[index], to: &writer) }
    writer.endArray()
    writer.key("devices")
    writer.beginArray(.block)
    return writer
  }

  private func writeKVM(to writer: inout JSONWriter) {
    let coherency = compiled.plan.coherency
    writer.key("kvm")
    writer.beginObject()
    writer.member("incoherentDMA", coherency.allowsIncoherentDMA)
    writer.member("proof", coherency.proof.map { compiled.plan.devices[$0].name })
    writer.member("asked", compiled.vm.kvm.incoherentDMA.rawValue)
    writer.member("reason", coherency.reason.code)
    writer.endObject()
  }

  private func writeMemory(to writer: inout JSONWriter) {
    writer.key("memory")
    writer.beginArray(.block)
    for region in compiled.vm.memory {
      writer.beginObject()
      writer.member("gpa", hex: region.gpa)
      writer.member("size", hex: region.size)
      if let bytes = region.hugePageBytes { writer.member("hugepages", hex: bytes) }
      writer.endObject()
    }
    writer.endArray()
  }

  /// Every address space of the description; those without `mappings` are not in use.
  private func writeAddressSpaces(to writer: inout JSONWriter) {
    // The planned ones are a subsequence of the described ones, with `gpa` before them.
    var planned = compiled.plan.addressSpaces[...]
    writer.key("addressSpaces")
    writer.beginArray(.block)
    if let gpa = planned.first, gpa.name == VMDescription.guestPhysicalSpace {
      write(gpa.name, windows: nil, mappings: gpa.mappings, to: &writer)
      planned.removeFirst()
    }
    for space in compiled.vm.addressSpaces {
      let used = planned.first?.name == space.name ? planned.popFirst() : nil
      write(space.name, windows: space.windows, mappings: used?.mappings, to: &writer)
    }
    writer.endArray()
  }

  private func write(
    _ name: String, windows: [AddressSpace.Window]?, mappings: [PlannedAddressSpace.Mapping]?,
    to writer: inout JSONWriter
  ) {
    writer.beginObject()
    writer.member("name", name)
    if let windows {
      writer.key("windows")
      writer.beginArray()
      for window in windows {
        writer.beginObject()
        writer.member("iova", hex: window.iova)
        writer.member("gpa", hex: window.gpa)
        writer.member("size", hex: window.size)
        writer.endObject()
      }
      writer.endArray()
    }
    if let mappings { write(mappings, to: &writer) }
    writer.endObject()
  }

  private func write(_ mappings: [PlannedAddressSpace.Mapping], to writer: inout JSONWriter) {
    writer.key("mappings")
    writer.beginArray()
    for mapping in mappings {
      writer.beginObject()
      writer.member("iova", hex: mapping.iova)
      writer.member("size", hex: mapping.size)
      writer.member("region", mapping.region)
      writer.member("offset", hex: mapping.offset)
      writer.endObject()
    }
    writer.endArray()
  }
}

// MARK: - Host

extension JSONEmitter {
  private func write(_ kernel: HostKernel, to writer: inout JSONWriter) {
    writer.key("kernel")
    writer.beginObject()
    writer.member("release", kernel.release)
    writer.member("iommufd", kernel.iommufd)
    writer.member("vfioCdev", kernel.vfioCdev)
    writer.member("type1", kernel.type1)
    writer.member("kvm", kernel.kvm)
    writer.member("allowUnsafeInterrupts", kernel.allowUnsafeInterrupts)
    writer.endObject()
  }

  private func write(_ unit: HostIOMMU, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", unit.name)
    writer.member("type", unit.type)
    write("enforceSnoop", unit.enforceSnoop, to: &writer)
    writer.member("isolatedMSI", unit.isolatedMSI)
    writer.member("addressBits", unit.addressBits)
    writer.key("pageSizes")
    writer.beginArray()
    for size in unit.pageSizes { writer.hex(size) }
    writer.endArray()
    writer.endObject()
  }

  private func write(_ key: StaticString, _ fact: Fact, to writer: inout JSONWriter) {
    writer.key(key)
    switch fact {
    case .yes: writer.bool(true)
    case .no: writer.bool(false)
    case .unknown: writer.string("unknown")
    }
  }

  /// A run of elements of the host's devices.
  func hostDevices(_ range: Range<Int>) -> JSONWriter {
    var writer = JSONWriter(
      capacity: range.count * 256, insideBlocks: 3, isFirstMember: range.lowerBound == 0)
    for index in range { write(compiled.host.devices[facts.devices[index]], to: &writer) }
    return writer
  }

  private func write(_ device: HostDevice, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("address", device.address)
    writer.member("vendor", hex: UInt64(device.vendor), digits: 4)
    writer.member("device", hex: UInt64(device.device), digits: 4)
    writer.member("class", hex: UInt64(device.classCode), digits: 6)
    if let iommu = device.iommu { writer.member("iommu", iommu) }
    if let group = device.group { writer.member("group", group) }
    if let driver = device.driver { writer.member("driver", driver) }
    write("noSnoopCapable", device.noSnoopCapable, to: &writer)
    if !device.reserved.isEmpty { write(device.reserved, to: &writer) }
    writer.endObject()
  }

  private func write(_ regions: [ReservedRegion], to writer: inout JSONWriter) {
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

  /// From the end of the host's devices to the start of `steps`.
  func hostEnd() -> JSONWriter {
    var writer = JSONWriter(insideBlocks: 3, isFirstMember: facts.devices.isEmpty)
    writer.endArray()
    writer.endObject()
    writer.key("steps")
    writer.beginArray(.block)
    return writer
  }
}
