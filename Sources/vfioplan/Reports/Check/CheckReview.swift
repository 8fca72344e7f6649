import Executor
import Parser
import Planner

/// A check for a review, as Markdown or as one page of HTML.
struct CheckReview {
  private let report: CheckReport
  private let text: CheckText
  private let isGood: Bool
  /// So many VMs are drawn, those that are wrong first.
  private static let mostDrawn = 24

  /// Prepares the forms of a report that ends with a status.
  init(_ report: CheckReport, status: Int32) {
    self.report = report
    text = CheckText(report, status: status)
    isGood = status == ExitCode.done.rawValue
  }

  private var verdict: String { text.verdict.marked(for: .plain) }
  private var rows: [[String]] { text.rows.map { $0.map { $0.marked(for: .plain) } } }
  private var remarks: [String] {
    (report.rule.map { ["as \($0.title)"] } ?? [])
      + (text.totals + text.skipped + [text.count]).map { $0.marked(for: .plain) }
  }

  /// The verdict, a table, a picture, and the findings, folded.
  func markdown() -> [UInt8] {
    var page = MarkdownText()
    page.line("### " + MarkdownText.text(verdict))
    page.line()
    page.table(
      ["", "VM", "what"],
      rows.map { row in
        let word = row[0] == CheckReport.Verdict.ok.rawValue ? row[0] : "**\(row[0])**"
        return [word] + row.dropFirst().map(MarkdownText.text)
      })
    page.line()
    for remark in remarks { page.line(MarkdownText.text(remark) + "  ") }
    page.line()
    page.code("mermaid", picture)
    page.line()
    let findings = report.diagnostics
    page.folded("Findings: \(findings.count)") { page in
      MarkdownEmitter.appendFindings(findings, in: report.files, to: &page)
    }
    return page.bytes
  }

  /// The VMs and the host; what clashes is linked.
  private var picture: [String] {
    let order = report.vms.indices.sorted { one, other in
      let (left, right) = (report.verdict(of: one), report.verdict(of: other))
      return left == right ? one < other : left.rank < right.rank
    }
    let drawn = order.prefix(Self.mostDrawn)
    var lines = ["flowchart LR", "  host[(\"\(MermaidPicture.escaped(report.host))\")]"]
    for vm in drawn {
      let verdict = report.verdict(of: vm)
      let name = MermaidPicture.escaped(report.vms[vm].name)
      lines.append("  v\(vm)[\"\(name)<br>\(verdict.rawValue)\"]")
      lines.append("  v\(vm) \(verdict == .ok ? "-->" : "-. not ready .->") host")
    }
    let isDrawn = Set(drawn)
    for clash in report.clashes.prefix(Self.mostDrawn) {
      let vms = clash.vms.filter(isDrawn.contains)
      for (one, other) in zip(vms, vms.dropFirst()) {
        lines.append("  v\(one) -. \(clash.kind.rawValue) .- v\(other)")
      }
    }
    if order.count > drawn.count {
      lines.append("  more[\"and \(order.count - drawn.count) more\"] --> host")
    }
    return lines
  }

  /// The verdict, a table, and the findings.
  func html() -> [UInt8] {
    var page = HTMLWriter()
    HTMLPage.begin("Check of \(counted(report.vms.count, "VM")) on \(report.host)", in: &page)
    HTMLPage.header(report.host, verdict, isGood: isGood, in: &page) { page in
      for remark in remarks { page.element("p", [("class", "note")], remark) }
    }
    HTMLPage.section("VMs", id: "vms", in: &page) { page in
      HTMLPage.table("VMs, as a table", ["verdict", "VM", "what"], rows, heading: 1, in: &page)
    }
    ReviewHTML.appendFindings(report.diagnostics, in: report.files, to: &page)
    HTMLPage.end(in: &page)
    return page.bytes
  }
}

extension CheckReport.Verdict {
  /// Its place, the worst first.
  fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
