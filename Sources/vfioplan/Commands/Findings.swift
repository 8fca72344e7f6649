import Glibc
import Parser

/// What a command found so far; shown at its end, so that one run gives one list.
struct Findings {
  private var sink = DiagnosticSink()
  /// The inputs that were read.
  private(set) var files: [SourceFile] = []

  /// Whether warnings stopped the command.
  private(set) var isStopped = false

  /// The findings, in order of report.
  var diagnostics: [Diagnostic] { sink.diagnostics }

  /// What lives until the process ends.
  private var kept: [Any] = []

  /// Keeps large values alive until the process ends: the kernel takes memory back faster.
  mutating func keep(_ values: Any...) { kept += values }

  /// Adds findings and the inputs they are about.
  mutating func add(_ diagnostics: [Diagnostic], files: [SourceFile] = []) {
    sink.report(diagnostics)
    self.files += files.filter { file in !self.files.contains { $0.id == file.id } }
  }

  /// Stops a command that takes warnings for failures, if there are any.
  mutating func stopAtWarnings(if isStrict: Bool) throws(CommandFailure) {
    guard isStrict, diagnostics.contains(where: { $0.severity == .warning }) else { return }
    isStopped = true
    throw CommandFailure([], .changesFound)
  }

  /// The findings in the order of the files, as text for a program, at the end of a command.
  func text(as format: FindingsFormat, status: Int32) -> [UInt8] {
    let ordered = DiagnosticRenderer.inFileOrder(diagnostics)
    switch format {
    case .json: return DiagnosticJSON.text(ordered, files: files)
    case .sarif:
      var log = SARIFText(ordered, files: files)
      return log.json(status: status)
    case .github:
      var text = AnnotationText(files: files)
      return Array(text.text(ordered).utf8)
    case .text:
      var renderer = DiagnosticRenderer(files: files)
      return Array(renderer.render(diagnostics).utf8)
    }
  }
}

extension CommandFailure {
  /// Shows it in a form that was asked for where no options could be read, and ends the process.
  func end(as format: FindingsFormat) -> Never {
    var findings = Findings()
    findings.add(diagnostics, files: files)
    let bytes = findings.text(as: format, status: status.rawValue)
    bytes.withUnsafeBytes { try? FileOutput.error.write($0) }
    Glibc.exit(status.rawValue)
  }
}

extension OutputStyle {
  /// Runs a command, shows what it found and why it stopped, and ends the process.
  func run(_ body: (inout Findings) throws(CommandFailure) -> ExitCode) -> Never {
    runCommand { (findings) throws(CommandFailure) in try body(&findings).rawValue }
  }

  /// As `run`, for one whose status may be that of another command.
  ///
  /// The process ends by a signal that was held back until now, if there is one, and at once: the
  /// values of a large compilation are not torn down, the kernel is faster at that.
  func runCommand(_ body: (inout Findings) throws(CommandFailure) -> Int32) -> Never {
    var findings = Findings()
    let status: Int32
    do throws(CommandFailure) {
      status = try body(&findings)
    } catch {
      findings.add(error.diagnostics, files: error.files)
      status = error.status.rawValue
    }
    show(findings, status)
    Signals.release()
    withExtendedLifetime(findings) { Glibc.exit(status) }
  }

  /// Writes findings to standard error; there is nobody left to tell if that fails.
  private func show(_ findings: Findings, _ status: Int32) {
    if diagnostics != .text {
      let bytes = findings.text(as: diagnostics, status: status)
      bytes.withUnsafeBytes { try? FileOutput.error.write($0) }
      return
    }
    if !findings.diagnostics.isEmpty {
      var renderer = DiagnosticRenderer(
        files: findings.files, screen: screen(for: .error))
      try? FileOutput.error.write(renderer.render(findings.diagnostics))
    }
    if findings.isStopped { try? FileOutput.error.write("warnings fail with --strict\n") }
  }
}
