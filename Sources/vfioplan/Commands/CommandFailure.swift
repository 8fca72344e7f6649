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

  /// A compilation that ended with findings.
  init(_ error: DiagnosticsError, files: [SourceFile]) {
    self.init(error.diagnostics, ExitCode(of: error.diagnostics), files: files)
  }
}

extension OutputOptions {
  /// Runs a command, reports why it stops if it does, and ends the process.
  func run(_ body: () throws(CommandFailure) -> ExitCode) -> Never {
    do throws(CommandFailure) {
      try body().exit()
    } catch {
      report(error.diagnostics, files: error.files)
      error.status.exit()
    }
  }

  /// Writes findings to standard error.
  ///
  /// There is nobody left to tell if that fails.
  func report(_ diagnostics: [Diagnostic], files: [SourceFile]) {
    switch self.diagnostics {
    case .json:
      var writer = JSONWriter()
      writer.diagnostics(DiagnosticRenderer.inFileOrder(diagnostics), files: files)
      writer.endText()
      writer.withBytes { try? FileOutput.error.write($0) }
    case .text where !diagnostics.isEmpty:
      var renderer = DiagnosticRenderer(files: files, decorator: decorator(for: .error))
      try? FileOutput.error.write(renderer.render(diagnostics))
    case .text: break
    }
  }
}
