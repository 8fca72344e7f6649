import Foundation

/// Files that say what the tool said when someone last looked.
public enum Golden {
  /// Whether this run rewrites them.
  public static let isRecording = ProcessInfo.processInfo.environment["VFIOPLAN_RECORD"] == "1"

  /// Compares a text with a file below Tests/Fixtures/golden; the difference, or `nil` if none.
  ///
  /// When recording, the file is written and the difference says so: a run that records fails, so
  /// that nobody takes it for a test.
  public static func difference(_ text: String, _ file: String) throws -> String? {
    let path = "Tests/Fixtures/golden/" + file
    if isRecording {
      try write(text, to: PackageFiles.path(path))
      return "recorded \(path)"
    }
    guard let wanted = try? PackageFiles.text(path) else {
      return "\(path) is missing; run `make golden`"
    }
    guard wanted != text else { return nil }
    return "\(path) differs; run `make golden` and review\n" + firstDifference(text, wanted)
  }

  /// The first line in which two texts differ.
  public static func firstDifference(_ text: String, _ wanted: String) -> String {
    let got = text.split(separator: "\n", omittingEmptySubsequences: false)
    let lines = wanted.split(separator: "\n", omittingEmptySubsequences: false)
    let first = zip(got, lines).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    let index = first ?? min(got.count, lines.count)
    func line(_ lines: [Substring]) -> Substring { index < lines.count ? lines[index] : "(end)" }
    return "line \(index + 1)\n  wanted: \(line(lines))\n  got:    \(line(got))"
  }

  private static func write(_ text: String, to path: String) throws {
    let file = URL(filePath: path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }
}
