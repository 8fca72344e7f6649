import Foundation
import TestSupport
import Testing

/// Programs as an input of `apply` and `diff`, and where they are refused.
struct ProgramCommandTests {
  static let host = ["--host", UsageTests.host]
  static let program = "Tests/Fixtures/golden/igd-and-nic/iommufd.program"
  static let lines = ((try? PackageFiles.text(program)) ?? "").split(separator: "\n")

  /// The golden program with a text in place of another.
  static func changed(_ old: String, to new: String) throws -> String {
    let text = try PackageFiles.text(program)
    try #require(text.contains(old))
    return text.replacing(old, with: new)
  }

  /// A list as Foundation writes it, so that two of them can be compared.
  static func list(_ key: String, of run: JSONValue) throws -> Data {
    let value = try #require(run[key]).value
    return try JSONSerialization.data(withJSONObject: value, options: .sortedKeys)
  }

  @Test(arguments: GoldenTests.Case.all)
  func aProgramRunsAsItsDescriptionDoes(test: GoldenTests.Case) throws {
    let path = "Tests/Fixtures/golden/\(test).program"
    guard PackageFiles.exists(path) else { return }
    let options = ["--host", test.example.hostPath, "--simulate", "--format", "json"]
    let outcome = try Tool.run(["apply", path] + options)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let run = try JSONValue(outcome.output)
    let whole = try JSONValue(Tool.run(["apply"] + test.input + options.dropFirst(2)).output)
    for key in ["steps", "rolledBack", "undone", "leftovers", "state"] {
      #expect(try Self.list(key, of: run) == Self.list(key, of: whole), "\(test): \(key)")
    }
    // What a program doesn't know isn't said.
    for key in ["vm", "target", "mismatches"] { #expect(run[key] == nil && whole[key] != nil) }
  }

  @Test func aRunOfAProgramIsShownWithWhatItKnows() throws {
    let outcome = try Tool.run(["apply", Self.program, "--simulate"] + Self.host)
    #expect(outcome.code == 0 && outcome.errors == "")
    #expect(
      outcome.output.hasPrefix(
        "simulated run of a program on host z790\n\nSteps\n"
          + "   1  ok  take 0000:00:02.0 away from driver i915\n"))
    #expect(
      outcome.output.hasSuffix(
        """
        State after the last step
          HWPT 4 of IOAS 1  not enforced        maps 8 GiB          for 0000:00:02.0
          HWPT 5 of IOAS 1  enforced            maps 8 GiB          for 0000:03:00.0
          KVM               carries out WBINVD  proof 0000:00:02.0  knows 0000:00:02.0, 0000:03:00.0
          0000:00:02.0: driver i915 -> vfio-pci
          0000:03:00.0: driver igc -> vfio-pci

        Undo at the end
          every step is undone in reverse order

        run: ok, 32 steps; undone: 23 steps, nothing left

        """), "\(outcome.output)")
    let text = try PackageFiles.text(Self.program)
    let arguments = ["apply", "-", "--simulate"] + Self.host
    #expect(try Tool.run(arguments, input: text) == outcome)
    let unix = text.replacing("\n", with: "\r\n")
    #expect(try Tool.run(arguments, input: "\u{FEFF}\n# edited\n" + unix) == outcome)
  }

  @Test func withoutAHostThisMachineIsSimulated() throws {
    let outcome = try Tool.run(["apply", Self.program, "--simulate"])
    // No machine that tests run on has these devices on these drivers.
    #expect(outcome.code == 71)
    #expect(outcome.errors.hasPrefix("\(Self.program):1:1: error[VP5001]: step 1, unbind"))
  }

  @Test func whatIsCompiledIsRunWhateverItsFileIsCalled() throws {
    let folder = try TemporaryFolder()
    let vm = try folder.write(try PackageFiles.text(UsageTests.vm), to: "a #%b = close\n\r.yaml")
    let program = try Tool.run(["compile", vm, "--format", "program"] + Self.host)
    #expect(program.code == 0 && program.output.contains("  # "))
    let outcome = try Tool.run(["apply", "-", "--simulate"] + Self.host, input: program.output)
    #expect(outcome.code == 0 && outcome.errors == "")
  }

  @Test func aFaultIsRolledBackAndShownAtItsLine() throws {
    let faults = ["--fail", "15=EPERM", "--fail-undo", "7=EBUSY"]
    let rolledBack = try Tool.run(
      ["apply", Self.program, "--simulate"] + Self.host + faults.prefix(2))
    #expect(rolledBack.code == 71)
    #expect(
      rolledBack.output.hasSuffix("failed at step 15 of 32; undone: 13 steps, nothing left\n"))
    #expect(
      rolledBack.errors.hasPrefix(
        """
        \(Self.program):15:1: error[VP5001]: step 15, VFIO_DEVICE_BIND_IOMMUFD on 'igd': EPERM, \
        interrupts are not isolated, or another owner or a host driver has the group
         15 | %igd.id = ioctl %igd VFIO_DEVICE_BIND_IOMMUFD iommufd=%iommufd -> out_devid
        """), "\(rolledBack.errors)")
    let left = try Tool.run(
      ["apply", Self.program, "--simulate", "--format", "json"] + Self.host + faults)
    #expect(left.code == 74)
    #expect(left.errors.contains("error[VP5003]: 1 effect of the program could not be undone"))
    let leftovers = try JSONValue(left.output)["leftovers"]?.elements
    #expect(leftovers?.map { $0["index"]?.number } == [7])
    try SchemaTests.validate(["run", "-"], input: left.output)
    let beyond = try Tool.run(
      ["apply", Self.program, "--simulate", "--fail", "33=EIO"] + Self.host)
    #expect(beyond.code == 64 && beyond.errors.contains("error[VP5901]"))
  }

  @Test func anEditIsTriedOut() throws {
    let text = try Self.changed("val64=PER_PROCESS", to: "val64=PER_USER")
    let outcome = try Tool.run(["apply", "-", "--simulate"] + Self.host, input: text)
    #expect(outcome.code == 0 && outcome.errors == "")
    let untold = try Self.changed("ioctl %kvm-vfio", to: "# ioctl %kvm-vfio")
    let warned = try Tool.run(["apply", "-", "--simulate"] + Self.host, input: untold)
    #expect(warned.code == 0)
    #expect(warned.output.contains("  KVM               ignores WBINVD  no proof"))
    #expect(warned.errors.contains("warning[VP5004]: the no-snoop DMA of '0000:00:02.0' reaches"))
  }

  @Test func aProgramWithoutKVMIsNotComparedWithIt() throws {
    let text = Self.lines.filter { !$0.contains("kvm") }.joined(separator: "\n")
    let outcome = try Tool.run(["apply", "-", "--simulate"] + Self.host, input: text)
    #expect(outcome.code == 0 && outcome.errors == "")
    #expect(!outcome.output.contains("KVM  "))
  }

  @Test func anUnlawfulProgramIsRefusedAtItsSteps() throws {
    let text = try Self.changed("\n%igd.pt = ", to: "\n# ")
      .replacing("\nexpect %igd.pt", with: "\n# ")
      .replacing("memory size=0x80000000", with: "memory size=0x80000001")
      .replacing("\"vfio-pci\"", with: "\"nvme\"")
    let outcome = try Tool.run(["apply", "-", "--simulate"] + Self.host, input: text)
    #expect(outcome.code == 1 && outcome.output == "")
    let found = outcome.errors.split(separator: "\n").filter { $0.contains("error[") }
    #expect(
      found == [
        "<stdin>:2:1: error[VP1957]: step 2: 'nvme' is not a VFIO driver",
        "<stdin>:29:1: error[VP1957]: step 27: guest memory must be a positive multiple of 4 KiB",
      ], "\(outcome.errors)")
  }

  @Test func mistakesAreFoundAtTheirPlaces() throws {
    let text = try Self.changed("IOMMU_HWPT_ALLOC", to: "IOMMU_HWPT_ALOC")
    let outcome = try Tool.run(
      ["apply", "-", "--simulate", "--diagnostics", "json"] + Self.host, input: text)
    #expect(outcome.code == 1 && outcome.output == "")
    let findings = try JSONValue(outcome.errors).elements
    #expect(findings.map { $0["code"]?.text } == ["VP1952", "VP1952"])
    #expect(findings.map { $0["line"]?.number } == [23, 26])
    #expect(findings.map { $0["column"]?.number } == [25, 25])
  }

  @Test func mistakesOfBothInputsAreReported() throws {
    let outcome = try Tool.run(
      ["apply", "-", "--simulate", "--host", UsageTests.vm], input: "close %a\n")
    #expect(outcome.code == 1 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("<stdin>:1:7: error[VP1953]"))
    #expect(outcome.errors.contains("\n\(UsageTests.vm):"))
  }

  @Test(arguments: ["", "\n# only a comment\n", "\u{7F}ELF\u{2}\u{1}\u{0}", "open\n", "kind: VM\n"])
  func whatIsNeitherGetsTheFindingsOfDescriptions(text: String) throws {
    for command in [
      ["apply", "-", "--simulate"], ["compile", "-"], ["diff", "-", UsageTests.vm],
    ] {
      let outcome = try Tool.run(command + Self.host, input: text)
      #expect(outcome.code == 1 && outcome.output == "")
      #expect(outcome.errors.hasPrefix("<stdin>:"), "\(outcome.errors)")
      #expect(!outcome.errors.contains("[VP19"))
    }
  }

  @Test func theListingOfAProgramIsThatOfItsPlan() throws {
    let outcome = try Tool.run(["apply", Self.program, "--dry-run"])
    #expect(outcome.code == 0 && outcome.errors == "")
    let whole = try Tool.run(["apply"] + ApplyTests.input + ["--dry-run"])
    let title = "dry run of the plan for VM workstation on host z790, target iommufd"
    #expect(whole.output.hasPrefix(title + ": nothing is run\n"))
    #expect(outcome.output == whole.output.replacing(title, with: "dry run of a program"))
  }
}

