import Parser
import Planner

/// The review of a plan as parts of a page.
struct ReviewHTML {
  private let review: PlanReview

  /// Takes a review.
  init(_ review: PlanReview) { self.review = review }

  /// Writes all parts.
  func append(to page: inout HTMLWriter) {
    appendVerdict(to: &page)
    appendAnswers(to: &page)
    HTMLPage.section("Devices", id: "devices", in: &page, appendDevices)
  }

  /// Writes what would help, and what the host loses.
  func appendAnswers(to page: inout HTMLWriter) {
    page.markup("<div class=\"answers\">\n")
    appendWaysOut(to: &page)
    HTMLPage.section("What the host loses", id: "losses", in: &page, appendLosses)
    page.markup("</div>\n")
  }

  /// Writes why devices are not coherent.
  func appendReasons(to page: inout HTMLWriter) {
    guard !review.verdict.reasons.isEmpty else { return }
    page.element("ul") { page in
      for clause in review.verdict.clauses { page.element("li", clause) }
    }
  }

  private func appendVerdict(to page: inout HTMLWriter) {
    let verdict = review.verdict
    HTMLPage.header(
      review.vm, verdict.sentence, isGood: verdict.coherence == .coherent, in: &page
    ) { page in
      appendReasons(to: &page)
      page.element("p", [("class", "note")], ReviewText.figures(of: review))
    }
  }

  private func appendWaysOut(to page: inout HTMLWriter) {
    guard let heading = ReviewText.heading(ofWaysOf: review) else { return }
    HTMLPage.section("Ways out", id: "ways", in: &page) { page in
      if heading != ReviewText.waysOut { page.element("p", [("class", "note")], heading) }
      guard !review.waysOut.ways.isEmpty else { return }
      page.element("ol") { page in
        for way in review.waysOut.ways {
          page.element("li") { page in
            page.text(way.text + ": ")
            page.element("strong", way.outcome)
            guard let command = way.command else { return }
            page.markup("<br>")
            page.element("code", command)
          }
        }
      }
    }
  }

  private func appendLosses(to page: inout HTMLWriter) {
    if review.losses.isEmpty {
      return page.element("p", "Nothing: the devices are on VFIO or have no driver.")
    }
    page.element("p", "Until the VM ends:")
    page.element("ul") { page in
      for loss in review.losses {
        page.element("li") { page in
          page.element("code", loss.driver)
          page.text(" of " + nameList(loss.devices.map(\.description), limit: 4))
          if !loss.uses.isEmpty { page.text("; " + loss.uses.joined(separator: "; ")) }
        }
      }
    }
  }

  private func appendDevices(to page: inout HTMLWriter) {
    page.markup(
      """
      <div class="wide" tabindex="0" role="region" aria-labelledby="devices"><table><thead><tr>\
      <th scope="col"><span class="hidden">mark</span></th><th scope="col">device</th>\
      <th scope="col">address</th><th scope="col">what</th><th scope="col">group</th>\
      <th scope="col">DMA</th><th scope="col">page table</th></tr></thead><tbody>

      """)
    for row in review.rows { Self.append(row, to: &page) }
    page.markup("</tbody></table></div>\n")
  }

  private static func append(_ row: PlanReview.Row, to page: inout HTMLWriter) {
    let isGood = row.coherence == .coherent
    page.element("tr", [("class", isGood ? "coherent" : "incoherent")]) { page in
      page.element("td", isGood ? "" : "!")
      page.element("th", [("scope", "row")], row.name)
      page.element("td") { $0.element("code", row.address.description) }
      page.element("td", row.what)
      page.element("td", String(row.group))
      page.element("td", row.coherence.text)
      page.element("td", row.pageTable + " " + row.format.text)
    }
    page.markup("\n")
  }

  /// Writes findings as a part.
  static func appendFindings(
    _ findings: [Diagnostic], in files: [SourceFile], to page: inout HTMLWriter
  ) {
    guard !findings.isEmpty else { return }
    var places = FindingPlaces(files)
    HTMLPage.section("Findings", id: "findings", in: &page) { page in
      page.element("ul") { page in
        for finding in findings {
          append(finding, at: places.place(of: finding.span), to: &page)
        }
      }
    }
  }

  private static func append(
    _ finding: Diagnostic, at place: FindingPlaces.Place?, to page: inout HTMLWriter
  ) {
    page.element("li") { page in
      if let place {
        page.element("code", "\(place.file):\(place.line)")
        page.text(" ")
      }
      page.element("strong", "\(finding.severity.rawValue) \(finding.code.name)")
      page.text(": " + finding.message)
      for note in finding.notes { page.text("; " + note.message) }
      guard let help = finding.help else { return }
      page.markup("<br>")
      page.element("em", help)
    }
  }
}
