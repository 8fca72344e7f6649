import Executor
import Parser
import Planner

/// A plan as one page that opens from disk: the review, a picture, and the program with a search.
///
/// It loads nothing, and its policy lets it: what runs is the script in the source, by its hash.
struct HTMLEmitter: Emitter {
  /// Makes an emitter.
  init() {}

  /// Writes the page.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    let review = PlanReview(plan) { context.product(of: $0) }
    var page = HTMLWriter()
    HTMLPage.begin("\(review.vm): review of a plan", in: &page)
    ReviewHTML(review).append(to: &page)
    HTMLPage.section("Picture", id: "picture", in: &page) { page in
      HTMLPage.wide("Picture of the plan", in: &page) { page in
        let picture = ReviewPicture(plan, review)
        SVGPicture(picture).append(to: &page, title: review.verdict.sentence)
      }
      page.element(
        "p", [("class", "note")],
        "From left to right: what DMA passes. Dashed and marked with !: no-snoop DMA that is not "
          + "coherent; with ?: it may not be.")
    }
    ReviewHTML.appendFindings(plan.diagnostics, in: context.files, to: &page)
    page.drain(to: write)
    ProgramHTML(plan).append(to: &page, write)
    HTMLPage.end(in: &page)
    page.drain(to: write)
  }
}

/// What every page has around its contents.
enum HTMLPage {
  /// Writes all that stands before the contents.
  static func begin(_ title: String, in page: inout HTMLWriter) {
    page.markup(
      """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta http-equiv="Content-Security-Policy" content="
      """)
    page.text(ReviewAssets.policy)
    page.markup("\">\n")
    page.element("title", title)
    page.markup("<style>")
    page.resource(ReviewAssets.style)
    page.markup("</style></head>\n<body><main>\n")
  }

  /// Writes the title and the verdict.
  static func header(
    _ title: String, _ verdict: String, isGood: Bool, in page: inout HTMLWriter,
    _ body: (inout HTMLWriter) -> Void = { _ in }
  ) {
    page.element("header", [("class", isGood ? "coherent" : "incoherent")]) { page in
      page.element("h1", title)
      page.element("p", [("class", "verdict")]) { page in
        page.element("span", [("class", "sign"), ("aria-hidden", "true")], isGood ? "=" : "!")
        page.text(" " + verdict)
      }
      body(&page)
    }
    page.markup("\n")
  }

  /// Writes what may be wider than the page, so that it can be reached and scrolled.
  static func wide(
    _ label: String, in page: inout HTMLWriter, _ body: (inout HTMLWriter) -> Void
  ) {
    page.element(
      "div",
      [("class", "wide"), ("tabindex", "0"), ("role", "region"), ("aria-label", label)], body)
  }

  /// Writes a table; the first cell of a row that is a heading says what it is about.
  static func table(
    _ label: String, _ header: [String], _ rows: [[String]], heading: Int,
    in page: inout HTMLWriter
  ) {
    wide(label, in: &page) { page in
      page.element("table") { page in
        page.element("thead") { page in
          page.element("tr") { page in
            for title in header { page.element("th", [("scope", "col")], title) }
          }
        }
        page.element("tbody") { page in
          for row in rows { append(row, heading: heading, to: &page) }
        }
      }
    }
  }

  private static func append(_ row: [String], heading: Int, to page: inout HTMLWriter) {
    page.element("tr") { page in
      for (index, cell) in row.enumerated() {
        if index == heading {
          page.element("th", [("scope", "row")], cell)
        } else {
          page.element("td", cell)
        }
      }
    }
    page.markup("\n")
  }

  /// Writes a part with a heading.
  static func section(
    _ title: String, id: String, in page: inout HTMLWriter, _ body: (inout HTMLWriter) -> Void
  ) {
    page.element("section", [("aria-labelledby", id)]) { page in
      page.element("h2", [("id", id)], title)
      body(&page)
    }
    page.markup("\n")
  }

  /// Writes all that stands behind the contents.
  static func end(in page: inout HTMLWriter) {
    page.markup("</main><script>")
    page.resource(ReviewAssets.script)
    page.markup("</script></body></html>\n")
  }
}

/// The program of a plan with a search, and a switch between words and calls.
struct ProgramHTML {
  private let text: StepText
  private let count: Int
  /// A program of so many steps is unfolded from the start.
  private static let mostUnfolded = 64

  /// Takes a plan's program.
  init(_ plan: CompiledPlan) {
    text = StepText(plan)
    count = plan.program.steps.count
  }

  /// Writes the section, piece by piece.
  func append(to page: inout HTMLWriter, _ write: (UnsafeRawBufferPointer) -> Void) {
    page.markup("<section aria-labelledby=\"program\"><h2 id=\"program\">Program</h2>\n")
    page.open("details", count <= Self.mostUnfolded ? [("open", "")] : [])
    page.element("summary", counted(count, "step") + ", undone in reverse order")
    page.markup(
      """
      <form class="tools" id="tools"><label>Search <input type="search" id="search" \
      autocomplete="off"></label>
      <fieldset><legend>Show</legend>
      <label><input type="radio" name="show" value="both" checked> both</label>
      <label><input type="radio" name="show" value="words"> words</label>
      <label><input type="radio" name="show" value="calls"> calls</label></fieldset>
      <output id="found" for="search"></output></form>
      <ol id="steps" class="steps">

      """)
    for index in 0..<count {
      append(index, to: &page)
      if index % 512 == 511 { page.drain(to: write) }
    }
    page.markup("</ol></details></section>\n")
  }

  private func append(_ index: Int, to page: inout HTMLWriter) {
    page.element("li") { page in
      page.element("span", [("class", "number")], String(index + 1))
      page.element("span", [("class", "words")], text.words(index).marked(for: .plain))
      page.element("code", [("class", "call")], text.call(index).marked(for: .plain))
      guard let undo = text.undo(index) else { return }
      page.element("code", [("class", "call undo")], "undo: " + undo.marked(for: .plain))
    }
    page.markup("\n")
  }
}
