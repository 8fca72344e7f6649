import Executor
import Parser
import Planner

/// Plan files: what is accepted does what it says, and nothing else.
enum PlanTarget {
  /// A plan file.
  static func run(_ bytes: [UInt8]) {
    let file = SourceFile(id: .vm, name: "plan.json", bytes: bytes)
    guard let plan = DescriptionTargets.read(file, SavedPlanReader.read) else { return }
    PlanLaws.check(plan, salt: bytes.count)
    PlanLaws.checkForms(plan, files: [file], salt: bytes.count)
    FindingLaws.check(plan.diagnostics, in: [file])
  }
}

/// Programs as text.
enum ProgramTarget {
  /// A program; a comment `# host: NAME` says which example's host it runs on.
  static func run(_ bytes: [UInt8]) {
    let file = SourceFile(id: .vm, name: "program", bytes: bytes)
    guard let program = read(file) else { return }
    for step in program.steps { FindingLaws.isInside(step.origin, file) }
    let text = ProgramText.text(of: program)
    law(
      program.steps.isEmpty
        || ProgramTextReader.recognizes(SourceFile(id: .vm, name: "t", text: text)),
      "is not known for a program: \(text)")
    let violations = ProgramVerifier.verify(program, unopened: program.devicesWithChangedDriver)
    FindingLaws.check(
      violations.map { ProgramDiagnostics.violation($0, in: program) }, in: [file])
    guard violations.isEmpty else { return }
    let again = read(SourceFile(id: .vm, name: "again", text: text))
    law(again?.hasSameActions(as: program) == true, "is read back as another program: \(text)")
    law(again.map { ProgramText.text(of: $0) } == text, "is printed in two ways: \(text)")
    let host = Examples.named("host", in: bytes, of: Examples.hosts).value
    let report = RunReport.run(program, on: SimulatedKernel(host))
    _ = (report.json(), RunText(report, host: host.name).page(.plain).bytes)
    FindingLaws.check(report.diagnostics, in: [file])
    let releases = SimulatedKernel.releases
    SimulatorLaws.leavesNothing(
      program, on: host, releases[bytes.count % releases.count], salt: bytes.count)
  }

  private static func read(_ file: SourceFile) -> Program? {
    do throws(DiagnosticsError) {
      return try ProgramTextReader.read(file)
    } catch {
      law(error.diagnostics.contains { $0.severity == .error }, "refused without an error")
      FindingLaws.check(error.diagnostics, in: [file])
      return nil
    }
  }
}
