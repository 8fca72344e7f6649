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
    if let machine = vm.machine { writer.member("machine", machine.rawValue) }
    if let clause = vm.vmm { write(clause, to: &writer) }
  }

  private func write(_ clause: VMMClause, to writer: inout JSONWriter) {
    writer.key("vmm")
    writer.beginObject()
    writer.member("kind", clause.kind.rawValue)
    if let interface = clause.interface { writer.member("backend", interface.rawValue) }
    if let version = clause.version { writer.member("version", version) }
    writer.endObject()
  }

  /// Writes an element of the description's devices.
  func write(_ device: ResolvedDevice, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", device.name)
    writer.member("address", device.address)
    if device.noSnoop != .auto { writer.member("noSnoop", device.noSnoop.rawValue) }
    if device.addressSpace != VMDescription.guestPhysicalSpace {
      writer.member("addressSpace", device.addressSpace)
    }
    if let driver = device.driver { writer.member("driver", driver) }
    if let token = device.vfToken { writer.member("vfToken", token.description) }
    if let managed = device.managed { writer.member("managed", managed) }
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

  /// Starts `host`, up to its devices.
  func beginHost(to writer: inout JSONWriter) {
    writer.key("host")
    let host = compiled.host
    HostJSON.begin(host, units: facts.iommus.lazy.map { host.iommus[$0] }, to: &writer)
  }
}
