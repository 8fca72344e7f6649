import ArgumentParser
import TestSupport
import Testing

@testable import vfioplan

/// Command lines that are read without the library mean what they mean to the library.
struct PlainLineTests {
  private static let commands =
    VFIOPlan.configuration.subcommands + HookCommand.configuration.subcommands

  /// What options are called, and what their properties would be called as options.
  private static let names: [String] = {
    let groups: [any ParsableArguments.Type] = [
      HookOptions.self, OutputOptions.self, PlanOptions.self, RequireOptions.self,
      SocketOptions.self, StrictOption.self, UnbindOptions.self,
    ]
    let types = groups + commands.map { $0 as any ParsableArguments.Type }
    let properties = types.flatMap { Mirror(reflecting: $0.init()).children.compactMap(\.label) }
      .map { $0.dropFirst().replacing(/([a-z])([A-Z])/) { "\($0.1)-\($0.2)" }.lowercased() }
    let stated = VFIOPlan._dumpHelp().matches(of: /"name" : "([a-z-]+)"/).map { String($0.1) }
    return Set(properties + stated).sorted().map { $0.count == 1 ? "-" + $0 : "--" + $0 }
  }()

  private static let values = [
    "json", "text", "auto", "type1", "iommufd", "device-performance", "qemu", "today", "7.3", "10",
    "-", "v.yaml", "never", "sarif", "coherent", "libvirt", "plan", "",
  ]

  /// Compares the two ways of reading a line; says whether there are two.
  @discardableResult
  private static func agree<Command: ParsableCommand>(
    _ type: Command.Type, _ line: [String], _ comment: Comment? = nil
  ) -> Bool {
    guard let plain = PlainLine.command(type, of: line) else { return false }
    let other = try? type.parseAsRoot(line)
    #expect(other.map { "\($0)" } == "\(plain)", "\(type) \(line) \(comment ?? "")")
    if let command = other as? CompileCommand {
      let request = CompileRequest(plain: line)
      #expect(request.map { "\($0)" } == "\(command.request)", "\(line) \(comment ?? "")")
    }
    return true
  }

  @Test(arguments: commands.indices)
  func everyNameAndValueIsReadAsByTheLibrary(command: Int) {
    let type = Self.commands[command]
    for operands in [[], ["v.yaml"], ["a", "b"]] {
      Self.agree(type, operands)
      for name in Self.names {
        for line in [operands + [name], [name] + operands] { Self.agree(type, line) }
        for value in Self.values {
          Self.agree(type, operands + [name, value])
          Self.agree(type, ["\(name)=\(value)"] + operands)
        }
      }
    }
  }

  @Test func randomLinesAreReadAsByTheLibrary() {
    let words =
      ["v.yaml", "h.yaml", "json", "-", "--", "a=b", "7.3", "--host=h", "--format=json", "-h"]
      + ["--host", "--format", "--steps", "--all", "--as", "qemu", "--require", "coherent", "-o"]
    for seed in UInt64(1)...3000 {
      var numbers = SeededNumbers(seed: seed)
      let line = (0..<Int.random(in: 1...6, using: &numbers)).map { _ in
        words.randomElement(using: &numbers) ?? ""
      }
      let commands: [any ParsableCommand.Type] = [
        ApplyCommand.self, CompileCommand.self, DiffCommand.self, EmulateCommand.self,
      ]
      for command in commands {
        Self.agree(command, line, "seed \(seed)")
      }
    }
  }

  @Test(arguments: [
    ["v.yaml"], ["v.yaml", "--host", "h.yaml", "--format", "json"], ["--host=h.yaml", "v.yaml"],
    ["v.yaml", "--policy", "p.yaml", "--target", "type1", "--objective", "coherency"],
    ["v.yaml", "--release", "7.3", "--require", "coherent", "--diagnostics", "json"],
    ["v.yaml", "--why", "--steps", "--strict", "--color", "never"], ["v.yaml", "--as", "qemu"],
    ["v.yaml", "--pareto"], ["v.yaml", "--hosts", "d"], ["-", "--all"],
    ["v.yaml", "--output", "p.json"], ["v.yaml", "-o", "p.json"],
  ])
  func compilingIsReadWithoutTheLibrary(line: [String]) {
    #expect(Self.agree(CompileCommand.self, line))
  }

  @Test(arguments: [
    ["--", "true"], ["--host", "h.yaml", "-o", "/dev/null", "--", "qemu", "--version", "--", "-x"],
    ["--log=l", "--simulate-kvm", "--format", "json", "--", "a", "b"],
  ])
  func emulatingIsReadWithoutTheLibrary(line: [String]) {
    #expect(Self.agree(EmulateCommand.self, line))
  }
}
