import ArgumentParser
import Executor
import Parser
import Planner

/// `vfioplan explain`: what a diagnostic, a request or a printed line means, and what to do.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", _superCommandName: "vfioplan",
    abstract: "Say what a diagnostic, a kernel request or a line of a log means, and what to do.",
    discussion: """
      Without words, lists all codes, or with --requests all requests. If every word is a code, a \
      request (by name or number) or a rule, each is explained; else all words together are one \
      line that the kernel, QEMU, libvirt or strace printed. The word 'rules' lists in what \
      kernels differ between releases; - reads a log from standard input.
      """)

  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp(
      "Codes (VP2003), requests (IOMMU_DESTROY, 0x3b85), rules (attachKeepsTables), 'rules', a "
        + "line ('group 1 is not viable'), or -.",
      valueName: "word"), completion: .shellCommand("vfioplan explain | grep -o '^VP[0-9]*'"))
  var words: [String] = []

  @Flag(help: "List every kernel request with its number and the layout of its argument.")
  var requests = false

  @Option(
    help: "With rules: say of each whether this Linux release does so, for example 7.3.",
    completion: ReleaseOption.completion,
    transform: ReleaseOption.reading)
  var release: ReleaseOption?

  @Option(help: "text or json.")
  var format = DiagnosticFormat.text

  @OptionGroup var options: OutputOptions

  func validate() throws {
    if requests, !words.isEmpty { throw ValidationError("--requests lists all of them.") }
    if release != nil, !hasRules { throw ValidationError("--release is about rules of kernels.") }
  }

  private var hasRules: Bool {
    words.contains { word in
      Topic.topics(of: word)?.contains { if case .rule = $0 { true } else { false } } ?? false
    }
  }

  func run() {
    options.style.run { (_) throws(CommandFailure) in
      let text = TopicText(try topics(), on: release.map { HostKernel(release: $0.text) })
      let screen = options.style.screen(for: Destination.standard)
      switch format {
      case .json: try Destination.standard.write(bytes: text.json())
      case .text where words.isEmpty && !requests: try Destination.standard.write(codes(screen))
      case .text: try Destination.standard.write(text.page(screen))
      }
      return .done
    }
  }

  private func topics() throws(CommandFailure) -> [Topic] {
    if requests { return RequestRegistry.all.map { .request($0) } }
    if words.isEmpty { return DiagnosticCatalog.all.map { .code($0) } }
    if words == [FileInput.standardInput] { return try topicsOfLog() }
    let each = words.map { word in (word, Topic.topics(of: word)) }
    if each.contains(where: { $0.1 == nil }) {
      let line = words.joined(separator: " ")
      return try Self.known(LineTopics(line).topics, line)
    }
    var topics: [Topic] = []
    for (word, found) in each {
      topics += try Self.known(found ?? [], word).filter { !topics.contains($0) }
    }
    return topics
  }

  /// What the lines of standard input are about, each once; most lines of a log are about nothing.
  private func topicsOfLog() throws(CommandFailure) -> [Topic] {
    let name = FileInput.standardInput
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try FileInput.bytes(of: name) } catch {
      throw .unreadable(name, error)
    }
    var topics: [Topic] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      for topic in LineTopics(String(systemBytes: line)).printed where !topics.contains(topic) {
        topics.append(topic)
      }
    }
    if topics.isEmpty { throw .nothingKnown(of: "any line of standard input", near: []) }
    return topics
  }

  private static func known(_ topics: [Topic], _ text: String) throws(CommandFailure) -> [Topic] {
    if topics.isEmpty {
      throw .nothingKnown(of: QuotedText.quote(text), near: NearTopics(text).names)
    }
    return topics
  }

  private func codes(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    page.table(
      DiagnosticCatalog.all.map {
        ["\($0.name, .strong)", "\($0.severity.rawValue)", "\($0.title)"]
      }, indent: 0)
    return page
  }
}

extension CommandFailure {
  /// Words that can't be explained.
  fileprivate static func nothingKnown(of what: String, near names: [String]) -> CommandFailure {
    let near =
      names.isEmpty ? "" : "'vfioplan explain \(names.joined(separator: " "))' is near it; "
    return CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.nothingKnown, "nothing is known of \(what)",
          at: nil, help: near + "'vfioplan explain' lists all codes, with --requests all requests")
      ], .wrongUsage)
  }
}
