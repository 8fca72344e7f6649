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

  /// Says at once that a lock is waited for; as JSON there are findings only, at the end.
  func announceWait(for path: String) {
    if diagnostics == .json { return }
    try? FileOutput.error.write("vfioplan: waiting for another process's lock of \(path)\n")
  }

  private static var isDumbTerminal: Bool {
    getenv("TERM").map { strcmp($0, "dumb") == 0 } ?? false
  }
}
