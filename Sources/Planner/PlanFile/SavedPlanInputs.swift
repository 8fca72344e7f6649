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
    for region in vm.memory { VMKeys.region.write(region, to: &writer) }
    writer.endArray()
    writer.key("kvm")
    VMKeys.kvm.write(vm.kvm, to: &writer)
    if vm.companions != .refuse { writer.member("companions", vm.companions.rawValue) }
    if let machine = vm.machine { writer.member("machine", machine.rawValue) }
    guard let clause = vm.vmm else { return }
    writer.key("vmm")
    VMKeys.vmm.write(clause, to: &writer)
  }

  /// Writes what comes after the description's devices.
  func endDescription(to writer: inout JSONWriter) {
    if !compiled.vm.addressSpaces.isEmpty {
      writer.key("addressSpaces")
      writer.beginArray(.block)
      for space in compiled.vm.addressSpaces { VMKeys.space.write(space, to: &writer) }
      writer.endArray()
    }
    writer.endObject()
  }

  /// Starts `host`, up to its devices.
  func beginHost(to writer: inout JSONWriter) {
    writer.key("host")
    let host = compiled.host
    HostJSON.begin(host, units: facts.iommus.map { host.iommus[$0] }, to: &writer)
  }
}
