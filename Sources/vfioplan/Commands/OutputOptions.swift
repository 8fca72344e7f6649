import ArgumentParser
import Glibc
import Parser

/// How findings are written to standard error.
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
  @Option(help: "How findings are written to standard error: text or json.")
  var diagnostics = DiagnosticFormat.text

  @Option(help: "Colour: auto, always or never. The variable NO_COLOR always means never.")
  var color = ColorChoice.auto

  /// The marks for text that goes to a stream.
  func decorator(for stream: FileOutput) -> Decorator {
    if let variable = getenv("NO_COLOR"), variable.pointee != 0 { return .plain }
    switch color {
    case .never: return .plain
    case .always: return .ansi
    case .auto: return stream.isTerminal && !Self.isDumbTerminal ? .ansi : .plain
    }
  }

  /// Says at once that a lock is waited for; as JSON there are findings only, at the end.
  func announceWait(for path: String) {
    if diagnostics == .json { return }
    try? FileOutput.error.write("vfioplan: waiting for another process's lock of \(path)\n")
  }

  private static var isDumbTerminal: Bool {
    getenv("TERM").map { strcmp($0, "dumb") == 0 } ?? false
  }
}
