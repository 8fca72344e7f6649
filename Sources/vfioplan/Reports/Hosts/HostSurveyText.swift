import Executor
import Parser
import Planner

/// What many hosts answer, for people: those that can, the best first, then the others by reason.
struct HostSurveyText {
  /// What finds devices where addresses differ.
  static let advice =
    "addresses differ between hosts; 'match:' or 'path:' in place of 'address:' finds a device by "
    + "what it is or where it is plugged in"
  /// So many hosts are named for one reason.
  private static let mostOfAKind = DiagnosticSink.maximumOfAKind

  private let report: HostSurveyReport
  private let description: String

  /// Takes a report, and the name of the file that describes the VM.
  init(_ report: HostSurveyReport, description: String) {
    self.report = report
    self.description = description
  }

  /// The answer, a line for each host that can, the reasons of the others.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    page.line(verdict, hanging: 2)
    if !report.runs.isEmpty { append([header] + report.runs.map(row), to: &page) }
    appendRefusals(to: &page)
    if report.isAnyDeviceMissing, !report.runs.isEmpty {
      page.line("\(Self.advice, .faint)", hanging: 2)
    }
    if let best = report.runs.first, !best.isCapture {
      page.line(
        "\("next: vfioplan compile \(description) --host \(best.file)", .faint)", hanging: 2)
    }
    return page
  }

  private var verdict: StyledText {
    let (can, all) = (report.runs.count, report.runs.count + report.refusals.count)
    let order = report.objective.order.map(\.rawValue).joined(separator: ", ")
    let count = "\(can) of \(counted(all, "host")) can run it"
    let rest = can > 1 ? ", the best first by \(order)" : ""
    return "\(report.vm, .strong): " + StyledText(count, can > 0 ? .good : .error)
      + StyledText(rest)
  }

  private var showsTarget: Bool { Set(report.runs.map(\.target)).count > 1 }

  private var showsBlocked: Bool { report.runs.contains { $0.metrics.blockedNoSnoop > 0 } }

  private var header: [StyledText] {
    (["host", "DMA", "WBINVD"] + (showsTarget ? ["target"] : []) + ["tables"]
      + (showsBlocked ? ["blocked"] : []) + ["host loses"]).map { StyledText($0, .strong) }
  }

  private func row(_ run: HostSurveyReport.Run) -> [StyledText] {
    let metrics = run.metrics
    return [
      StyledText(name(run.file)), Self.coherence(of: run),
      StyledText(metrics.wbinvd > 0 ? "carried out" : "ignored"),
    ]
      + (showsTarget ? [StyledText(run.target)] : []) + [StyledText("\(metrics.pageTables)")]
      + (showsBlocked ? [StyledText("\(metrics.blockedNoSnoop)")] : [])
      + [StyledText(run.losses.isEmpty ? "nothing" : nameList(run.losses, limit: 6))]
  }

  private static func coherence(of run: HostSurveyReport.Run) -> StyledText {
    let devices = counted(run.metrics.incoherentDevices, "device")
    return switch run.coherent {
    case .yes: StyledText("coherent", .good)
    case .no: StyledText("non-coherent: \(devices)", .warning)
    case .unknown: StyledText("non-coherent? \(devices)", .warning)
    }
  }

  private func row(_ refusal: HostSurveyReport.Refusal) -> [StyledText] {
    let more = refusal.errors > 1 ? " (and \(counted(refusal.errors - 1, "more error")))" : ""
    return [
      StyledText(name(refusal.file)), StyledText(refusal.reason?.code.name ?? "", .warning),
      StyledText((refusal.reason?.message ?? "") + more),
    ]
  }

  /// A file as it is called in the folder that was asked.
  private func name(_ file: String) -> String {
    let start = report.folder.hasSuffix("/") ? report.folder : report.folder + "/"
    return file.hasPrefix(start) ? String(file.dropFirst(start.count)) : file
  }

  private func append(_ rows: [[StyledText]], to page: inout TextPage) {
    let columns = TextPage.Columns(rows, maximum: 32, width: page.width)
    for row in rows { page.row(row, in: columns) }
  }

  private func appendRefusals(to page: inout TextPage) {
    if report.refusals.isEmpty { return }
    page.line("\("can't run it", .strong)")
    let kinds = Dictionary(grouping: report.refusals) { $0.reason?.code.name ?? "" }
    for (code, refusals) in kinds.sorted(by: { $0.key < $1.key }) {
      append(refusals.prefix(Self.mostOfAKind).map(row), to: &page)
      let rest = refusals.count - Self.mostOfAKind
      if rest > 0 { page.line("and \(counted(rest, "more host")): \(code)", indent: 2) }
    }
  }
}
