import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan diff`: what changes between two plans, or two programs.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", _superCommandName: "vfioplan",
    abstract: "Say what changes for a VM and its host between two plans.",
    discussion: """
      A description is compiled first; a saved plan is taken as it is, or is compiled anew for \
      another host or release. The same description may be named twice to compare two targets, \
      objectives, hosts or releases. Devices are matched by address, page tables by their devices: \
      the order of files changes nothing. Of a program, as 'compile --format program' writes it \
      and anybody may change it, the steps are compared, with those of a program or of a plan.
      """)

  /// How the difference is written.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
    case markdown
    case html
  }

  @Argument(
    help: "The earlier VM description, saved plan or program; - reads standard input.",
    completion: .file())
  var before: String

  @Argument(help: "The later one.", completion: .file())
  var after: String

  @OptionGroup var plan: PlanOptions

  @Option(
    help: "The host description of the later one, if it is another.", completion: .file())
  var otherHost: String?

  @Option(help: "The kernel interface of the later one, if it is another.")
  var otherTarget: TargetOption?

  @Option(help: "What to optimise in the later one, if it is something else.")
  var otherObjective: Objective?

  @Option(help: "The policy of the later one, if it is another.", completion: .file())
  var otherPolicy: String?

  @Option(
    help: "The Linux release of the later one's host, if it is another.",
    completion: ReleaseOption.completion,
    transform: ReleaseOption.reading)
  var otherRelease: ReleaseOption?

  @Flag(help: "End with status 2 if the decision changes; of programs, if their steps do.")
  var exitCode = false

  @Flag(help: "Show the steps that come and go, too.")
  var steps = false

  @Option(help: "text, json, or a review as markdown or html.")
  var format = Format.text

  @OptionGroup var options: OutputOptions

  func validate() throws {
    let others = [otherHost, otherPolicy].compactMap { $0 }
    try PlanOptions.checkStandardInput(of: [before, after] + plan.inputs + others)
  }

  func run() {
    options.style.run { (findings) throws(CommandFailure) in
      let first = try Inputs.load(before, host: plan.host, policy: plan.policy)
      let second = try Inputs.load(
        after, host: otherHost, policy: otherPolicy, ids: (.other, .otherHost, .otherPolicy))
      let old = Result { () throws(CommandFailure) in
        try compared(first.on(release: plan.release), plan.target.name, plan.objective)
      }
      let new = Result { () throws(CommandFailure) in try later(second, than: first) }
      switch (old, new) {
      case (.success(let old), .success(let new)): return try report(old, new, &findings)
      case (.failure(let failure), .failure): throw failure
      case (.failure(let failure), .success(let new)):
        let names = SideNames(of: new.plan, in: self)
        return try report(.before(names.before, names.after), failure, &findings)
      case (.success(let old), .failure(let failure)):
        let names = SideNames(of: old.plan, in: self)
        return try report(.after(names.after), failure, &findings)
      }
    }
  }

  /// One side of the comparison: a program, and the plan that it is of, if it is not on its own.
  private struct Side {
    var program: Program
    var plan: CompiledPlan?
    var files: [SourceFile]
  }

  /// The later side, on the host and under the policy of the earlier one unless others are named.
  private func later(
    _ inputs: Inputs, than first: Inputs
  ) throws(CommandFailure) -> Side {
    var second = inputs
    var (target, objective) = (plan.target.name, plan.objective)
    if hasOthers, case .plan(let saved) = second.document {
      (target, objective) = (saved.plan.target, saved.plan.objective)
      second = second.decompiled
    } else {
      if otherHost == nil, let host = first.host { second = second.on(host) }
      if otherPolicy == nil { second = second.under(first) }
    }
    return try compared(
      second.on(release: otherRelease ?? plan.release), otherTarget?.name ?? target,
      otherObjective ?? objective)
  }

  /// Whether something is otherwise for the later side: a saved plan is then compiled anew.
  private var hasOthers: Bool {
    otherHost != nil || otherPolicy != nil || otherRelease != nil || otherTarget != nil
      || otherObjective != nil
  }

  private func compared(
    _ inputs: Inputs, _ target: String?, _ objective: Objective?
  ) throws(CommandFailure) -> Side {
    // The options are about descriptions: a saved plan or a program beside one stays as it is.
    switch inputs.document {
    case .program(let program): return Side(program: program, files: inputs.files)
    case .plan(let plan): return Side(program: plan.program, plan: plan, files: inputs.files)
    case .vm:
      let plan = try inputs.compiled(target: target, objective: objective)
      return Side(program: plan.program, plan: plan, files: inputs.files)
    }
  }
}

// MARK: - Reports

extension DiffCommand {
  private func report(
    _ old: Side, _ new: Side, _ findings: inout Findings
  ) throws(CommandFailure) -> ExitCode {
    findings.add(old.plan?.diagnostics ?? [], files: old.files)
    findings.add(new.plan?.diagnostics ?? [], files: new.files)
    let text = difference(from: old, to: new)
    switch format {
    case .json: try Destination.standard.write(bytes: text.json())
    case .text:
      let page = text.page(options.style.screen(for: Destination.standard), withSteps: steps)
      try Destination.standard.write(page)
    case .markdown: try Destination.standard.write(bytes: try review(text, old, new).markdown())
    case .html: try Destination.standard.write(bytes: try review(text, old, new).html())
    }
    return exitCode && !text.isDecisionEqual ? .changesFound : .done
  }

  private func review(
    _ text: DifferenceText, _ old: Side, _ new: Side
  ) throws(CommandFailure) -> DifferenceReview {
    guard let before = old.plan, let after = new.plan else { throw .noReview }
    let (one, two) = (PCINames(ofDevicesIn: before), PCINames(ofDevicesIn: after))
    return DifferenceReview(
      text,
      .init("Before", before) { one.name(vendor: $0.vendor, device: $0.device) },
      .init("After", after) { two.name(vendor: $0.vendor, device: $0.device) },
      files: old.files + new.files)
  }

  private func difference(from old: Side, to new: Side) -> DifferenceText {
    guard let before = old.plan, let after = new.plan else {
      return DifferenceText(from: old.program, to: new.program)
    }
    return DifferenceText(
      from: before, to: after, label: SideNames(of: after, in: self).after,
      files: old.files + new.files)
  }

  /// Says that one side can't be compiled, which is the worst that a change can do.
  private func report(
    _ side: BrokenSide.Which, _ failure: CommandFailure, _ findings: inout Findings
  ) throws(CommandFailure) -> ExitCode {
    guard [.cannotCompile, .hostUnable].contains(failure.status) else { throw failure }
    findings.add(failure.diagnostics, files: failure.files)
    let text = BrokenSide(side, failure.diagnostics)
    switch format {
    case .json: try Destination.standard.write(bytes: text.json())
    case .text:
      try Destination.standard.write(text.page(options.style.screen(for: Destination.standard)))
    case .markdown: try Destination.standard.write(bytes: text.markdown(failure))
    case .html: try Destination.standard.write(bytes: text.html(failure))
    }
    return failure.status
  }
}

/// What the two sides of a comparison are called.
private struct SideNames {
  let before: String
  let after: String

  /// The names of the files; where that is one file, what is otherwise for the later side.
  init(of plan: CompiledPlan?, in command: DiffCommand) {
    func shown(_ path: String) -> String { path == FileInput.standardInput ? "<stdin>" : path }
    let name = shown(command.after)
    let isOne = command.before == command.after
    let differing: [String?] = [
      command.otherHost.map { "on \(shown($0))" },
      command.otherRelease.map { "on Linux \($0.text)" },
      command.otherTarget.map { "for target \($0.defaultValueDescription)" },
      command.otherObjective.map { "with objective \($0.words)" },
      command.otherPolicy.map { "under \(shown($0))" },
    ]
    let what = differing.compactMap { $0 }.joined(separator: " ")
    before = isOne ? "\(name) as it was" : shown(command.before)
    after = isOne && !what.isEmpty ? "\(plan?.vm.name ?? name) \(what)" : name
  }
}
