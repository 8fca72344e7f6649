import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan compile`: description to plan.
struct CompileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compile", _superCommandName: "vfioplan",
    abstract: "Compile a VM description to a plan and its program.",
    discussion: """
      As text: whether the VM is coherent, what would help, its devices, what the host loses. \
      Devices are called what the system's pci.ids calls them, or the file that the variable \
      VFIOPLAN_PCI_IDS names. Nothing is run and nothing but the file of -o is written.
      """)

  @Argument(
    help: "The VM description, or what import reads (libvirt, QEMU, ...); - reads standard input.",
    completion: .file())
  var vm: String

  @OptionGroup var plan: PlanOptions

  @OptionGroup var required: RequireOptions

  @Option(
    help: ArgumentHelp(
      "text for people, json to save and apply, program for the canonical program, qemu, libvirt "
        + "or cloud-hypervisor to configure that VMM; without it json for the file of -o, "
        + "else text."))
  var format: FormatOption?

  @Option(
    name: [.short, .customLong("output")],
    help: "Save the plan, to be applied later, or what --format asks for, in a file.",
    completion: .file())
  var output: String?

  @Flag(help: "As text, also the program: each step in words, the exact call, its undo.")
  var steps = false

  @Flag(help: "As text, also the reasons: every device, KVM, limits, costs.")
  var why = false

  @Flag(help: "As text, all there is to say, warnings included.")
  var all = false

  @Flag(help: "List the Pareto front of the four metrics instead, one plan a row.")
  var pareto = false

  @Option(
    help: ArgumentHelp(
      "Show the plan next to what this VMM or interface makes of the same devices instead; 'today' "
        + "is the VMM whose configuration it is."))
  var `as`: VMMOption?

  @Option(
    help: ArgumentHelp(
      "Ask the hosts of a folder instead, descriptions and captures: which can run the VM, at what "
        + "cost, the best first.", valueName: "folder"), completion: .directory)
  var hosts: String?

  @OptionGroup var strictness: StrictOption

  @OptionGroup var options: OutputOptions

  /// What to compare with.
  var vmm: VMMOption? { self.as }

  /// A plan that is saved is to be read again, which only JSON can be; a comparison is not.
  var chosenFormat: FormatOption {
    if let format { return format }
    guard let path = Destination(path: output).path else { return .text }
    return !(pareto || vmm != nil || hosts != nil) || path.hasSuffix(".json") ? .json : .text
  }

  private var isText: Bool { chosenFormat.name == FormatOption.text.name }

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

  func validate() throws {
    let inputs = [vm] + plan.inputs
    try PlanOptions.checkStandardInput(of: inputs)
    for input in inputs {
      if let output, FileOutput.isSameFile(output, input) {
        throw ValidationError("'\(output)' is an input; -o would overwrite it.")
      }
    }
    try checkHosts()
    if pareto, !required.require.isEmpty {
      throw ValidationError("--require is about one plan, --pareto lists many.")
    }
    if pareto, vmm != nil { throw ValidationError("--pareto and --as exclude each other.") }
    if !detail.isEmpty, pareto || vmm != nil || hosts != nil || !isText {
      throw ValidationError("--steps, --why and --all are about a plan as text.")
    }
    if pareto || vmm != nil, let format, !["text", "json"].contains(format.name) {
      throw ValidationError(
        "\(pareto ? "A Pareto front" : "What a VMM does") is written as text or json.")
    }
  }

  func run() {
    options.run { (findings) throws(CommandFailure) in
      if let hosts { return try survey(hosts, &findings) }
      let inputs = try Inputs.load(vm, host: plan.host, policy: plan.policy)
        .on(release: plan.release)
      if plan.release != nil, inputs.isSavedPlan { throw .fixedPlan }
      if pareto {
        try writeFront(inputs, &findings)
        return .done
      }
      var compiled = try inputs.compiled(
        target: target(of: inputs), objective: plan.objective, needsMemory: needsMemory)
      findings.add(compiled.diagnostics, files: inputs.files)
      try required.check(compiled, files: inputs.files)
      if plan.host == nil, plan.release == nil { findings.add(machineFindings(compiled)) }
      if isText, plan.host == nil, !inputs.isSavedPlan { compiled.lookAtUses() }
      let destination = Destination(path: output)
      if let rule = try rule(for: compiled.vm) {
        let names = isText ? PCINames(ofDevicesIn: compiled) : nil
        let text = VMMText(compiled, as: rule) {
          names?.name(vendor: $0.vendor, device: $0.device)
        }
        return try write(text, inputs.files, to: destination, &findings)
      }
      findings.add(try vmmFindings(compiled), files: inputs.files)
      try findings.stopAtWarnings(if: strictness.strict)
      try destination.write(
        compiled, as: chosenFormat.emitter, context(for: compiled, inputs.files, destination))
      findings.keep(inputs, compiled)
      return .done
    }
  }

  /// The target that was named; for a comparison with a VMM the interface that its configuration
  /// names, if the host has it.
  private func target(of inputs: Inputs) -> String? {
    if let name = plan.target.name { return name }
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
      files: files, screen: options.screen(for: destination),
      concurrently: { concurrently($0, $1).1 })
    context.detail = detail
    if ["text", "markdown", "html"].contains(chosenFormat.name) {
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
    if chosenFormat.name == "json" {
      try destination.write(bytes: text.json(files: files))
    } else {
      try destination.write(text.page(options.screen(for: destination)))
    }
    guard text.findings.contains(where: { $0.severity == .error }) else {
      try findings.stopAtWarnings(if: strictness.strict)
      return .done
    }
    return .cannotCompile
  }

  private func writeFront(_ inputs: Inputs, _ findings: inout Findings) throws(CommandFailure) {
    var sink = DiagnosticSink()
    let text = try inputs.front(
      target: plan.target.name, objective: plan.objective, into: &sink)
    findings.add(sink.diagnostics, files: inputs.files)
    try findings.stopAtWarnings(if: strictness.strict)
    let destination = Destination(path: output)
    if chosenFormat.name == "json" {
      try destination.write(bytes: text.json())
    } else {
      try destination.write(text.page(options.screen(for: destination)))
    }
  }
}

/// A form of `Emitters`, by name.
struct FormatOption: ExpressibleByArgument {
  /// Its name.
  let name: String
  /// What writes it.
  let emitter: any Emitter

  static let text = FormatOption(name: "text", emitter: TextEmitter())
  static let json = FormatOption(name: "json", emitter: JSONEmitter())
  static var allValueStrings: [String] { Emitters.all.map(\.name) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  var defaultValueDescription: String { name }

  /// What writes it if it configures a VMM; to ask the emitter for that takes longer.
  var vmmEmitter: (any VMMEmitter)? { Emitters.configuring.first { $0.name == name }?.emitter }

  private init(name: String, emitter: any Emitter) {
    self.name = name
    self.emitter = emitter
  }

  init?(argument: String) {
    guard let found = Emitters.all.first(where: { $0.name == argument }) else { return nil }
    self.init(name: found.name, emitter: found.emitter)
  }
}

/// A rule of `VMMRule`, by name, or that of a description's own VMM.
struct VMMOption: ExpressibleByArgument {
  /// The rule; `nil` for the VMM whose configuration a description was made from.
  let rule: VMMRule?

  private static let today = "today"
  static var allValueStrings: [String] { VMMRule.forms + [today] }
  static var defaultCompletionKind: CompletionKind { .list(VMMRule.all.map(\.name) + [today]) }
  var defaultValueDescription: String { rule?.name ?? Self.today }

  init?(argument: String) {
    guard argument == Self.today || VMMRule.named(argument) != nil else { return nil }
    rule = VMMRule.named(argument)
  }
}
