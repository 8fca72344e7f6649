import Glibc
import Parser

/// Why a command stops: what is reported and the status of the process.
struct CommandFailure: Error {
  /// The findings, at least one an error.
  var diagnostics: [Diagnostic]
  /// The inputs they are about.
  var files: [SourceFile]
  /// What the process ends with.
  var status: ExitCode

  /// A failure with a status that the findings do not tell.
  init(_ diagnostics: [Diagnostic], _ status: ExitCode, files: [SourceFile] = []) {
    self.diagnostics = diagnostics
    self.files = files
    self.status = status
  }

  /// Both of two failures; an input that can't be read tells the status.
  func joined(with other: CommandFailure) -> CommandFailure {
    let isUnreadable = [status, other.status].contains(.inputUnreadable)
    let all = diagnostics + other.diagnostics
    return CommandFailure(
      all, isUnreadable ? .inputUnreadable : ExitCode(of: all), files: files + other.files)
  }

  /// A compilation that ended with findings.
  init(_ error: DiagnosticsError, files: [SourceFile]) {
    self.init(error.diagnostics, ExitCode(of: error.diagnostics), files: files)
  }
}

extension CommandFailure {
  /// Shows it where no options say how, and ends the process.
  func end() -> Never {
    var renderer = DiagnosticRenderer(files: files)
    try? FileOutput.error.write(renderer.render(diagnostics))
    Glibc.exit(status.rawValue)
  }
}
