import Executor
import Parser
import Planner

/// A plan for a review in a pull request: the verdict, what would help, the devices, what the host
/// loses, a picture, and the program, folded.
struct MarkdownEmitter: Emitter {
  /// Makes an emitter.
  init() {}

  /// Writes the review.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    var page = MarkdownText()
    let review = PlanReview(plan) { context.product(of: $0) }
    Self.append(review, to: &page)
    Self.appendFindings(plan.diagnostics, in: context.files, to: &page)
    page.line()
    page.code("mermaid", MermaidPicture(ReviewPicture(plan, review)).lines)
    page.line()
    let text = ProgramLines(plan)
    page.folded("Program: \(counted(review.steps, "step"))") { $0.code("text", text) }
    page.drain(to: write)
  }

  /// Writes what there is to agree to.
  static func append(_ review: PlanReview, to page: inout MarkdownText) {
    appendVerdict(of: review, to: &page)
    page.line()
    page.line(losses(of: review))
    appendWaysOut(of: review, to: &page)
    page.line()
    page.table(
      ["", "device", "address", "what", "group", "DMA", "page table"],
      review.rows.map { row in
        [
          row.coherence == .coherent ? "" : "**!**", MarkdownText.code(row.name),
          MarkdownText.code(row.address.description), MarkdownText.text(row.what), "\(row.group)",
          row.coherence == .coherent ? row.coherence.text : "**\(row.coherence.text)**",
          MarkdownText.code(row.pageTable) + " " + row.format.text,
        ]
      })
    page.line()
    page.line(MarkdownText.text(ReviewText.figures(of: review)))
  }

  private static func appendVerdict(of review: PlanReview, to page: inout MarkdownText) {
    page.line("### " + MarkdownText.code(review.vm))
    page.line()
    page.line("**\(MarkdownText.text(review.verdict.sentence))**")
    if !review.verdict.reasons.isEmpty { page.line() }
    for clause in review.verdict.clauses { page.line("- \(MarkdownText.text(clause))") }
  }

  private static func appendWaysOut(of review: PlanReview, to page: inout MarkdownText) {
    guard let heading = ReviewText.heading(ofWaysOf: review) else { return }
    page.line()
    page.line("**\(heading)**")
    if !review.waysOut.ways.isEmpty { page.line() }
    for (index, way) in review.waysOut.ways.enumerated() {
      let command = way.command.map { ": " + MarkdownText.code($0) } ?? ""
      page.line(
        "\(index + 1). \(MarkdownText.text(way.text))\(command): \(MarkdownText.text(way.outcome))")
    }
  }

  private static func losses(of review: PlanReview) -> String {
    if review.losses.isEmpty { return "**host loses** nothing" }
    let drivers = review.losses.map { loss in
      let devices = nameList(loss.devices.map { MarkdownText.code($0.description) }, limit: 4)
      let uses = loss.uses.map { "; " + MarkdownText.text($0) }.joined()
      return MarkdownText.code(loss.driver) + " (" + devices + uses + ")"
    }
    return "**host loses until the VM ends:** " + drivers.joined(separator: ", ")
  }

  /// Writes findings as a list.
  static func appendFindings(
    _ findings: [Diagnostic], in files: [SourceFile] = [], to page: inout MarkdownText
  ) {
    guard !findings.isEmpty else { return }
    var places = FindingPlaces(files)
    page.line()
    for finding in findings {
      let place = places.place(of: finding.span).map {
        MarkdownText.code("\($0.file):\($0.line)") + " "
      }
      let help = finding.help.map { " *" + MarkdownText.text($0) + "*" }
      page.line(
        "- \(place ?? "")**\(finding.severity.rawValue) \(finding.code.name):** "
          + MarkdownText.text(finding.message) + (help ?? ""))
    }
  }
}

/// The steps of a program, one after another: words, the call, its undo.
struct ProgramLines: Sequence {
  private let text: StepText
  private let steps: [Step]

  /// Takes a plan's program.
  init(_ plan: CompiledPlan) {
    text = StepText(plan)
    steps = plan.program.steps
  }

  /// Goes through the lines.
  func makeIterator() -> some IteratorProtocol<String> {
    steps.indices.lazy.flatMap(lines).makeIterator()
  }

  private func lines(of index: Int) -> [String] {
    let digits = String(steps.count).utf8.count
    let indent = String(repeating: " ", count: digits + 2)
    let words = StyledText.number(index + 1, digits: digits) + "  " + text.words(index)
    let call = indent + text.call(index).marked(for: .plain)
    let undo = text.undo(index).map { indent + "undo: " + $0.marked(for: .plain) }
    return [words.marked(for: .plain), call] + [undo].compactMap { $0 }
  }
}
