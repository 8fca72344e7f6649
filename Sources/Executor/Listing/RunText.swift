import Parser
import Planner

/// A simulated run for people: each step with its result, the state, the undo, one summary line.
public struct RunText {
  private let run: RunReport
  private let host: String
  private let steps: StepText
  private let digits: Int

  /// Prepares the text of a run on a host of that name.
  public init(_ run: RunReport, host: String) {
    self.run = run
    self.host = host
    steps = StepText(run.program, of: run.plan)
    digits = String(run.program.steps.count).utf8.count
  }

  /// Writes all sections.
  public func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    page.line(
      "simulated run of " + (run.plan?.title ?? "a program on host \(host, .strong)"), hanging: 2)
    appendSteps(to: &page)
    appendState(to: &page)
    appendUndo(to: &page)
    page.blank()
    page.line(summary, hanging: 2)
    return page
  }

  private var summary: StyledText {
    let total = run.program.steps.count
    guard let failure = run.execution.failure else {
      return "\("run:", .strong) \("ok", .good), \(counted(total, "step")); \(undone)"
    }
    return
      "\("run:", .strong) \("failed", .error) at step \(failure.step + 1) of \(total); \(undone)"
  }

  private var undone: String {
    let count = run.undo.outcomes.count { $0.errno == nil }
    let left = run.undo.leftovers.count
    return
      "undone: \(counted(count, "step")), \(left == 0 ? "nothing" : counted(left, "thing")) left"
  }

  private func appendSteps(to page: inout TextPage) {
    page.heading("Steps")
    for index in 0..<run.execution.completed {
      let values = run.execution.results(ofStep: index).map { value -> StyledText in
        "\(steps.name(value.id), .strong) = \(text(value))"
      }
      let made = values.reduce("" as StyledText) { $0 + ($0.isEmpty ? "; " : ", ") + $1 }
      append(index, "\("ok", .good)", steps.words(index) + made, to: &page)
    }
    guard let failure = run.execution.failure else { return }
    append(
      failure.step, "\("failed", .error)", steps.words(failure.step) + "; " + cause(of: failure),
      to: &page)
    let call = ProgramText.line(failure.step, of: run.program)
    page.line("\(call, .faint)", indent: digits + 4, hanging: 2)
  }

  private func append(
    _ index: Int, _ result: StyledText, _ text: StyledText, to page: inout TextPage
  ) {
    page.line(
      text, indent: 2, label: .number(index + 1, digits: digits) + "  " + result + "  ")
  }

  private func cause(of failure: ExecutionReport.Failure) -> StyledText {
    switch failure.cause {
    case .errno(let errno):
      let action = run.program.steps[failure.step].action
      let meaning = action.errnos.meaning(of: errno)
      return "\(errno.description, .error)" + (meaning.map { ": \($0)" } ?? "")
    case .mismatch(let expected, let actual):
      return "\("found \(actual), not \(expected)", .error)"
    case .interrupted: return "\("interrupted", .error)"
    }
  }

  private func text(_ value: ExecutionReport.ResultValue) -> String {
    let kind = run.program.results[Int(value.id.index)].kind
    switch kind {
    case .memory: return hexText(value.value)
    case .number where value.value > UInt64(UInt16.max): return hexText(value.value)
    case _ where kind.isFile: return "file \(value.value)"
    default: return String(value.value)
    }
  }
}

extension RunText {
  private func appendState(to page: inout TextPage) {
    let state = run.state ?? SimulatorState()
    page.heading(
      run.execution.isSuccess ? "State after the last step" : "State after the undo")
    if state.isPristine {
      return page.line("nothing is open, nothing is mapped, no driver is changed", indent: 2)
    }
    let text = StateText(state, name: steps.name)
    page.table(text.rows)
    if !state.hasIncoherentMode {
      for vm in state.vms {
        page.line("\("KVM", .strong): \(text.known(to: vm))", indent: 2, hanging: 2)
      }
    }
    if state.hasRegisteredMemory {
      let locked = byteSizeText(state.lockedBytes)
      page.line(
        "\("memory", .strong): \(locked) is locked, what is registered counts once", indent: 2)
    }
    text.appendDriverChanges(to: &page)
    appendAgreement(state, to: &page)
  }

  private func appendAgreement(_ state: SimulatorState, to page: inout TextPage) {
    guard run.execution.isSuccess else {
      let left = [("open", state.openFiles), ("objects", state.objects)].filter {
        !$0.1.isEmpty
      }
      for (what, names) in left {
        page.line("\(what, .strong): \(nameList(names))", indent: 2, hanging: 2)
      }
      return
    }
    for answer in run.answers {
      page.line("\("unknown:", .warning) \(answer)", indent: 2, hanging: 2)
    }
    let unknown = run.plan?.plan.devices.filter { !$0.isKnown }.map(\.name) ?? []
    if !unknown.isEmpty {
      page.line(
        "\("unknown", .warning): facts of \(nameList(unknown)), counted as in the plan", indent: 2,
        hanging: 2)
    }
    if run.plan != nil, run.mismatches.isEmpty {
      page.line("\("the state is what the plan says", .good)", indent: 2)
    }
    for mismatch in run.mismatches {
      page.line("\("mismatch:", .error) \(mismatch)", indent: 2, hanging: 2)
    }
  }

  private func names(_ addresses: [BDF]) -> String {
    nameList(addresses.map { steps.name(of: $0) })
  }

  private func appendUndo(to page: inout TextPage) {
    page.heading(run.execution.isSuccess ? "Undo at the end" : "Undo after the failure")
    let failed = run.undo.outcomes.filter { $0.errno != nil }
    if run.execution.isSuccess && failed.isEmpty {
      page.line("every step is undone in reverse order", indent: 2)
    } else {
      for outcome in run.undo.outcomes { append(outcome, to: &page) }
    }
    for leftover in run.undo.leftovers {
      page.line(
        "\("left:", .error) step \(leftover.step + 1), \(steps.words(leftover.step)): "
          + StyledText(reason(of: leftover)), indent: 2, hanging: 2)
    }
  }

  private func append(_ outcome: UndoOutcome, to page: inout TextPage) {
    let result: StyledText =
      outcome.errno.map { "\($0.description, .error)" } ?? "\("undone", .good)"
    append(outcome.step, result, (steps.undo(outcome.step) ?? "").in(.faint), to: &page)
  }

  private func reason(of leftover: Leftover) -> String {
    switch leftover.reason {
    case .refused(let errno): "its undo failed with \(errno)"
    case .heldBy(let step): "held by what step \(step + 1) opened"
    }
  }
}

extension CompiledPlan {
  /// What is run or listed, for a heading.
  var title: StyledText {
    "the plan for VM \(vm.name, .strong) on host \(host.name, .strong), target \(plan.target)"
  }
}
