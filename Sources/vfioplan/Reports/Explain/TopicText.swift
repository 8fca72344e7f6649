import Executor
import Parser
import Planner

/// Explanations, for people and for programs.
struct TopicText {
  private let topics: [Topic]
  private let kernel: HostKernel?

  /// Prepares the text of topics; rules are answered for a kernel if one is given.
  init(_ topics: [Topic], on kernel: HostKernel? = nil) {
    self.topics = topics
    self.kernel = kernel
  }

  /// One after the other, with empty lines between them.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    for (position, topic) in topics.enumerated() {
      if position > 0 { page.blank() }
      write(topic, to: &page)
    }
    return page
  }

  private func write(_ topic: Topic, to page: inout TextPage) {
    switch topic {
    case .code(let code): Self.write(code, to: &page)
    case .request(let request): RequestText(request).write(to: &page)
    case .other(let request): Self.write(request, to: &page)
    case .rule(let rule): RuleText(rule, on: kernel).write(to: &page)
    case .errno(let errno): FailureText(errno).write(to: &page)
    case .failure(let request, let errno):
      FailureText(errno, of: request).write(to: &page)
      Self.write(Self.codes(of: request), to: &page)
    case .otherFailure(let request, let errno):
      Self.write(request, to: &page)
      FailureText(errno).write(to: &page)
    case .line(let line, let errno): Self.write(line, errno, to: &page)
    }
  }

  private static func write(_ code: DiagnosticCode, to page: inout TextPage) {
    page.line("\("\(code.severity.rawValue)[\(code.name)]", .strong): \(code.title)", hanging: 2)
    page.blank()
    for paragraph in code.explanation.split(separator: "\n") {
      page.line("\(String(paragraph))", indent: 2)
    }
  }

  private static func write(_ request: OtherRequest, to page: inout TextPage) {
    let number = request.number.map { " (\(hexText(UInt64($0))))" } ?? ""
    let since = request.since.isEmpty ? "" : "since Linux \(request.since), "
    page.line("\(request.name, .strong)\(number): \(since)\(request.summary)", hanging: 2)
    page.line("on \(request.file); no program of vfioplan has it", indent: 2, hanging: 2)
  }

  private static func write(_ line: PrintedLine, _ errno: Errno?, to page: inout TextPage) {
    page.line("\(line.pattern, .strong): a line of \(line.source)", hanging: 2)
    page.line("\(line.meaning)", indent: 2)
    page.line("\(line.help)", indent: 2, label: "what to do: ")
    if let errno, let name = line.request, let request = RequestRegistry.request(named: name) {
      FailureText(errno, of: request).write(to: &page, indent: 2)
    }
    write(line.codes, to: &page)
  }

  private static func write(_ codes: [String], to page: inout TextPage) {
    for code in codes.compactMap({ DiagnosticCatalog.code(named: $0) }) {
      page.line("\(code.title)", indent: 2, hanging: 2, label: "see \(code.name, .strong): ")
    }
  }

  /// What is found before a run that may be why a request fails, each code once.
  private static func codes(of request: RequestDescriptor) -> [String] {
    let lines = PrintedLine.all.filter { $0.request == request.name }
    return lines.flatMap(\.codes).reduce(into: []) { codes, code in
      if !codes.contains(code) { codes.append(code) }
    }
  }

  /// The same for programs: a list of objects.
  func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray(.block)
    for topic in topics { write(topic, to: &writer) }
    writer.endArray()
    writer.endText()
    return writer.bytes
  }

  private func write(_ topic: Topic, to writer: inout JSONWriter) {
    switch topic {
    case .code(let code): Self.write(code, to: &writer)
    case .request(let request): RequestText(request).write(to: &writer)
    case .other(let request): request.write(to: &writer)
    case .rule(let rule): RuleText(rule, on: kernel).write(to: &writer)
    case .errno(let errno): FailureText(errno).write(to: &writer)
    case .failure(let request, let errno): FailureText(errno, of: request).write(to: &writer)
    case .otherFailure(let request, let errno):
      request.write(to: &writer)
      FailureText(errno).write(to: &writer)
    case .line(let line, let errno): Self.write(line, errno, to: &writer)
    }
  }

  private static func write(_ code: DiagnosticCode, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("code", code.name)
    writer.member("severity", code.severity.rawValue)
    writer.member("title", code.title)
    writer.member("explanation", code.explanation)
    writer.endObject()
  }

  private static func write(_ line: PrintedLine, _ errno: Errno?, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("line", line.pattern)
    writer.member("source", line.source)
    writer.member("meaning", line.meaning)
    writer.member("help", line.help)
    if let errno { writer.member("errno", errno.description) }
    writer.member("codes", line.codes)
    writer.endObject()
  }
}