/// What a program on its own is not good for.
struct ProgramMisuseTests {
  static let refusals: [(arguments: [String], message: String)] = [
    (["apply"], "goes to no kernel, command or VMM"),
    (["apply", "--check"], "goes to no kernel, command or VMM"),
    (["apply", "--check", "--fail", "1=EIO"], "goes to no kernel, command or VMM"),
    (["apply", "--hand-over"], "goes to no kernel, command or VMM"),
    (["apply", "--dry-run", "--hand-over"], "goes to no kernel, command or VMM"),
    (["apply", "--send-fds", "unix:none"], "goes to no kernel, command or VMM"),
    (["apply", "--send-iommufd", "unix:none"], "goes to no kernel, command or VMM"),
    (["apply", "--dry-run", "--iommufd-from", "unix:none"], "goes to no kernel, command or VMM"),
    (["apply", "--dry-run", "--format", "json"], "is not listed as JSON"),
    (["apply", "--simulate", "--target", "type1"], "is compiled already"),
    (["apply", "--simulate", "--objective", "coherency"], "is compiled already"),
    (["compile"], "is compiled already"),
    (["compile", "--pareto"], "is compiled already"),
    (["compile", "--as", "qemu"], "is compiled already"),
  ]

  @Test(arguments: refusals.indices)
  func aProgramIsRefusedAtItsFirstStep(index: Int) throws {
    let (arguments, message) = Self.refusals[index]
    let outcome = try Tool.run(
      arguments + ProgramCommandTests.host + [ProgramCommandTests.program])
    #expect(outcome.code == 64 && outcome.output == "")
    let place = "\(ProgramCommandTests.program):1:1: error[VP3902]: a program "
    #expect(outcome.errors.hasPrefix(place), "\(outcome.errors)")
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
  }

