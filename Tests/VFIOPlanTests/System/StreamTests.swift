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
            + "no space left on device (ENOSPC)\n"))
  }

  @Test(arguments: [arguments, "explain", "host --format yaml", "--help", "--version"])
  func aClosedStandardOutputIsAnError(command: String) throws {
    let outcome = try Self.shell("\"$tool\" \(command) >&-")
    #expect(outcome.code == 73 && outcome.output == "")
    #expect(
      outcome.errors.contains(
        "error[VP5902]: can't write standard output: bad file descriptor (EBADF)\n"))
  }

  @Test func aClosedStandardInputIsAnInputThatCannotBeRead() throws {
    let outcome = try Self.shell("\"$tool\" compile - --host \(UsageTests.host) <&-")
    #expect(outcome.code == 66 && outcome.errors.contains("bad file descriptor (EBADF)"))
  }

  @Test func noOtherFileGetsTheNumberOfAClosedStream() throws {
    let folder = try TemporaryFolder()
    let fifo = folder.path("fifo")
    let outcome = try Self.shell(
      """
      mkfifo '\(fifo)'
      "$tool" compile '\(fifo)' --host \(UsageTests.host) -o '\(folder.path("o"))' <&- >&- 2>&- &
      exec 3>'\(fifo)'
      readlink /proc/$!/fd/0 /proc/$!/fd/1 /proc/$!/fd/2
      cat '\(UsageTests.vm)' >&3; exec 3>&-; wait $!; echo $?
      """)
    #expect(outcome.output == "/dev/null\n/dev/null\n/dev/null\n0\n")
    #expect(try folder.text("o").hasPrefix("{\n"))
  }

  @Test func withoutDevNullAClosedStreamIsAnError() throws {
    let inside = "mount -t tmpfs none /dev && exec \"$0\" --version <&-"
    let outcome = try Self.shell(
      "unshare -rm true 2>/dev/null || exit 99; unshare -rm bash -c '\(inside)' \"$tool\"")
    // Not every machine lets ordinary users have namespaces.
    if outcome.code == 99 { return }
    #expect(outcome.code == 71 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("vfioplan: error[VP5915]: can't open /dev/null in place of"))
  }

  @Test func everyFormFitsAHundredColumns() throws {
    for example in Example.all {
      for target in Example.targets {
        let input = [example.vmPath, "--host", example.hostPath, "--target", target]
        for command in [
          ["compile"] + input + ["--all"], ["compile"] + input + ["--pareto"],
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
