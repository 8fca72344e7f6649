import ArgumentParser
import Parser
import Planner

/// The kernel interface a plan is for.
struct TargetOption: ExpressibleByArgument, CaseIterable {
  /// The dialect's name; `nil` for the newest one that the host has.
  let name: String?

  static let auto = TargetOption(name: nil)
  static var allCases: [TargetOption] { [auto] + Dialects.all.map { TargetOption(name: $0.name) } }
  static var allValueStrings: [String] { allCases.map(\.defaultValueDescription) }

  private init(name: String?) { self.name = name }

  init?(argument: String) {
    guard let found = Self.allCases.first(where: { $0.defaultValueDescription == argument }) else {
      return nil
    }
    self = found
  }

  var defaultValueDescription: String { name ?? "auto" }
}

extension Objective: ExpressibleByArgument {
  /// The presets, and the metrics as they are written one after another.
  public static var allValueStrings: [String] {
    let metrics = Metric.allCases.map(\.rawValue).joined(separator: ",")
    return presets.map(\.name) + [metrics + " in any order"]
  }

  /// The presets alone, which shells complete.
  public static var defaultCompletionKind: CompletionKind { .list(presets.map(\.name)) }

  /// Reads a preset's name, or all four metrics separated by commas.
  public init?(argument: String) {
    if let preset = Objective.presets.first(where: { $0.name == argument }) {
      self = preset.objective
      return
    }
    let metrics = argument.split(separator: ",", omittingEmptySubsequences: false)
      .map { Metric(rawValue: String($0)) }
    guard !metrics.contains(nil) else { return nil }
    self.init(order: metrics.compactMap { $0 })
  }
}

/// What a description is compiled for.
struct PlanOptions: ParsableArguments {
  @Option(help: "The host description; - reads standard input.", completion: .file())
  var host: String?

  @Option(
    help: "A policy: what noSnoop: auto means at this site, and what every plan has to keep.",
    completion: .file())
  var policy: String?

  @Option(help: "The kernel interface; auto takes iommufd where the host has it, else type1.")
  var target = TargetOption.auto

  @Option(
    help: ArgumentHelp(
      "What to optimise: coherency, page-tables, device-performance, or all four metrics.",
      discussion: "The metrics are wbinvd, incoherentDevices, pageTables and blockedNoSnoop, "
        + "separated by commas, most important first. Replaces the description's objective."))
  var objective: Objective?

  @Option(
    help: ArgumentHelp(
      "Answer for the host as if it ran this Linux release, for example 7.3.",
      discussion: "What the release can't have is gone, and what is stated of the rules of the "
        + "host's own kernel does not count; the rest of the host stays as it is."),
    completion: ReleaseOption.completion,
    transform: ReleaseOption.reading)
  var release: ReleaseOption?

  /// The inputs besides the first.
  var inputs: [String] { [host, policy].compactMap { $0 } }

  /// Refuses inputs of which two are standard input.
  static func checkStandardInput(of inputs: [String]) throws {
    if inputs.count(where: { $0 == FileInput.standardInput }) > 1 {
      throw ValidationError("Standard input can be only one of the inputs.")
    }
  }
}

/// Requirements of the command line.
struct RequireOptions: ParsableArguments {
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "What the plan has to keep: \(RequirementOption.allValueStrings.joined(separator: ", ")). "
        + "May be repeated.",
      valueName: "requirement"))
  var require: [RequirementOption] = []

  /// Stops at a plan that breaks one.
  func check(_ plan: CompiledPlan, files: [SourceFile]) throws(CommandFailure) {
    try RequirementOption.check(require, of: plan, files: files)
  }
}

/// Whether warnings are failures.
struct StrictOption: ParsableArguments {
  @Flag(help: "Let warnings fail, with status 2, before anything is written or touched.")
  var strict = false
}

/// A requirement, by name.
struct RequirementOption: ExpressibleByArgument {
  /// What is required.
  let what: Requirement

  static var allValueStrings: [String] { Requirement.named.map(\.name) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  var defaultValueDescription: String { what.name }

  init?(argument: String) {
    guard let found = Requirement.named.first(where: { $0.name == argument }) else { return nil }
    what = found.what
  }

  /// Stops at a plan that breaks one of some requirements.
  static func check(
    _ required: [RequirementOption], of plan: CompiledPlan, files: [SourceFile]
  ) throws(CommandFailure) {
    let broken = BrokenRequirements(plan).findings(
      required.map { Policy.StatedRequirement($0.what) })
    guard broken.isEmpty else { throw CommandFailure(DiagnosticsError(broken), files: files) }
  }
}

/// A release of Linux, as `uname -r` has it.
struct ReleaseOption: ExpressibleByArgument {
  /// The release as it was given.
  let text: String

  init?(argument: String) {
    guard HostKernel(release: argument).version != nil, argument.utf8.count <= 64,
      argument.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else { return nil }
    text = argument
  }

  /// The releases in which kernels have changed.
  static var completion: CompletionKind {
    .list(KernelRules.turningPoints.map(\.description))
  }

  /// Reads what was typed, or says what is expected.
  static func reading(_ argument: String) throws(ValidationError) -> ReleaseOption {
    guard let release = ReleaseOption(argument: argument) else {
      throw ValidationError("it is a release as 'uname -r' has it, such as 7.3 or 6.12.9-1-pve")
    }
    return release
  }
}
