import TestSupport
import Testing

/// `scripts/summary.py` shows what people read of a run of tests: tried on recorded output of Swift
/// 6.3's runner.
struct SummaryTests {
  static let folder = "Tests/Fixtures/summary"

  /// What is shown of a run that ended with a status, and the status of the summary itself.
  static func summary(of name: String, status: Int32) throws -> Tool.Outcome {
    let script = "cat \(folder)/\(name).txt; exit \(status)"
    return try Tool.run(
      "/usr/bin/env", ["python3", "scripts/summary.py", "sh", "-c", script])
  }

  @Test(arguments: [("passing", 0), ("failing", 1), ("crashing", 1)])
  func aRunIsShownAsRecordedAndEndsWithItsStatus(name: String, status: Int32) throws {
    let shown = try Self.summary(of: name, status: status)
    #expect(shown.output == (try PackageFiles.text("\(Self.folder)/\(name).shown.txt")))
    #expect(shown.code == status)
  }

  @Test func whatPassesIsCountedAndTheClosingLineIsLast() throws {
    let lines = try Self.summary(of: "passing", status: 0).output.split(separator: "\n")
    #expect(lines.suffix(2).first == "tests: 8 passed, 0 failed, 2 skipped")
    #expect(lines.last?.contains("Test run with 10 tests in 3 suites passed") == true)
    #expect(!lines.contains { $0.hasPrefix("✔ Test o") })
  }

  /// With every line of it that the runner printed.
  @Test func aFailureIsShownWhole() throws {
    let all = try PackageFiles.text("\(Self.folder)/failing.txt").split(separator: "\n")
    let shown = try Self.summary(of: "failing", status: 1).output.split(separator: "\n")
    for line in all where line.hasPrefix("✘") || line.hasPrefix("↳ first") || line.hasPrefix("  s")
    {
      #expect(shown.contains(line), "'\(line)' is missing")
    }
    #expect(shown.contains("not ok - sumsAreRight()"))
  }

  @Test func ofARunThatBreaksOffTheLastLinesAreShown() throws {
    let all = try PackageFiles.text("\(Self.folder)/crashing.txt").split(separator: "\n")
    let shown = try Self.summary(of: "crashing", status: 139)
    #expect(shown.code == 139)
    #expect(shown.output.contains("not ok - the run broke off with status 139"))
    #expect(all.suffix(40).allSatisfy { shown.output.contains("    \($0)\n") })
  }

  /// A build that fails before a test begins has said everything.
  @Test func whatFailsBeforeATestBeginsIsShownOnce() throws {
    let shown = try Tool.run(
      "/usr/bin/env", ["python3", "scripts/summary.py", "sh", "-c", "echo error: no; exit 2"])
    #expect(shown.output == "error: no\n" && shown.code == 2)
  }
}
