import TestSupport
import Testing

/// Streams: standard input, colour, a reader that goes away, a full device.
struct StreamTests {
  private static let arguments =
    "compile \(UsageTests.vm) --host \(UsageTests.host) --target iommufd"

  /// Runs a line of the shell with `vfioplan` in `$tool`, without `NO_COLOR`.
  private static func shell(_ line: String) throws -> Tool.Outcome {
    try Tool.run("/bin/bash", ["-c", "tool='\(Tool.vfioplan)'; unset NO_COLOR; \(line)"])
  }

  @Test func aDashReadsStandardInput() throws {
    let text = try PackageFiles.text(UsageTests.vm)
    let piped = try Tool.run(
      ["compile", "-", "--host", UsageTests.host, "--target", "iommufd"], input: text)
    #expect(piped == (try Tool.run(Self.arguments.split(separator: " ").map(String.init))))
    let broken = try Tool.run(["compile", "-", "--host", UsageTests.host], input: "kind: VM\n")
    #expect(broken.code == 1 && broken.errors.hasPrefix("<stdin>:1:1: error[VP1"))
  }

  @Test func colourIsForTerminalsUnlessAskedFor() throws {
    #expect(!(try Self.shell("\"$tool\" \(Self.arguments)")).output.contains("\u{1B}"))
    let always = try Self.shell("\"$tool\" \(Self.arguments) --color always")
    #expect(always.output.contains("\u{1B}[1mworkstation\u{1B}[0m"))
    let stripped = always.output.replacing(/\u{1B}\[[0-9;]*m/, with: "")
    #expect(stripped == (try Self.shell("\"$tool\" \(Self.arguments)")).output)
    let forbidden = try Self.shell("NO_COLOR=1 \"$tool\" \(Self.arguments) --color always")
    #expect(forbidden.output == stripped)
  }

  @Test func aTerminalGetsColour() throws {
    let line = "script -qec \"$tool \(Self.arguments)\" /dev/null"
    let outcome = try Self.shell("export TERM=xterm; export tool; \(line) </dev/null")
    if outcome.code == 127 { return }
    #expect(outcome.output.contains("\u{1B}[1m"))
  }

  @Test func aReaderThatGoesAwayIsNoError() throws {
    let outcome = try Self.shell(
      "\"$tool\" \(Self.arguments) | true; echo \"${PIPESTATUS[0]}\"")
    #expect(outcome == .init(code: 0, output: "0\n", errors: ""))
  }

  @Test func aFullDeviceIsAnError() throws {
    let outcome = try Self.shell("\"$tool\" \(Self.arguments) > /dev/full")
    #expect(
      outcome
        == .init(
          code: 73, output: "",
          errors: "vfioplan: error[VP5902]: can't write standard output: "
            + "no space left on device\n"))
  }

  @Test func everyFormFitsAHundredColumns() throws {
    for example in Example.all {
      for target in Example.targets {
        let input = [example.vmPath, "--host", example.hostPath, "--target", target]
        for command in [
          ["compile"] + input, ["compile"] + input + ["--pareto"],
          ["apply"] + input + ["--dry-run"], ["apply"] + input + ["--simulate"],
        ] {
          let outcome = try Tool.run(command)
          for line in outcome.output.split(separator: "\n") where line.count > 100 {
            Issue.record("\(command.joined(separator: " ")): \(line.count) columns: \(line)")
          }
        }
      }
    }
  }
}
