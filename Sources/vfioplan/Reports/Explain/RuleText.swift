import Executor
import Parser
import Planner

/// In what kernels differ between releases, for people and for programs.
struct RuleText {
  private let rule: KernelRule
  private let kernel: HostKernel?

  /// Prepares the text of a rule, and of what a kernel does if one is given.
  init(_ rule: KernelRule, on kernel: HostKernel?) {
    self.rule = rule
    self.kernel = kernel
  }

  /// Writes from when on, what was before, what holds since, and where the kernel does it.
  func write(to page: inout TextPage) {
    page.line("\(rule.name, .strong): \(rule.releases)\(answer)", hanging: 2)
    page.line("before: \(rule.before)", indent: 2, hanging: 2)
    page.line("since: \(rule.meaning)", indent: 2, hanging: 2)
    page.line("source: \(rule.source)", indent: 2, hanging: 2)
  }

  private var answer: String {
    guard let kernel else { return "" }
    let word = fact(kernel).rawValue
    return "; Linux \(kernel.release.visible): \(word == Fact.yes.rawValue ? "yes" : word)"
  }

  /// What a kernel does; of a request's rule whether it has the request.
  private func fact(_ kernel: HostKernel) -> Fact {
    RequestRegistry.request(named: rule.name).map(kernel.rules.knows) ?? kernel.rules.answer(rule)
  }

  /// Writes the same as an object.
  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("rule", rule.name)
    writer.member("releases", rule.releases)
    writer.member("before", rule.before)
    writer.member("since", rule.meaning)
    writer.member("source", rule.source)
    if let kernel { writer.member("holds", fact(kernel).rawValue) }
    writer.endObject()
  }
}
