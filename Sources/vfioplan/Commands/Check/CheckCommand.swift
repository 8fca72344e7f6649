import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan check`: the VMs of a host, each by itself and all together.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", _superCommandName: "vfioplan",
    abstract: "Check all VM descriptions of a host, each by itself and all together.",
    discussion: """
      Every description is compiled, and no two may want the same device, IOMMU group or memory. \
      In folders, files that end in .yaml, .yml, .xml or .conf are looked at, recursively; those \
      that describe no VM are passed over. The status is 1 if a description can't be compiled, a \
      promise is broken or VMs clash, and 2 with --strict if there are warnings only.
      """)

  /// How the report is written.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
    case sarif
    case github
    case markdown
    case html
  }

  @Argument(
    help: ArgumentHelp(
      "VM descriptions, what import reads (libvirt, QEMU, ...), saved plans, and folders of them; "
        + "- reads standard input."), completion: .file())
  var inputs: [String]

  @OptionGroup var plan: PlanOptions

  @OptionGroup var required: RequireOptions

  @Option(
    help: ArgumentHelp(
      "Check what this VMM or interface makes of the devices, too: a promise that it breaks is an "
        + "error."))
  var `as`: VMMOption?

  @OptionGroup var strictness: StrictOption

  @Option(
    help: ArgumentHelp(
      "text for people, json, the findings as sarif or github, or a review as markdown or html."))
  var format = Format.text

  @Option(
    name: [.short, .customLong("output")], help: "Write the report to a file.",
    completion: .file())
  var output: String?

  @OptionGroup var options: OutputOptions

  func validate() throws {
    try PlanOptions.checkStandardInput(of: inputs + plan.inputs)
    for input in inputs + plan.inputs {
      if let output, FileOutput.isSameFile(output, input) {
        throw ValidationError("'\(output)' is an input; -o would overwrite it.")
      }
    }
  }

  func run() {
    options.style.run { (findings) throws(CommandFailure) in
      let report = try CheckRun(self).report()
      let status = ExitCode(of: report)
      if format != .sarif, format != .github {
        let isForPeople = options.style.diagnostics == .text
        findings.add(
          isForPeople ? Self.limited(report.diagnostics) : report.diagnostics, files: report.files)
      }
      try write(report, status)
      findings.keep(report)
      return status
    }
  }

  /// Findings of which nobody reads more than some of a kind: the last of these says how many more
  /// there are.
  private static func limited(_ all: [Diagnostic]) -> [Diagnostic] {
    let limit = DiagnosticSink.maximumOfAKind
    let kinds = Dictionary(grouping: all, by: \.code.name)
    var seen: [String: Int] = [:]
    return all.compactMap { finding in
      let number = seen[finding.code.name, default: 0] + 1
      seen[finding.code.name] = number
      let rest = (kinds[finding.code.name]?.count ?? 0) - limit
      return number > limit ? nil : number == limit && rest > 0 ? finding.omitting(rest) : finding
    }
  }

  private func write(_ report: CheckReport, _ status: ExitCode) throws(CommandFailure) {
    let destination = Destination(path: output)
    switch format {
    case .text:
      let text = CheckText(report, status: status.rawValue)
      try destination.write(text.page(options.style.screen(for: destination)))
    case .json: try destination.write(bytes: CheckJSON(report, status: status.rawValue).json())
    case .markdown:
      try destination.write(bytes: CheckReview(report, status: status.rawValue).markdown())
    case .html:
      try destination.write(bytes: CheckReview(report, status: status.rawValue).html())
    case .sarif, .github:
      var all = Findings()
      all.add(report.diagnostics, files: report.files)
      let form = format == .sarif ? FindingsFormat.sarif : .github
      try destination.write(bytes: all.text(as: form, status: status.rawValue))
    }
  }
}

/// Reads and checks the files of a command line.
struct CheckRun {
  private let command: CheckCommand

  /// Prepares for a command line.
  init(_ command: CheckCommand) { self.command = command }

  /// Reads everything and looks at it, on two threads if there is much.
  func report() throws(CommandFailure) -> CheckReport {
    let search = FileSearch(command.inputs)
    let common = try CommonInputs(command.plan)
    var check = VMCheck(on: common.index)
    check.target = command.plan.target.name
    check.objective = command.plan.objective
    check.policy = common.policy
    check.requirements = command.required.require.map { Policy.StatedRequirement($0.what) }
    check.rule = command.as?.rule
    check.isAsConfigured = command.as.map { $0.rule == nil } ?? false
    let reader = CheckReader(check: check)
    let outcomes = Self.all(of: search.found, reader)
    let (vms, skipped) = Self.parted(outcomes, search)
    guard !vms.isEmpty else {
      throw .noVM(in: command.inputs, skipped: skipped.count)
    }
    return CheckReport(
      vms, on: common.index, as: command.as?.rule, isStrict: command.strictness.strict,
      skipped: skipped, common: common.warnings, files: common.files + outcomes.compactMap(\.file))
  }

  private static func all(
    of found: [FileSearch.Found], _ reader: CheckReader
  ) -> [CheckReader.Outcome] {
    let read = { @Sendable (part: Range<Int>) in
      part.map { reader.outcome(of: found[$0], SourceID(numbered: $0)) }
    }
    guard found.count > 16 else { return read(found.indices) }
    let middle = found.count / 2
    let (one, two) = concurrently({ read(0..<middle) }, { read(middle..<found.count) })
    return one + two
  }

  /// The VMs, what could not be read among them, and the files that hold none.
  private static func parted(
    _ outcomes: [CheckReader.Outcome], _ search: FileSearch
  ) -> ([CheckedVM], [CheckReport.Skipped]) {
    var vms: [CheckedVM] = []
    var skipped: [CheckReport.Skipped] = []
    for outcome in outcomes {
      switch outcome.content {
      case .vm(let vm): vms.append(vm)
      case .skipped(let kind): skipped.append(.init(path: outcome.path, kind: kind))
      }
    }
    for failure in search.failures {
      vms.append(CheckedVM(unreadable: failure.path, .unreadable(failure.path, failure.error)))
    }
    return (vms, skipped)
  }
}

/// What all VMs are looked at with.
private struct CommonInputs {
  let index: HostIndex
  let policy: Policy
  let warnings: [Diagnostic]
  let files: [SourceFile]

  init(_ options: PlanOptions) throws(CommandFailure) {
    var host: Loaded<HostDescription>
    if let path = options.host {
      host = try Inputs.read(path, .host, DescriptionReader.host).get()
    } else {
      host = try Inputs.thisMachine(.host)
    }
    if let release = options.release {
      host.value.kernel = host.value.kernel.running(release.text)
    }
    let policy = try options.policy.map { (path) throws(CommandFailure) in
      try Inputs.read(path, .policy, DescriptionReader.policy).get()
    }
    index = HostIndex(host.value)
    self.policy = policy?.value ?? Policy()
    warnings = host.warnings + (policy?.warnings ?? []) + index.findings
    files = [host.file] + (policy.map { [$0.file] } ?? [])
    guard index.findings.allSatisfy({ $0.severity != .error }) else {
      throw CommandFailure(DiagnosticsError(warnings), files: files)
    }
  }
}

extension SourceID {
  /// The number of one of many files.
  fileprivate init(numbered position: Int) {
    self.init(rawValue: SourceID.firstOfMany.rawValue + UInt32(position))
  }
}

extension CheckedVM {
  /// A file that can't be read, or not be understood.
  init(unreadable path: String, _ failure: CommandFailure) {
    self.init(vm: nil)
    self.path = path
    diagnostics = failure.diagnostics
    isUnreadable = failure.status == .inputUnreadable
  }
}

extension ExitCode {
  /// The status of a check.
  init(of report: CheckReport) {
    let findings = report.diagnostics
    if report.vms.contains(where: \.isUnreadable) {
      self = .inputUnreadable
    } else if findings.contains(where: { $0.severity == .error }) {
      self.init(of: findings)
    } else {
      self = report.isStrict && !findings.isEmpty ? .changesFound : .done
    }
  }
}
