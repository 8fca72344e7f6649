import Executor
import Parser
import Planner

/// A check for programs: `vfioplan.check/v1`.
struct CheckJSON {
  private let report: CheckReport
  private let status: Int32

  /// Prepares the text of a report that ends with a status.
  init(_ report: CheckReport, status: Int32) {
    self.report = report
    self.status = status
  }

  /// The report, one VM and one clash a line.
  func json() -> [UInt8] {
    var writer = JSONWriter(capacity: 1 << 16)
    var diagnostics = DiagnosticJSON(files: report.files)
    writer.beginObject(.block)
    writer.member("format", "vfioplan.check/v1")
    writer.member("host", report.host)
    writeRule(to: &writer)
    writer.member("strict", report.isStrict)
    writer.member("status", Int(status))
    writeCounts(to: &writer)
    writer.list("vms", of: report.vms.indices, .block) { writeVM($0, &diagnostics, to: &$1) }
    writer.list("clashes", of: report.clashes, .block) { write($0, &diagnostics, to: &$1) }
    writeTotals(to: &writer)
    writeSkipped(to: &writer)
    writer.key("diagnostics")
    diagnostics.write(report.common, to: &writer)
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func writeRule(to writer: inout JSONWriter) {
    writer.member("as", report.rule?.name)
    writer.member("version", report.rule?.version?.description)
    writer.member("backend", report.rule?.interface.rawValue)
  }

  private func writeCounts(to writer: inout JSONWriter) {
    writer.key("counts")
    writer.beginObject()
    writer.member("vms", report.vms.count)
    writer.member("ok", report.count(of: .ok))
    writer.member("broken", report.count(of: .broken))
    writer.member("error", report.count(of: .error))
    writer.member("clash", report.count(of: .clash))
    writer.member("warned", report.count(of: .warned))
    writer.endObject()
  }

  private func writeVM(
    _ index: Int, _ diagnostics: inout DiagnosticJSON, to writer: inout JSONWriter
  ) {
    let vm = report.vms[index]
    writer.beginObject()
    writer.member("file", vm.path)
    writer.member("vm", vm.vm?.name)
    writer.member("result", report.verdict(of: index).rawValue)
    writer.member("savedPlan", vm.isSavedPlan)
    writer.member("target", vm.compiled?.plan.target)
    if vm.compiled != nil { writer.member("coherent", vm.isCoherent) }
    if let plan = vm.compiled?.plan {
      writer.member("metrics", vm.grouping?.metrics(of: plan) ?? plan.metrics)
      write(plan, of: vm, to: &writer)
    }
    writer.member("clashes", report.clashes(of: index).map(\.finding.code.name))
    writer.key("diagnostics")
    diagnostics.write(vm.diagnostics, to: &writer)
    writer.endObject()
  }

  private func write(_ plan: IOASIDPlan, of vm: CheckedVM, to writer: inout JSONWriter) {
    let effective = Set(vm.effectiveDevices)
    writer.objects("devices", of: plan.devices.enumerated()) { place, writer in
      let (index, device) = place
      writer.member("name", device.name)
      writer.member("address", device.address)
      writer.member("group", device.group)
      writer.member("noSnoop", device.intent.rawValue)
      writer.member("resolved", device.resolved.rawValue)
      writer.member("effective", effective.contains(index))
      if let lost = vm.grouping?.loss(of: index, in: plan) {
        writer.member("lost", lost.rawValue)
      }
    }
  }

  private func write(
    _ clash: Clash, _ diagnostics: inout DiagnosticJSON, to writer: inout JSONWriter
  ) {
    writer.beginObject()
    writer.member("kind", clash.kind.rawValue)
    writer.member("vms", clash.vms.map { report.vms[$0].name })
    writer.member("files", clash.vms.map { report.vms[$0].path })
    writer.member("group", clash.group)
    writer.member("addresses", clash.addresses.map(\.description))
    writer.key("diagnostics")
    diagnostics.write([clash.finding], to: &writer)
    writer.endObject()
  }

  private func writeTotals(to writer: inout JSONWriter) {
    let totals = report.totals
    writer.key("totals")
    writer.beginObject()
    writer.member("lockedBytes", hex: totals.lockedBytes)
    writer.member("account", totals.isAccountedByUser ? "user" : "process")
    if let bytes = totals.hostBytes { writer.member("hostBytes", hex: bytes) }
    writer.objects("hugepages", of: totals.pools) { pool, writer in
      writer.member("size", hex: pool.pageBytes)
      writer.key("needed")
      writer.integer(pool.needed)
      if let present = pool.present {
        writer.key("present")
        writer.integer(present)
      }
    }
    writer.endObject()
  }

  private func writeSkipped(to writer: inout JSONWriter) {
    writer.objects("skipped", of: report.skipped, .block) { file, writer in
      writer.member("file", file.path)
      let kinds: [DocumentKind: String] = [.host: "Host", .policy: "Policy"]
      writer.member("kind", kinds[file.kind])
    }
  }
}
