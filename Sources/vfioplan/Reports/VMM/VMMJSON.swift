import Executor
import Parser
import Planner

extension VMMText {
  /// The same for programs: `vfioplan.vmm/v1`; the files are those that findings lie in.
  func json(files: [SourceFile]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.vmm/v1")
    writer.member("vm", compiled.vm.name)
    writer.member("host", compiled.host.name)
    writer.member("as", other.rule.name)
    writer.member("version", other.rule.version?.description)
    writer.member("backend", other.rule.interface.rawValue)
    writer.member("order", names(other.order))
    writer.member("agrees", canRun && other.hasGrouping(of: plan))
    if let better {
      writer.member("reaching", names(better.order))
    } else {
      writer.member("reaching", nil as String?)
    }
    write(other.metrics(of: plan), other.pageTables, to: &writer, isKnown)
    write(kvm: other.allowsIncoherentDMA, isKnown: isKVMKnown, to: &writer)
    writeDevices(to: &writer, isEnforced: other.isEnforced) { canRun ? loss(of: $0) : nil }
    writer.member("brokenPromises", brokenPromises)
    writer.key("plan")
    writer.beginObject()
    writer.member("target", plan.target)
    write(plan.metrics, plan.pageTables, to: &writer, plan.isKnown)
    write(
      kvm: plan.coherency.allowsIncoherentDMA, isKnown: plan.isKVMKnown, to: &writer)
    writeDevices(to: &writer, isEnforced: plan.isEnforced) { _ in nil }
    writer.endObject()
    writer.key("diagnostics")
    var diagnostics = DiagnosticJSON(files: files)
    diagnostics.write(DiagnosticRenderer.inFileOrder(compiled.diagnostics + findings), to: &writer)
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func names(_ devices: [Int]) -> [String] { devices.map { plan.devices[$0].name } }

  private func write(
    _ metrics: PlanMetrics, _ tables: [PageTable], to writer: inout JSONWriter,
    _ isKnown: (PageTable) -> Bool
  ) {
    writer.member("metrics", metrics)
    writer.objects("ioasids", of: tables) { table, writer in
      writer.member("name", table.name)
      writer.member("enforceSnoop", table.snoopPolicy == .enforced)
      if !isKnown(table) { writer.member("known", false) }
      writer.member("iommus", table.iommus)
      writer.member("devices", names(table.devices))
    }
  }

  private func write(kvm isIncoherent: Bool, isKnown: Bool, to writer: inout JSONWriter) {
    writer.key("kvm")
    writer.beginObject()
    writer.member("incoherentDMA", isIncoherent)
    if !isKnown { writer.member("known", false) }
    writer.endObject()
  }

  /// What is known of each device, and what that makes of it.
  private func writeDevices(
    to writer: inout JSONWriter, isEnforced: (Int) -> Bool, lost: (Int) -> VMMLoss?
  ) {
    writer.objects("devices", of: plan.devices.enumerated()) { place, writer in
      let (index, device) = place
      writer.member("name", device.name)
      writer.member("address", device.address)
      writer.writeFacts(
        canNoSnoop: device.noSnoopFact, canEnforceSnoop: device.enforcementFact)
      writer.member("box", device.box)
      writer.member("effective", device.canNoSnoop && !isEnforced(index))
      if let lost = lost(index) { writer.member("lost", lost.rawValue) }
    }
  }
}
