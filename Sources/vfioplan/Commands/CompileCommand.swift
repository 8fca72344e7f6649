import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan compile`: description to plan.
struct CompileCommand: ParsableCommand {
  /// Its name on the command line.
  static let name = "compile"
  static let configuration = CommandConfiguration(
    commandName: name, _superCommandName: "vfioplan",
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
  var format: OutputForm?

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

  /// What was asked for.
  var request: CompileRequest {
    CompileRequest(
      vm: vm, host: plan.host, policy: plan.policy, target: plan.target, objective: plan.objective,
      release: plan.release, requirements: required.require, format: format, output: output,
      steps: steps, why: why, all: all, pareto: pareto, vmm: self.as, hosts: hosts,
      isStrict: strictness.strict, style: options.style)
  }

  func validate() throws { try request.validate() }

  func run() { request.run() }
}

extension OutputForm: ExpressibleByArgument {
  // The library's own for enumerations takes longer than to read a small plan.
  init?(argument: String) { self.init(rawValue: argument) }
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
