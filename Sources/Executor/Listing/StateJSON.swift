import Parser

extension SimulatorState {
  /// Writes the state as an object; `planned` has what a plan says of the IOMMUs of devices.
  public func write(planned: [BDF: Fact] = [:], to writer: inout JSONWriter) {
    writer.beginObject(.block)
    writer.list("pageTables", of: pageTables, .block) { write($0, to: &$1) }
    writer.list("vms", of: vms, .block) { write($0, to: &$1) }
    writer.key("devices")
    writer.beginArray(.block)
    for device in devices {
      write(device, planned[device.address] ?? device.canEnforceSnoop, to: &writer)
    }
    writer.endArray()
    writeRest(to: &writer)
    writer.endObject()
  }

  private func write(_ table: PageTable, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", table.name)
    writer.member("enforceSnoop", table.enforcesSnoop)
    writer.member("mappedBytes", hex: table.mappedBytes)
    writer.member("devices", table.devices.map(\.description))
    writer.endObject()
  }

  private func write(_ vm: VM, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("incoherentDMA", vm.allowsIncoherentDMA)
    writer.member("knows", vm.knownDevices.map(\.description))
    writer.member("proofs", vm.proofs.map(\.description))
    writer.endObject()
  }

  private func write(_ device: Device, _ enforcement: Fact, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("address", device.address)
    writer.writeFacts(canNoSnoop: device.canNoSnoop, canEnforceSnoop: enforcement)
    writer.member("effective", device.isEffective)
    writer.member("pageTable", pageTables[device.pageTable].name)
    writer.endObject()
  }

  private func writeRest(to writer: inout JSONWriter) {
    writer.member("openFiles", openFiles)
    writer.member("objects", objects)
    writer.objects("driverChanges", of: driverChanges, .block) { change, writer in
      writer.member("address", change.address)
      writer.member("before", change.before)
      writer.member("now", change.now)
    }
    writer.member("memoryBytes", hex: memoryBytes)
    if lockedBytes > 0 { writer.member("lockedBytes", hex: lockedBytes) }
  }
}
