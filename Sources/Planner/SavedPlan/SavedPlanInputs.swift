import Parser

// What a plan was made from: the two members of a plan file that are descriptions themselves, in
// the form the same reader takes.

extension SavedPlanWriter {
  /// Starts `description`, up to its devices.
  func beginDescription(to writer: inout JSONWriter) {
    let vm = compiled.vm
    writer.key("description")
    writer.beginObject(.block)
    writer.member("apiVersion", DescriptionReader.apiVersion)
    writer.member("kind", "VM")
    writer.member("name", vm.name)
    writer.member("objective", vm.objective.order.map(\.rawValue))
    writer.key("memory")
    writer.beginArray()
    for region in vm.memory {
      writer.beginObject()
      writer.member("gpa", hex: region.gpa)
      writer.member("size", hex: region.size)
      if let bytes = region.hugePageBytes { writer.member("hugepages", hex: bytes) }
      if region.population != .lazy { writer.member("populate", region.population.rawValue) }
      writer.endObject()
    }
    writer.endArray()
    writer.key("kvm")
    writer.beginObject()
    writer.member("incoherentDMA", vm.kvm.incoherentDMA.rawValue)
    if vm.kvm.owner != .auto { writer.member("owner", vm.kvm.owner.rawValue) }
    writer.endObject()
    if vm.companions != .refuse { writer.member("companions", vm.companions.rawValue) }
  }

  /// Writes an element of the description's devices.
  func write(_ device: AssignedDevice, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", device.name)
    writer.member("address", device.address)
    if device.noSnoop != .auto { writer.member("noSnoop", device.noSnoop.rawValue) }
    if device.addressSpace != VMDescription.guestPhysicalSpace {
      writer.member("addressSpace", device.addressSpace)
    }
    if let driver = device.driver { writer.member("driver", driver) }
    writer.endObject()
  }

  /// Writes what comes after the description's devices.
  func endDescription(to writer: inout JSONWriter) {
    if !compiled.vm.addressSpaces.isEmpty {
      writer.key("addressSpaces")
      writer.beginArray(.block)
      for space in compiled.vm.addressSpaces { write(space, to: &writer) }
      writer.endArray()
    }
    writer.endObject()
  }

  private func write(_ space: AddressSpace, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", space.name)
    writer.key("memory")
    writer.beginArray()
    for window in space.windows {
      writer.beginObject()
      writer.member("iova", hex: window.iova)
      writer.member("gpa", hex: window.gpa)
      writer.member("size", hex: window.size)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
  }
}

extension SavedPlanWriter {
  /// Starts `host`, up to its devices.
  func beginHost(to writer: inout JSONWriter) {
    writer.key("host")
    writer.beginObject(.block)
    writer.member("apiVersion", DescriptionReader.apiVersion)
    writer.member("kind", "Host")
    writer.member("name", compiled.host.name)
    write(compiled.host.kernel, to: &writer)
    writer.key("iommus")
    writer.beginArray(.block)
    for index in facts.iommus { write(compiled.host.iommus[index], to: &writer) }
    writer.endArray()
  }

  private func write(_ kernel: HostKernel, to writer: inout JSONWriter) {
    writer.key("kernel")
    writer.beginObject()
    if !kernel.release.isEmpty { writer.member("release", kernel.release) }
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

  /// Writes an element of the host's devices.
  func write(_ device: HostDevice, to writer: inout JSONWriter) {
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
}
