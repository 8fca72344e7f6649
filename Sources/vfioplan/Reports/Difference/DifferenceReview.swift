import Executor
import Parser
import Planner

/// A difference for a review, as Markdown or as one page of HTML with both plans side by side.
struct DifferenceReview {
  /// One of the two plans.
  struct Side {
    /// What stands above it.
    let title: String
    /// The plan.
    let plan: CompiledPlan
    /// What it comes to.
    let review: PlanReview

    /// Reviews a plan.
    init(_ title: String, _ plan: CompiledPlan, _ names: (HostDevice) -> String?) {
      self.title = title
      self.plan = plan
      review = PlanReview(plan, name: names)
    }
  }

  private let text: DifferenceText
  private let before: Side
  private let after: Side
  private let files: [SourceFile]

  /// Takes a difference and its sides.
  init(_ text: DifferenceText, _ before: Side, _ after: Side, files: [SourceFile]) {
    (self.text, self.before, self.after, self.files) = (text, before, after, files)
  }

  private var verdict: String { text.isEmpty ? "no changes" : text.verdict ?? "no changes" }
  private var rows: [ConsequenceRow] { text.consequences?.rows ?? [] }
  private var figures: String {
    ((text.consequences?.costs ?? []) + (text.summary.map { ["program: " + $0] } ?? []))
      .joined(separator: "; ")
  }

  /// The findings of the later plan that the earlier one has not.
  private var findings: [Diagnostic] {
    let known = Set(before.plan.diagnostics.map { [$0.code.name, $0.message] })
    return after.plan.diagnostics.filter { !known.contains([$0.code.name, $0.message]) }
  }

  private var edits: [String] {
    text.edits.map { "\($0.isAdded ? "+" : "-") \($0.index + 1)  \($0.call.marked(for: .plain))" }
  }
}

// MARK: - Markdown

extension DifferenceReview {
  /// The verdict, what follows, the devices as they will be, a picture, and the steps, folded.
  func markdown() -> [UInt8] {
    var page = MarkdownText()
    page.line("### " + MarkdownText.text(verdict))
    page.line()
    if !rows.isEmpty {
      page.table(
        ["", "what", "becomes", "because of"],
        rows.map { row in
          [
            "`\(row.mark.rawValue)`", MarkdownText.code(row.subject), MarkdownText.text(row.text),
            row.causes.map(MarkdownText.code).joined(separator: " "),
          ]
        })
      page.line()
    }
    if !figures.isEmpty {
      page.line(MarkdownText.text(figures))
      page.line()
    }
    MarkdownEmitter.append(after.review, to: &page)
    MarkdownEmitter.appendFindings(findings, in: files, to: &page)
    page.line()
    page.code("mermaid", MermaidPicture(ReviewPicture(after.plan, after.review)).lines)
    page.line()
    page.folded("Program: \(MarkdownText.text(text.summary ?? "every step stays"))") {
      $0.code("diff", edits)
    }
    return page.bytes
  }
}

// MARK: - HTML

extension DifferenceReview {
  /// The verdict, what follows, both plans side by side, and the steps.
  func html() -> [UInt8] {
    var page = HTMLWriter()
    HTMLPage.begin("\(after.review.vm): review of a change", in: &page)
    HTMLPage.header(
      after.review.vm, verdict, isGood: text.consequences?.isWorse != true, in: &page
    ) { page in
      page.element("p", after.review.verdict.sentence)
      ReviewHTML(after.review).appendReasons(to: &page)
      if !figures.isEmpty { page.element("p", [("class", "note")], figures) }
    }
    if !rows.isEmpty { appendChanges(to: &page) }
    ReviewHTML(after.review).appendAnswers(to: &page)
    page.markup("<div class=\"sides\">\n")
    append(before, id: "before", to: &page)
    append(after, id: "after", to: &page)
    page.markup("</div>\n")
    ReviewHTML.appendFindings(findings, in: files, to: &page)
    appendSteps(to: &page)
    HTMLPage.end(in: &page)
    return page.bytes
  }

  private func appendChanges(to page: inout HTMLWriter) {
    HTMLPage.section("What changes", id: "changes", in: &page) { page in
      HTMLPage.table(
        "What changes, as a table", ["mark", "what", "becomes", "because of"],
        rows.map { [$0.mark.rawValue, $0.subject, $0.text, $0.causes.joined(separator: "; ")] },
        heading: 1, in: &page)
    }
  }

  private func append(_ side: Side, id: String, to page: inout HTMLWriter) {
    HTMLPage.section(side.title, id: id, in: &page) { page in
      page.element("p") { $0.element("strong", side.review.verdict.sentence) }
      HTMLPage.table(
        "Devices: \(side.title)", ["mark", "device", "address", "DMA", "page table"],
        side.review.rows.map { row in
          [
            row.coherence == .coherent ? "" : "!", row.name, row.address.description,
            row.coherence.text, "\(row.pageTable) \(row.format.text)",
          ]
        }, heading: 1, in: &page)
      HTMLPage.wide("Picture: \(side.title)", in: &page) { page in
        SVGPicture(ReviewPicture(side.plan, side.review))
          .append(to: &page, title: side.review.verdict.sentence)
      }
    }
  }

  private func appendSteps(to page: inout HTMLWriter) {
    HTMLPage.section("Program", id: "program", in: &page) { page in
      page.element("p", text.summary ?? "every step stays")
      guard !text.steps.isEmpty else { return }
      page.element("ul", [("class", "steps")]) { page in
        for edit in text.edits {
          page.element("li", [("class", edit.isAdded ? "add" : "remove")]) { page in
            page.element(
              "span", [("class", "number")], "\(edit.isAdded ? "+" : "-") \(edit.index + 1)")
            page.element("code", edit.call.marked(for: .plain))
          }
        }
      }
    }
  }
}

extension BrokenSide {
  /// The verdict, and what stopped the compilation.
  func markdown(_ failure: CommandFailure) -> [UInt8] {
    var page = MarkdownText()
    page.line("### " + MarkdownText.text(verdict))
    MarkdownEmitter.appendFindings(failure.diagnostics, in: failure.files, to: &page)
    return page.bytes
  }

  /// The same as a page.
  func html(_ failure: CommandFailure) -> [UInt8] {
    var page = HTMLWriter()
    HTMLPage.begin("Review of a change", in: &page)
    HTMLPage.header("Review of a change", verdict, isGood: false, in: &page)
    ReviewHTML.appendFindings(failure.diagnostics, in: failure.files, to: &page)
    HTMLPage.end(in: &page)
    return page.bytes
  }
}
