import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan diff`: what changes between two plans, or two programs.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", _superCommandName: "vfioplan",
    abstract: "Say what changes between two plans.",
    discussion: """
      A description is compiled first; a saved plan is taken as it is. The same description may be \
      named twice to compare two targets, objectives or hosts. Of a program, as 'compile --format \
      program' writes it and anybody may change it, the steps are compared, with those of a \
      program or of a plan.
      """)

  @Argument(help: "The earlier VM description, saved plan or program; - reads standard input.")
  var before: String

  @Argument(help: "The later one.")
  var after: String

  @OptionGroup var plan: PlanOptions

  @Option(help: "The host description of the later one, if it is another.")
  var otherHost: String?

  @Option(help: "The kernel interface of the later one, if it is another.")
  var otherTarget: TargetOption?

  @Option(help: "What to optimise in the later one, if it is something else.")
  var otherObjective: Objective?

  @Option(help: "The policy of the later one, if it is another.")
  var otherPolicy: String?

  @Option(help: "The Linux release of the later one's host, if it is another.")
  var otherRelease: ReleaseOption?

  @Flag(help: "End with status 2 if there are changes.")
  var exitCode = false

  @Option(help: "text or json.")
  var format = DiagnosticFormat.text

  @OptionGroup var options: OutputOptions

  func validate() throws {
    let others = [otherHost, otherPolicy].compactMap { $0 }
    try PlanOptions.checkStandardInput(of: [before, after] + plan.inputs + others)
  }

  func run() {
    options.run { (findings) throws(CommandFailure) in
      var first = try Inputs.load(before, host: plan.host, policy: plan.policy)
      var second = try Inputs.load(
        after, host: otherHost, policy: otherPolicy, ids: (.other, .otherHost, .otherPolicy))
      if otherHost == nil, let host = first.host { second = second.on(host) }
      if otherPolicy == nil { second = second.under(first) }
      first = first.on(release: plan.release)
      second = second.on(release: otherRelease ?? plan.release)
      let old = try compared(first, plan.target, plan.objective, &findings)
      let new = try compared(
        second, otherTarget ?? plan.target, otherObjective ?? plan.objective, &findings)
      let text = difference(from: old, to: new)
      switch format {
      case .json: try Destination.standard.write(bytes: text.json())
      case .text:
        try Destination.standard.write(text.page(options.screen(for: Destination.standard)))
      }
      return exitCode && !text.isEmpty ? .changesFound : .done
    }
  }

  /// One side of the comparison: a program, and the plan that it is of, if it is not on its own.
  private typealias Side = (program: Program, plan: CompiledPlan?)

  private func compared(
    _ inputs: Inputs, _ target: TargetOption, _ objective: Objective?, _ findings: inout Findings
  ) throws(CommandFailure) -> Side {
    // The options are about descriptions: a saved plan or a program beside one stays as it is.
    let compiled: CompiledPlan
    switch inputs.document {
    case .program(let program): return (program, nil)
    case .plan(let plan): compiled = plan
    case .vm: compiled = try inputs.compiled(target: target.name, objective: objective)
    }
    findings.add(compiled.diagnostics, files: inputs.files)
    return (compiled.program, compiled)
  }

  private func difference(from old: Side, to new: Side) -> DifferenceText {
    guard let before = old.plan, let after = new.plan else {
      return DifferenceText(from: old.program, to: new.program)
    }
    return DifferenceText(from: before, to: after)
  }
}
