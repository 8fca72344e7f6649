import TestSupport
import Testing

/// Each example on each target, as a user would see it at the terminal.
struct GoldenTests {
  /// One example on one target.
  struct Case: CustomStringConvertible, Sendable {
    var example: Example
    var target: String
    var description: String { "\(example.name)/\(target)" }

    static let all = Example.all.flatMap { example in
      Example.targets.map { Case(example: example, target: $0) }
    }

    /// Those that VMMs differ on, and a few plain ones.
    static let forVMMs = all.filter { test in
      test.target != "ioasid"
        && [
          "borrowed-table", "box-4", "companions", "huge-pages", "order-trap",
          "two-address-spaces",
        ].contains(test.example.name)
    }

    /// The arguments all commands of the case share.
    var input: [String] {
      [example.vmPath, "--host", example.hostPath, "--target", target]
    }

    /// The commands of the transcript.
    var commands: [[String]] {
      var commands = [
        ["compile"] + input, ["compile"] + input + ["--all"],
        ["apply"] + input + ["--dry-run"], ["apply"] + input + ["--simulate"],
      ]
      if example.name == "objectives" {
        commands.append(["compile"] + input + ["--objective", "page-tables"])
        commands.append(["compile"] + input + ["--objective", "device-performance"])
        commands.append(["compile"] + input + ["--pareto"])
      }
      return commands
    }
  }

  @Test(arguments: Case.all)
  func theTerminalShowsWhatItShowed(test: Case) throws {
    let transcript = try test.commands.map { try Transcript.run($0) }.joined(separator: "\n")
    let difference = try Golden.difference(transcript, "\(test).txt")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: Case.all)
  func theJSONIsWhatItWas(test: Case) throws {
    let arguments = ["compile"] + test.input + ["--format", "json", "--diagnostics", "json"]
    let outcome = try Tool.run(arguments)
    #expect(outcome.code == 0 || outcome.output.isEmpty)
    let text = outcome.code == 0 ? outcome.output : outcome.errors
    let difference = try Golden.difference(text, "\(test).json")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: Case.all)
  func theProgramIsWhatItWas(test: Case) throws {
    let outcome = try Tool.run(["compile"] + test.input + ["--format", "program"])
    guard outcome.code == 0 else { return }
    let difference = try Golden.difference(outcome.output, "\(test).program")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: Case.forVMMs)
  func whatVMMsGetIsWhatItWas(test: Case) throws {
    let forms = ["qemu", "libvirt", "cloud-hypervisor"].map { ["--format", $0] }
    let others = ["qemu", "cloud-hypervisor", "type1"].map { ["--as", $0] }
    let json = [["--as", "qemu", "--format", "json"]]
    var commands = (forms + others + json).map { ["compile"] + test.input + $0 }
    commands.append(["apply"] + test.input + ["--hand-over", "--dry-run"])
    let transcript = try commands.map { try Transcript.run($0) }.joined(separator: "\n")
    let difference = try Golden.difference(transcript, "\(test).vmm.txt")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test func theSameInputGivesTheSameBytesInAHundredRuns() throws {
    let test = Case(example: .named("objectives"), target: "iommufd")
    let arguments = ["compile"] + test.input + ["--format", "json"]
    let first = try Tool.run(arguments)
    #expect(first.code == 0)
    for _ in 1..<100 { #expect(try Tool.run(arguments) == first) }
  }
}

/// A command and what came of it, as text.
enum Transcript {
  /// Runs `vfioplan` and writes down the command, its output, its messages and its exit code.
  static func run(_ arguments: [String], columns: Int? = nil) throws -> String {
    let outcome = try Tool.run(arguments, columns: columns)
    var text = "$ vfioplan " + arguments.joined(separator: " ") + "\n" + outcome.output
    let errors = columns == nil ? outcome.errors : outcome.errorScreen
    if !errors.isEmpty { text += "[standard error]\n" + errors }
    return text + "[exit code \(outcome.code)]\n"
  }
}
