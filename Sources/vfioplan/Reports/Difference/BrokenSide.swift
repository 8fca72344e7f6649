import Executor
import Parser
import Planner

/// That one of two descriptions can't be compiled.
struct BrokenSide {
  /// Which of them, and what they are called.
  enum Which {
    /// The earlier one; the later one can be.
    case before(String, String)
    /// The later one; the earlier one can be.
    case after(String)
  }

  private let which: Which
  private let cause: Diagnostic?

  /// Takes the findings that stopped the compilation.
  init(_ which: Which, _ findings: [Diagnostic]) {
    self.which = which
    cause = findings.first { $0.severity == .error }
  }

  /// What the change comes to, in one sentence.
  var verdict: String {
    let reason = cause.map { ", because \($0.message) (\($0.code.name))" } ?? ""
    return switch which {
    case .before(let before, let after): "\(after) can be compiled; \(before) can't be\(reason)"
    case .after(let after): "\(after) BREAKS: can't be compiled any more\(reason)"
    }
  }

  /// The sentence.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    page.line("\(verdict, .strong)", hanging: 2)
    return page
  }

  /// The same for programs: a difference without changes and steps, which nobody can tell.
  func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.diff/v1")
    writer.member("equal", false)
    writer.member("decisionEqual", false)
    writer.member("verdict", verdict)
    writer.key("consequences")
    writer.beginArray(.block)
    writer.beginObject()
    switch which {
    case .before: write("can-be-compiled", "better", to: &writer)
    case .after: write("cannot-be-compiled", "worse", to: &writer)
    }
    writer.endObject()
    writer.endArray()
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func write(_ kind: String, _ effect: String, to writer: inout JSONWriter) {
    writer.member("kind", kind)
    writer.member("effect", effect)
    if let cause {
      writer.member("what", cause.code.name)
      writer.member("why", cause.message)
    }
  }
}
