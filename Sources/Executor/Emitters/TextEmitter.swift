import Parser
import Planner

/// The plan as people review it: the decision and its reasons, the numbered program, one summary.
///
/// At most 100 columns wide, whatever the names in it.
public struct TextEmitter: Emitter {
  /// Makes an emitter.
  public init() {}

  /// Writes the decision, the program and the summary.
  public func emit(
    _ plan: CompiledPlan, _ context: EmitterContext, to write: (UnsafeRawBufferPointer) -> Void
  ) {
    var page = TextPage(context.decorator)
    DecisionText(plan).append(to: &page)
    page.drain(to: write)
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
      let number = StyledText.number(index + 1, digits: digits)
      page.line(number + "  " + text.words(index), indent: 2, hanging: digits + 2)
      let undo = text.undo(index).map { "; undo: " + $0 } ?? ""
      page.line((text.call(index) + undo).in(.faint), indent: digits + 4, hanging: 2)
      if index % 512 == 511 { page.drain(to: write) }
    }
  }

  /// The last line: what the plan comes to.
  public static func summary(of plan: CompiledPlan) -> StyledText {
    let tables = plan.plan.pageTables
    let enforced = tables.count { $0.snoopPolicy == .enforced }
    let open = tables.count - enforced
    let kinds = [(enforced, "enforced"), (open, "not enforced")].filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let parts = [
      counted(tables.count, "page table") + (kinds.isEmpty ? "" : " (\(kinds))"),
      counted(plan.plan.devices.count, "device"), counted(plan.program.steps.count, "step"),
    ]
    let verdict =
      plan.plan.coherency.allowsIncoherentDMA
      ? "KVM traps WBINVD" : "KVM does not trap WBINVD"
    return "\("plan:", .strong) \(parts.joined(separator: ", ")); \(verdict)"
  }
}

/// A count with its noun, in the plural unless it is one.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

extension StyledText {
  /// A number right-aligned in a width.
  static func number(_ value: Int, digits: Int) -> StyledText {
    let text = String(value)
    return "\(String(repeating: " ", count: max(0, digits - text.utf8.count)))\(text, .strong)"
  }

  /// The same text, its ordinary pieces in another role.
  func `in`(_ role: Decorator.Role) -> StyledText {
    pieces.reduce("") { text, piece in
      text + StyledText(piece.text, piece.role == .text ? role : piece.role)
    }
  }
}
