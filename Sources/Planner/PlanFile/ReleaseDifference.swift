import Parser

/// What another release makes of a saved plan.
enum ReleaseDifference {
  /// The first thing that would be otherwise had the plan been compiled for a kernel's release and
  /// rules; `nil` if the program would be the same.
  ///
  /// Only these are taken from the kernel: the other facts are compared one by one.
  static func firstChange(of saved: CompiledPlan, on kernel: HostKernel) -> String? {
    var host = saved.host
    host.kernel.release = kernel.release
    host.kernel.statedRules = kernel.statedRules
    guard let dialect = saved.plan.dialect else { return nil }
    var sink = DiagnosticSink()
    let other: CompiledPlan
    do throws(DiagnosticsError) {
      other = try Compilation.compile(
        saved.vm.described, on: host, dialect: dialect, objective: saved.plan.objective,
        policy: saved.policy, into: &sink)
    } catch {
      let cause = error.diagnostics.first { $0.severity == .error }
      return "it can't be compiled" + (cause.map { ": \($0.message) (\($0.code.name))" } ?? "")
    }
    let program = dialect.lower(saved.plan, for: saved.vm, on: saved.host)
    return firstStep(from: program, to: other.program)
  }

  private static func firstStep(from old: Program, to new: Program) -> String? {
    switch StepDifference(from: old, to: new).edits.first {
    case .removed(let step):
      "the program would differ: step \(step + 1), '\(ProgramText.line(step, of: old))', would not "
        + "be there"
    case .added(let step):
      "the program would differ: step \(step + 1) would be '\(ProgramText.line(step, of: new))'"
    case nil: nil
    }
  }

  /// A kernel by its release, and by what is stated of its rules unlike of another one's.
  static func name(_ kernel: HostKernel, unlike other: HostKernel) -> String {
    let name =
      kernel.release.isEmpty ? "a kernel of no known release" : "Linux \(kernel.release.visible)"
    let names = Set(kernel.statedRules.keys).union(other.statedRules.keys).sorted()
    let rules = names.compactMap { rule -> String? in
      let (mine, theirs) = (kernel.statedRules[rule]?.holds, other.statedRules[rule]?.holds)
      guard mine != theirs else { return nil }
      return mine.map { "'\(rule.visible): \($0)'" } ?? "'\(rule.visible)' not stated"
    }
    return rules.isEmpty ? name : "\(name) with \(rules.joined(separator: ", "))"
  }
}
