import ArgumentParser
import Executor
import Parser
import Planner

/// What `vfioplan compile` is asked for, and what it does.
struct CompileRequest {
  /// The description.
  var vm: String
  /// The host, if not this machine.
  var host: String?
  /// The policy.
  var policy: String?
  /// The kernel interface.
  var target = TargetOption.auto
  /// What to optimise, if not what the description says.
  var objective: Objective?
  /// The release that the host is taken to run.
  var release: ReleaseOption?
  /// What the plan has to keep.
  var requirements: [RequirementOption] = []
  /// The form that was named.
  var format: OutputForm?
  /// The file to write.
  var output: String?
  /// Whether text has the program.
  var steps = false
  /// Whether text has the reasons.
  var why = false
  /// Whether text has all there is to say.
  var all = false
  /// Whether the Pareto front is listed instead.
  var pareto = false
  /// What to compare with.
  var vmm: VMMOption?
  /// The folder of hosts to ask instead.
  var hosts: String?
  /// Whether warnings are failures.
  var isStrict = false
  /// How findings and text look.
  var style = OutputStyle()
}

extension CompileRequest {
  /// Reads a plain line; `nil` if the library has to.
  ///
  /// The library's command is not made at all, since each of its options takes types of its own:
  /// for this command, which scripts run for every VM, that was a tenth of the time.
  init?(plain words: [String]) {
    let request = PlainLine.read(words) { line in
      guard let vm: String = try line.takeOperand() else { throw PlainLine.NotPlain() }
      var request = CompileRequest(vm: vm)
      try request.take(from: line)
      try request.validate()
      return request
    }
    guard let request else { return nil }
    self = request
  }

  private mutating func take(from line: PlainLine) throws {
    host = try line.takeValue(of: "host")
    policy = try line.takeValue(of: "policy")
    target = try line.takeValue(of: "target") ?? .auto
    objective = try line.takeValue(of: "objective")
    release = try line.takeValue(of: "release")
    requirements = try line.takeValues(of: "require")
    format = try line.takeValue(of: "format")
    output = try line.takeValue(of: "output")
    (steps, why) = (line.takeFlag("steps"), line.takeFlag("why"))
    (all, pareto) = (line.takeFlag("all"), line.takeFlag("pareto"))
    vmm = try line.takeValue(of: "as")
    hosts = try line.takeValue(of: "hosts")
    isStrict = line.takeFlag("strict")
    style.diagnostics = try line.takeValue(of: "diagnostics") ?? .text
    style.color = try line.takeValue(of: "color") ?? .auto
  }
}

extension CompileRequest {
  /// A plan that is saved is to be read again, which only JSON can be; a comparison is not.
  var chosenFormat: OutputForm {
    if let format { return format }
    guard let path = Destination(path: output).path else { return .text }
    return !(pareto || vmm != nil || hosts != nil) || path.hasSuffix(".json") ? .json : .text
  }

  private var isText: Bool { chosenFormat == .text }

  /// Whether what is written has the memory in it.
  private var needsMemory: Bool {
    if vmm != nil { return false }
    if let emitter = chosenFormat.vmmEmitter { return emitter.needsMemory }
    return !isText || steps || all
  }

  /// What text says beyond the review.
  private var detail: PlanDetail {
    if all { return .all }
    return (steps ? PlanDetail.steps : []).union(why ? .reasons : [])
  }

  /// Refuses what does not go together.
  func validate() throws {
    let inputs = [vm, host, policy].compactMap(\.self)
    try PlanOptions.checkStandardInput(of: inputs)
    for input in inputs {
      if let output, FileOutput.isSameFile(output, input) {
        throw ValidationError("'\(output)' is an input; -o would overwrite it.")
      }
    }
    try checkHosts()
    if pareto, !requirements.isEmpty {
      throw ValidationError("--require is about one plan, --pareto lists many.")
    }
    if pareto, vmm != nil { throw ValidationError("--pareto and --as exclude each other.") }
    if !detail.isEmpty, pareto || vmm != nil || hosts != nil || !isText {
      throw ValidationError("--steps, --why and --all are about a plan as text.")
    }
    if pareto || vmm != nil, let format, format != .text, format != .json {
      throw ValidationError(
        "\(pareto ? "A Pareto front" : "What a VMM does") is written as text or json.")
    }
  }

