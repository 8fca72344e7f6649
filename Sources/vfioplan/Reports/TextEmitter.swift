import Executor
import Parser
import Planner

/// The plan as people review it; on request also the decision with its reasons, and the numbered
/// program.
struct TextEmitter: Emitter {
  /// Makes an emitter.
  init() {}

  /// Writes the review, then what is wanted besides.
  func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    var page = TextPage(context.screen)
    let review = PlanReview(plan) { context.product(of: $0) }
    ReviewText(review, isWhole: context.detail.contains(.reasons)).append(to: &page)
    if context.detail.isEmpty { ReviewText.appendNext(review, to: &page) }
    page.drain(to: write)
    DecisionText(plan).append(context.detail, to: &page)
    page.drain(to: write)
    guard context.detail.contains(.steps) else { return }
    appendProgram(of: plan, to: &page, write)
    page.blank()
    page.line(Self.summary(of: plan), hanging: 2)
    page.drain(to: write)
  }

  private func appendProgram(
    of plan: CompiledPlan, to page: inout TextPage, _ write: (UnsafeRawBufferPointer) -> Void
  ) {
    let text = StepText(plan)
    let steps = plan.program.steps
    page.heading("Program")
    page.line("\("each step in words, then the exact call; undone in reverse order", .faint)")
    let digits = String(steps.count).utf8.count
    for index in steps.indices {
      page.line(
        text.words(index), indent: 2, label: .number(index + 1, digits: digits) + "  ")
      Self.append(text.call(index), undo: text.undo(index), indent: digits + 4, to: &page)
      if index % 512 == 511 { page.drain(to: write) }
    }
  }

  /// The exact call, and its undo on the same line if there is room.
  private static func append(
    _ call: StyledText, undo: StyledText?, indent: Int, to page: inout TextPage
  ) {
    let undo = undo.map { "undo: " + $0 }
    if let undo, call.columns + undo.columns + indent + 4 <= page.width {
      return page.line((call + "    " + undo).in(.faint), indent: indent)
    }
    page.line(call.in(.faint), indent: indent, hanging: 2)
    if let undo { page.line(undo.in(.faint), indent: indent, hanging: 2) }
  }

  /// The last line: what the plan comes to.
  static func summary(of plan: CompiledPlan) -> StyledText {
    let tables = plan.plan.pageTables
    let enforced = tables.count { $0.snoopPolicy == .enforced }
    let doubtful = tables.count { !plan.plan.isKnown($0) }
    let kinds = [
      (enforced, "enforced"), (tables.count - enforced - doubtful, "not enforced"),
      (doubtful, "not known to enforce"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
      .joined(separator: ", ")
    let parts = [
      counted(tables.count, "page table") + (kinds.isEmpty ? "" : " (\(kinds))"),
      counted(plan.plan.devices.count, "device"), counted(plan.program.steps.count, "step"),
    ]
    let verdict = plan.host.hasIncoherentMode ? "; KVM \(deed(of: plan.plan)) WBINVD" : ""
    return "\("plan:", .strong) \(parts.joined(separator: ", "))\(verdict)"
  }

  /// What KVM does about WBINVD, as far as that is known.
  private static func deed(of plan: IOASIDPlan) -> String {
    if !plan.isKVMKnown { return "may carry out (a fact is unknown)" }
    return plan.coherency.allowsIncoherentDMA ? "carries out" : "ignores"
  }
}
