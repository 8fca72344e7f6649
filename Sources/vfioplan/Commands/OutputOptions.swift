import ArgumentParser
import Glibc
import Parser

/// How findings are written to standard error.
enum FindingsFormat: String, CaseIterable, ExpressibleByArgument {
  /// With source excerpts, for people.
  case text
  /// One JSON array, for programs.
  case json
  /// Commands of GitHub's workflows.
  case github
  /// A log of SARIF 2.1.0.
  case sarif

  /// The form that a command line asks for, even if something else is wrong with it.
  static func asked(for words: [String]) -> FindingsFormat {
    let words = words.prefix { $0 != "--" }
    let values = zip(words, words.dropFirst()).filter { $0.0 == "--diagnostics" }.map(\.1)
    let joined = words.filter { $0.hasPrefix("--diagnostics=") }
      .map { String($0.dropFirst("--diagnostics=".utf8.count)) }
    return (values + joined).compactMap(Self.init(rawValue:)).last ?? .text
  }
}

/// The form of a result that is for people or for programs.
enum DiagnosticFormat: String, CaseIterable, ExpressibleByArgument {
  /// With source excerpts, for people.
  case text
  /// One JSON array, for programs.
  case json
}

/// When text is coloured.
enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
  /// On a terminal.
  case auto
  /// Everywhere.
  case always
  /// Nowhere.
  case never
}

/// The options every command has.
struct OutputOptions: ParsableArguments {
  @Option(help: "How findings are written to standard error: text, json, github or sarif.")
  var diagnostics = FindingsFormat.text

  @Option(help: "Colour: auto, always or never. The variable NO_COLOR always means never.")
  var color = ColorChoice.auto

  /// What they say.
  var style: OutputStyle { OutputStyle(diagnostics: diagnostics, color: color) }
}

/// How findings and text look.
struct OutputStyle {
  /// The form of findings.
  var diagnostics = FindingsFormat.text
  /// When text is coloured.
  var color = ColorChoice.auto

  /// What text that goes to a stream is laid out for.
  func screen(for stream: FileOutput) -> Screen { Screen(marks(for: stream), width: stream.width) }

  private func marks(for stream: FileOutput) -> Screen.Marks {
    if let variable = getenv("NO_COLOR"), variable.pointee != 0 { return .none }
    switch color {
    case .never: return .none
    case .always: return .ansi
    case .auto: return stream.isTerminal && !Self.isDumbTerminal ? .ansi : .none
    }
  }

  /// Says at once that a lock is waited for; for programs there are findings only, at the end.
  func announceWait(for path: String) {
    if diagnostics != .text { return }
    try? FileOutput.error.write("vfioplan: waiting for another process's lock of \(path)\n")
  }

  private static var isDumbTerminal: Bool {
    getenv("TERM").map { strcmp($0, "dumb") == 0 } ?? false
  }
}