  /// Compiles, writes, and ends the process.
  func run() -> Never {
    style.run { (findings) throws(CommandFailure) in
      if let hosts { return try survey(hosts, &findings) }
      let inputs = try Inputs.load(vm, host: host, policy: policy)
        .on(release: release)
      if release != nil, inputs.isSavedPlan { throw .fixedPlan }
      if pareto {
        try writeFront(inputs, &findings)
        return .done
      }
      var compiled = try inputs.compiled(
        target: target(of: inputs), objective: objective, needsMemory: needsMemory)
      findings.add(compiled.diagnostics, files: inputs.files)
      try RequirementOption.check(requirements, of: compiled, files: inputs.files)
      if host == nil, release == nil { findings.add(machineFindings(compiled)) }
      if isText, host == nil, !inputs.isSavedPlan { compiled.lookAtUses() }
      let destination = Destination(path: output)
      if let rule = try rule(for: compiled.vm) {
        let names = isText ? PCINames(ofDevicesIn: compiled) : nil
        let text = VMMText(compiled, as: rule) {
          names?.name(vendor: $0.vendor, device: $0.device)
        }
        return try write(text, inputs.files, to: destination, &findings)
      }
      findings.add(try vmmFindings(compiled), files: inputs.files)
      try findings.stopAtWarnings(if: isStrict)
      try destination.write(
        compiled, as: chosenFormat.emitter, context(for: compiled, inputs.files, destination))
      findings.keep(inputs, compiled)
      return .done
    }
  }

  /// The target that was named; for a comparison with a VMM the interface that its configuration
  /// names, if the host has it.
  private func target(of inputs: Inputs) -> String? {
    if let name = target.name { return name }
    guard let vmm, case .vm(let vm) = inputs.document,
      let rule = vmm.rule ?? VMMRule.configured(by: vm.vmm), rule.isStated(by: vm.vmm),
      let interface = vm.vmm?.interface, let host = inputs.host,
      let dialect = Dialects.named(interface.rawValue), dialect.isKnown(on: host.kernel)
    else { return nil }
    return dialect.name
  }

  /// The VMM to compare with, if one is.
  private func rule(for vm: DescribedVM<some DevicePlace>) throws(CommandFailure) -> VMMRule? {
    guard let vmm else { return nil }
    if let rule = vmm.rule ?? VMMRule.configured(by: vm.vmm) { return rule }
    throw .notConfigured(vm)
  }

  private func context(
    for compiled: CompiledPlan, _ files: [SourceFile], _ destination: Destination
  ) -> EmitterContext {
    var context = EmitterContext(
      files: files, screen: style.screen(for: destination),
      concurrently: { concurrently($0, $1).1 })
    context.detail = detail
    if chosenFormat == .text || chosenFormat == .markdown || chosenFormat == .html {
      context.names = PCINames(ofDevicesIn: compiled)
    }
    return context
  }

  /// What would keep the plan from running on this machine, which it is for.
  private func machineFindings(_ compiled: CompiledPlan) -> [Diagnostic] {
    if compiled.plan.dialect?.isProposalOnly == true { return [] }
    return Preflight.findings(for: compiled).map(\.asWarning)
  }

  /// What the VMM makes otherwise, if it is one that is configured.
  private func vmmFindings(_ compiled: CompiledPlan) throws(CommandFailure) -> [Diagnostic] {
    guard let emitter = chosenFormat.vmmEmitter else { return [] }
    if compiled.plan.dialect?.isProposalOnly == true {
      throw CommandFailure(
        [ExecutorDiagnostics.proposalCannotRun(compiled.plan.target)], .hostUnable)
    }
    return VMMDiagnostics.findings(
      for: compiled, with: emitter.rule(for: compiled),
      from: emitter is LibvirtEmitter ? .libvirt : emitter.ownRule.program)
      + (emitter.writesMemory ? [BudgetDiagnostics.pages(of: compiled.vm)].compactMap { $0 } : [])
  }

  /// Writes what a VMM makes of the plan; a promise that it breaks is told by the status.
  private func write(
    _ text: VMMText, _ files: [SourceFile], to destination: Destination, _ findings: inout Findings
  ) throws(CommandFailure) -> ExitCode {
    findings.add(text.findings)
    if chosenFormat == .json {
      try destination.write(bytes: text.json(files: files))
    } else {
      try destination.write(text.page(style.screen(for: destination)))
    }
    guard text.findings.contains(where: { $0.severity == .error }) else {
      try findings.stopAtWarnings(if: isStrict)
      return .done
    }
    return .cannotCompile
  }

  private func writeFront(_ inputs: Inputs, _ findings: inout Findings) throws(CommandFailure) {
    var sink = DiagnosticSink()
    let text = try inputs.front(
      target: target.name, objective: objective, into: &sink)
    findings.add(sink.diagnostics, files: inputs.files)
    try findings.stopAtWarnings(if: isStrict)
    let destination = Destination(path: output)
    if chosenFormat == .json {
      try destination.write(bytes: text.json())
    } else {
      try destination.write(text.page(style.screen(for: destination)))
    }
  }
}
