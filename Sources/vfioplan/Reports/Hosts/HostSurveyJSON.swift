import Parser
import Planner

/// What many hosts answer, for programs: `vfioplan.hosts/v1`.
struct HostSurveyJSON {
  private let report: HostSurveyReport

  /// Takes a report.
  init(_ report: HostSurveyReport) { self.report = report }

  /// The report, one host a line.
  func json() -> [UInt8] {
    var writer = JSONWriter(capacity: 1 << 16)
    writer.beginObject(.block)
    writer.member("format", "vfioplan.hosts/v1")
    writer.member("vm", report.vm)
    writer.member("objective", report.objective.order.map(\.rawValue))
    writer.member("status", Int(report.status.rawValue))
    writer.list("hosts", of: report.runs, .block) { write($0, to: &$1) }
    writer.list("refused", of: report.refusals, .block) { write($0, to: &$1) }
    writer.member("skipped", report.skipped)
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func write(_ run: HostSurveyReport.Run, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("file", run.file)
    writer.member("host", run.host)
    writer.member("target", run.target)
    writer.member("coherent", run.coherent)
    writer.member("metrics", run.metrics)
    writer.objects("devices", of: run.devices) { device, writer in
      writer.member("name", device.name)
      writer.member("address", device.address)
      writer.member("effective", device.isEffective)
    }
    writer.member("loses", run.losses)
    writer.member("warnings", run.warnings)
    writer.endObject()
  }

  private func write(_ refusal: HostSurveyReport.Refusal, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("file", refusal.file)
    writer.member("host", refusal.host)
    writer.member("code", refusal.reason?.code.name)
    writer.member("message", refusal.reason?.message)
    writer.member("errors", refusal.errors)
    writer.endObject()
  }
}
