import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan explain`: what a diagnostic means and what to do, or what a request is.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", _superCommandName: "vfioplan",
    abstract: "Say what a diagnostic means and what to do, or what a kernel request or rule is.",
    discussion: """
      Without a name, lists all codes, or with --requests all requests. The word 'rules' lists in \
      what kernels differ between releases.
      """)

  @Argument(
    help: ArgumentHelp(
      "A diagnostic's code, for example VP2003, a request, for example IOMMU_DESTROY, 'rules', or "
        + "a rule, for example attachKeepsTables."))
  var code: String?

  @Flag(help: "List every kernel request with its number and the layout of its argument.")
  var requests = false

  @Option(help: "With rules: say of each whether this Linux release does so, for example 7.3.")
  var release: ReleaseOption?

  @Option(help: "text or json.")
  var format = DiagnosticFormat.text

  @OptionGroup var options: OutputOptions

  func validate() throws {
    if requests, code != nil { throw ValidationError("--requests lists all of them.") }
    if release != nil, rules == nil {
      throw ValidationError("--release is about rules of kernels.")
    }
  }

  func run() throws {
    if requests { explain(RequestRegistry.all) }
    if let request = code.flatMap({ RequestRegistry.request(named: $0.uppercased()) }) {
      explain([request])
    }
    if let rules { explain(rules) }
    let codes = try selected()
    options.run { (_) throws(CommandFailure) in
      switch format {
      case .json: try writeJSON(codes)
      case .text: try Destination.standard.write(text(codes))
      }
      return .done
    }
  }

  /// The rules that are named, if any.
  private var rules: [KernelRule]? {
    guard let code else { return nil }
    if code.lowercased() == "rules" { return KernelRules.all + KernelRules.ofRequests }
    return KernelRules.all.first { $0.name.lowercased() == code.lowercased() }.map { [$0] }
  }

  private func explain(_ rules: [KernelRule]) -> Never {
    options.run { (_) throws(CommandFailure) in
      let text = RuleText(rules, on: release.map { HostKernel(release: $0.text) })
      switch format {
      case .json: try Destination.standard.write(bytes: text.json())
      case .text:
        try Destination.standard.write(text.page(options.screen(for: Destination.standard)))
      }
      return .done
    }
  }

  private func explain(_ requests: [RequestDescriptor]) -> Never {
    options.run { (_) throws(CommandFailure) in
      switch format {
      case .json:
        var writer = JSONWriter()
        writer.beginArray(.block)
        for request in requests { RequestText(request).write(to: &writer) }
        writer.endArray()
        writer.endText()
        try Destination.standard.write(writer)
      case .text:
        for (position, request) in requests.enumerated() {
          if position > 0 { try Destination.standard.write(bytes: [10]) }
          let screen = options.screen(for: Destination.standard)
          try Destination.standard.write(RequestText(request).page(screen))
        }
      }
      return .done
    }
  }

  private func selected() throws -> [DiagnosticCode] {
    guard let code else { return DiagnosticCatalog.all }
    if let found = DiagnosticCatalog.code(named: code) { return [found] }
    if !code.uppercased().hasPrefix("VP") {
      let names = ["rules"] + KernelRules.all.map(\.name) + RequestRegistry.all.map(\.name)
      let near = Spelling.nearest(to: code, among: names).map { " Near it: \($0)." } ?? ""
      throw ValidationError(
        "There is no diagnostic, request or rule '\(code.visible)'.\(near) `vfioplan explain` "
          + "lists the diagnostics, with --requests the requests, `explain rules` the rules.")
    }
    let near = DiagnosticCatalog.codes(near: code).map(\.name).joined(separator: ", ")
    throw ValidationError(
      "There is no diagnostic '\(code.visible)'. Near it: \(near); `vfioplan explain` lists all.")
  }

  private func text(_ codes: [DiagnosticCode]) -> TextPage {
    var page = TextPage(options.screen(for: Destination.standard))
    if code == nil {
      page.table(
        codes.map { ["\($0.name, .strong)", "\($0.severity.rawValue)", "\($0.title)"] }, indent: 0)
      return page
    }
    for code in codes {
      page.line("\("\(code.severity.rawValue)[\(code.name)]", .strong): \(code.title)", hanging: 2)
      page.blank()
      for paragraph in code.explanation.split(separator: "\n") {
        page.line("\(String(paragraph))", indent: 2)
      }
    }
    return page
  }

  private func writeJSON(_ codes: [DiagnosticCode]) throws(CommandFailure) {
    var writer = JSONWriter()
    writer.beginArray(.block)
    for code in codes {
      writer.beginObject()
      writer.member("code", code.name)
      writer.member("severity", code.severity.rawValue)
      writer.member("title", code.title)
      writer.member("explanation", code.explanation)
      writer.endObject()
    }
    writer.endArray()
    writer.endText()
    try Destination.standard.write(writer)
  }
}
