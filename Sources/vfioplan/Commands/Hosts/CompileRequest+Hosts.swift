import ArgumentParser
import Parser
import Planner

extension CompileRequest {
  /// Refuses what does not go with many hosts.
  func checkHosts() throws {
    guard hosts != nil else { return }
    if host != nil { throw ValidationError("--host and --hosts exclude each other.") }
    if pareto || vmm != nil || isStrict {
      throw ValidationError(
        "--hosts compares plans; --pareto, --as and --strict are about one host.")
    }
    if let format, format != .text, format != .json {
      throw ValidationError("What many hosts answer is written as text or json.")
    }
  }

  /// Asks the hosts of a folder, and writes what they answer.
  func survey(_ folder: String, _ findings: inout Findings) throws(CommandFailure) -> ExitCode {
    let question = try SurveyQuestion(self)
    findings.add(question.warnings, files: question.files)
    let report = try HostSurvey(question).report(of: folder)
    let destination = Destination(path: output)
    if chosenFormat == .json {
      try destination.write(bytes: HostSurveyJSON(report).json())
    } else {
      let text = HostSurveyText(report, description: vm)
      try destination.write(text.page(style.screen(for: destination)))
    }
    if report.runs.isEmpty {
      findings.add([
        .noHostCan(
          run: question.vm, of: report.refusals.count,
          isNamedByAddress: report.isAnyDeviceMissing)
      ])
    }
    return report.status
  }
}

/// What many hosts are asked.
struct SurveyQuestion: Sendable {
  /// The VM.
  let vm: VMDescription
  /// The policy.
  let policy: Policy
  /// Warnings about both.
  let warnings: [Diagnostic]
  /// The files that both are in.
  let files: [SourceFile]
  /// The kernel interface; `nil` for the best that each host has.
  let target: String?
  /// What to optimise; `nil` for what the VM's description says.
  let objective: Objective?
  /// What else a plan has to keep.
  let requirements: [Policy.StatedRequirement]
  /// The release that every host is taken to run; `nil` for its own.
  let release: String?

  /// Reads the files of a command line; of a saved plan, what it was made from.
  init(_ request: CompileRequest) throws(CommandFailure) {
    let document = try Inputs.document(request.vm, .vm).get()
    let policy = try request.policy.map { (path) throws(CommandFailure) in
      try Inputs.read(path, .policy, DescriptionReader.policy).get()
    }
    switch document.value {
    case .vm(let vm): self.vm = vm
    case .plan(let plan): vm = plan.vm.described
    case .program: throw .noVM(in: [request.vm], skipped: 1)
    }
    self.policy = policy?.value ?? Policy()
    warnings = document.warnings + (policy?.warnings ?? [])
    files = [document.file] + (policy.map { [$0.file] } ?? [])
    target = request.target.name
    objective = request.objective
    requirements = request.requirements.map { Policy.StatedRequirement($0.what) }
    release = request.release?.text
  }
}