  @Test(arguments: [[], ["--dry-run"]])
  func noCommandIsStartedWithAProgram(mode: [String]) throws {
    let outcome = try Tool.run(["apply", ProgramCommandTests.program] + mode + ["--", "true"])
    #expect(outcome.code == 64 && outcome.output == "")
    #expect(outcome.errors.contains("error[VP3902]: a program on its own goes to no kernel"))
  }

  @Test func theRefusalSaysWhy() throws {
    let outcome = try Tool.run(["apply", ProgramCommandTests.program, "--check"])
    #expect(
      outcome.errors.hasSuffix(
        """
          note: the laws of programs are checked, but no description says what it is for
          help: use --simulate, or --dry-run by itself; for the rest take a description or a \
        saved plan

        """), "\(outcome.errors)")
  }

  @Test func aProgramIsNoHost() throws {
    let outcome = try Tool.run(["compile", UsageTests.vm, "--host", ProgramCommandTests.program])
    #expect(outcome.code == 1 && outcome.output == "")
  }
}

/// Programs that are compared, with each other and with plans.
struct ProgramDifferenceTests {
  static let program = ProgramCommandTests.program

  @Test func aProgramDiffersFromItsEditBySteps() throws {
    let text = try ProgramCommandTests.changed("ioctl %kvm-vfio", to: "# ioctl %kvm-vfio")
    let outcome = try Tool.run(["diff", Self.program, "-", "--exit-code"], input: text)
    let expected = """
      Program
        - 14  ioctl kvm-vfio KVM_SET_DEVICE_ATTR (0x4018aee1) group=FILE attr=FILE_ADD addr=&igd
        - 17  ioctl kvm-vfio KVM_SET_DEVICE_ATTR (0x4018aee1) group=FILE attr=FILE_ADD addr=&nic

      diff: 2 steps go, 0 come, 30 stay

      """
    #expect(outcome == .init(code: 2, output: expected, errors: ""))
    let json = try Tool.run(["diff", "-", Self.program, "--format", "json"], input: text)
    #expect(
      json
        == .init(
          code: 0,
          output: """
            {
              "format":"vfioplan.diff/v1",
              "equal":false,
              "steps":{
                "kept":30,
                "removed":[],
                "added":[14,17]
              }
            }

            """, errors: ""))
  }

  @Test func aProgramIsComparedWithThatOfAPlan() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("plan.json")
    _ = try Tool.run(["compile"] + ApplyTests.input + ["-o", plan])
    let same = Tool.Outcome(code: 0, output: "diff: no changes\n", errors: "")
    #expect(try Tool.run(["diff", plan, Self.program, "--exit-code"]) == same)
    #expect(try Tool.run(["diff", Self.program, plan, "--exit-code"]) == same)
    #expect(
      try Tool.run(
        ["diff", UsageTests.vm, Self.program, "--exit-code"] + ApplyTests.input.dropFirst())
        == same)
    #expect(
      try Tool.run(
        ["diff", Self.program, UsageTests.vm, "--exit-code"] + ApplyTests.input.dropFirst())
        == same)
    let other = try Tool.run(
      ["diff", Self.program, UsageTests.vm, "--exit-code", "--target", "type1"]
        + ProgramCommandTests.host)
    #expect(other.code == 2 && other.output.hasPrefix("Program\n"))
    #expect(other.output.contains("\ndiff: "))
    #expect(!other.output.contains("of the decision"))
  }

  @Test func aProgramThatCannotBeReadIsNotCompared() throws {
    let outcome = try Tool.run(["diff", Self.program, "-"], input: "close %a\n")
    #expect(outcome.code == 1 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("<stdin>:1:7: error[VP1953]: no earlier step makes '%a'"))
  }
}
