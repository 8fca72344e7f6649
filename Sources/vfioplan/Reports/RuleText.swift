import Executor
import Parser
import Planner

/// In what kernels differ between releases, for people and for programs.
struct RuleText {
  private let rules: [KernelRule]
  private let kernel: HostKernel?

  /// Prepares the text of rules, and of what a kernel does if one is given.
  init(_ rules: [KernelRule], on kernel: HostKernel?) {
    self.rules = rules
    self.kernel = kernel
  }

  /// Rule by rule: from when on, what was before, what holds since, and where the kernel does it.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    for (position, rule) in rules.enumerated() {
      if position > 0 { page.blank() }
      page.line("\(rule.name, .strong): \(rule.releases)\(answer(rule))", hanging: 2)
      page.line("before: \(rule.before)", indent: 2, hanging: 2)
      page.line("since: \(rule.meaning)", indent: 2, hanging: 2)
      page.line("source: \(rule.source)", indent: 2, hanging: 2)
    }
    return page
  }

  private func answer(_ rule: KernelRule) -> String {
    guard let kernel else { return "" }
    let word = fact(rule, kernel).rawValue
    return "; Linux \(kernel.release.visible): \(word == Fact.yes.rawValue ? "yes" : word)"
  }

  /// What a kernel does; of a request's rule whether it has the request.
  private func fact(_ rule: KernelRule, _ kernel: HostKernel) -> Fact {
    RequestRegistry.request(named: rule.name).map(kernel.rules.knows) ?? kernel.rules.answer(rule)
  }

  /// The same for programs: a list of objects.
  func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray(.block)
    for rule in rules {
      writer.beginObject()
      writer.member("rule", rule.name)
      writer.member("releases", rule.releases)
      writer.member("before", rule.before)
      writer.member("since", rule.meaning)
      writer.member("source", rule.source)
      if let kernel { writer.member("holds", fact(rule, kernel).rawValue) }
      writer.endObject()
    }
    writer.endArray()
    writer.endText()
    return writer.bytes
  }
}
