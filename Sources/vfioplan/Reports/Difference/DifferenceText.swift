import Executor
import Parser
import Planner

/// What changes from one plan to another, for people: what follows for the VM and its host, then
/// the steps, if they are wanted.
struct DifferenceText {
  /// What changes of the decision; `nil` if there is none on one side.
  let decision: PlanDifference?
  let steps: StepDifference
  /// The consequences in words; `nil` if there is no decision on one side.
  let consequences: ConsequenceText?
  private let before: Program
  private let after: Program

  /// Compares two plans; the later one is called by a label, places are in the files.
  init(from before: CompiledPlan, to after: CompiledPlan, label: String, files: [SourceFile]) {
    let difference = PlanDifference(from: before, to: after)
    decision = difference
    steps = difference.steps
    consequences = ConsequenceText(difference, before, after, label: label, files: files)
    self.before = before.program
    self.after = after.program
  }

  /// Compares two programs, whatever was decided.
  init(from before: Program, to after: Program) {
    decision = nil
    consequences = nil
    steps = StepDifference(from: before, to: after)
    self.before = before
    self.after = after
  }

  /// Whether nothing changes.
  var isEmpty: Bool { steps.isEmpty && decision?.isEmpty ?? true }

  /// Whether the same is decided; of programs alone, whether they have the same steps.
  var isDecisionEqual: Bool { decision?.isDecisionEqual ?? steps.isEmpty }

  /// The change in one sentence; `nil` of programs alone.
  var verdict: String? { consequences?.verdict }

  /// Consequences as members of JSON see them.
  var places: ChangePlaces? { consequences?.places }

  /// Writes the verdict, the consequences and a line about the programs; or all steps that differ.
  func page(_ screen: Screen, withSteps: Bool) -> TextPage {
    var page = TextPage(screen)
    if isEmpty {
      page.line("\("diff:", .strong) no changes")
    } else if let consequences {
      consequences.append(to: &page, program: StyledText(summary, withSteps: withSteps))
      if withSteps { appendSteps(to: &page) }
    } else {
      appendSteps(to: &page)
      page.line("\("diff:", .strong) \(summary ?? "")", hanging: 2)
    }
    return page
  }

  /// How many steps come, go and stay; `nil` if all stay.
  var summary: String? {
    if steps.isEmpty { return nil }
    let gone = steps.edits.count { if case .removed = $0 { true } else { false } }
    return "\(gone) steps go, \(steps.edits.count - gone) come, \(steps.keptCount) stay"
  }

  private func appendSteps(to page: inout TextPage) {
    guard !steps.isEmpty else { return }
    page.line("\("Program", .strong)")
    let digits = String(max(before.steps.count, after.steps.count)).utf8.count
    for edit in edits {
      let sign: StyledText = edit.isAdded ? "\("+", .good)" : "\("-", .error)"
      page.line(
        edit.call, indent: 2, hanging: 2,
        label: sign + " " + .number(edit.index + 1, digits: digits) + "  ")
    }
    if consequences == nil { page.blank() }
  }

  /// The steps that come and go, with their calls.
  var edits: [(isAdded: Bool, index: Int, call: StyledText)] {
    let (old, new) = (StepText(before), StepText(after))
    return steps.edits.map { edit in
      switch edit {
      case .removed(let index): (false, index, old.call(index))
      case .added(let index): (true, index, new.call(index))
      }
    }
  }
}

extension StyledText {
  /// What is said of the programs of two plans.
  fileprivate init(_ steps: String?, withSteps: Bool) {
    self.init(steps.map { "program: " + $0 + (withSteps ? "" : " (--steps)") } ?? "")
  }
}
