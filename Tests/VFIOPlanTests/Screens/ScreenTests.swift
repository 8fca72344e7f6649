import Foundation
import TestSupport
import Testing

/// What commands show on screens of several widths: of machines that were captured as it was, of
/// every example as a law.
struct ScreenTests {
  /// The widths, in columns.
  static let widths = [60, 80, 100, 120]

  /// The commands, one a line; `{vm}` and `{host}` are a machine's files, `{capture}` its archive,
  /// without which the command is left out.
  static let commands = [
    "compile {vm} --host {host}",
    "compile {vm} --host {host} --why",
    "compile {vm} --host {host} --pareto",
    "apply {vm} --host {host} --dry-run",
    "apply {vm} --host {host} --simulate",
    "compile {vm} --host {host} --as qemu",
    "check {vm} --host {host}",
    "diff {vm} {vm} --host {host} --other-target ioasid --steps",
    "explain VP3005 0x3b85 EPERM",
    "compile {vm} --host {host} --objective nothing",
  ]

  /// Those that say too much for goldens.
  static let longCommands = [
    "compile {vm} --host {host} --all",
    "explain rules",
  ]

  /// A VM on a machine.
  struct Machine: CustomStringConvertible, Sendable {
    var name: String
    var vm: String
    var host: String
    var description: String { name }

    /// Machines that were captured, by the VMs in Tests/Fixtures/screens.
    static let captured = PackageFiles.entries("Tests/Fixtures/screens").map { file in
      Machine(
        name: String(file.dropLast(".yaml".count)), vm: "Tests/Fixtures/screens/" + file,
        host: "Tests/Fixtures/golden/captures/" + file)
    }

    /// The examples.
    static let examples = Example.all.map {
      Machine(name: $0.name, vm: $0.vmPath, host: $0.hostPath)
    }

    /// The archive of its files; an example has none.
    private var capture: String? {
      let path = "Tests/Fixtures/captures/\(name).tar.gz"
      return PackageFiles.exists(path) ? path : nil
    }

    /// The words of a command about it.
    func arguments(_ command: String) -> [String] {
      command.split(separator: " ").map { word in
        ["{vm}": vm, "{host}": host, "{capture}": capture ?? ""][String(word)] ?? String(word)
      }
    }

    /// The commands that can be given about it.
    func possible(_ commands: [String]) -> [String] {
      commands.filter { capture != nil || !$0.contains("{capture}") }
    }
  }

  @Test(arguments: Machine.captured, widths)
  func aScreenShowsWhatItShowed(machine: Machine, width: Int) throws {
    let transcript = try machine.possible(Self.commands).map {
      try Transcript.run(machine.arguments($0), columns: width)
    }.joined(separator: "\n")
    let difference = try Golden.difference(transcript, "screens/\(machine)/\(width).txt")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: Machine.captured + Machine.examples, widths)
  func noLineIsLongerThanTheScreen(machine: Machine, width: Int) throws {
    for command in machine.possible(Self.commands + Self.longCommands) {
      let outcome = try Tool.run(machine.arguments(command), columns: width)
      for line in (outcome.output + outcome.errorScreen).split(separator: "\n")
      where line.count > width {
        Issue.record("\(line.count) columns of \(width): \(command) shows \(line)")
      }
    }
  }

  @Test func thereAreFourCapturedMachinesAtLeast() {
    #expect(Machine.captured.count >= 4)
  }
}
