import Foundation
import TestSupport
import Testing

/// `diff`: the verdict first, then what follows, with the lines that it follows from.
struct DiffCommandTests {
  static let host = "examples/hosts/z790.yaml"
  static let vm = "examples/igd-and-nic.yaml"
  static let release = ["--release", "6.6", "--other-release", "7.3"]

  /// A description with a change, in a folder.
  static func changed(_ old: String, to new: String) throws -> TemporaryFolder {
    let text = try PackageFiles.text(vm)
    try #require(text.contains(old))
    let folder = try TemporaryFolder()
    _ = try folder.write(text.replacing(old, with: new), to: "vm.yaml")
    return folder
  }

  static func diff(
    _ before: String, _ after: String, _ options: [String] = [], columns: Int = 120
  ) throws -> Tool.Outcome {
    try Tool.run(
      "/usr/bin/env",
      ["COLUMNS=\(columns)", Tool.vfioplan, "diff", before, after, "--host", host] + options)
  }

  @Test func theVerdictIsFirstThenTheDeviceWithItsLine() throws {
    let folder = try Self.changed("noSnoop: forbidden", to: "noSnoop: required")
    let outcome = try Self.diff(Self.vm, folder.path("vm.yaml"), ["--exit-code"], columns: 120)
    #expect(outcome.code == 2 && outcome.errors == "")
    let text = outcome.output.replacing(folder.path("vm.yaml"), with: "vm.yaml")
    #expect(
      text == """
        vm.yaml breaks no promise; nic becomes NON-COHERENT
        !  nic     non-coherent: joins igd's page table (was enforced)
                   vm.yaml:20  noSnoop: forbidden -> required
        =  WBINVD  carried out, as before (igd)
          non-coherent devices 1 -> 2; page tables 2 -> 1; \
        program: 3 steps go, 2 come, 29 stay (--steps)

        """)
  }

  @Test func whatGoesAndComesIsSaidWithItsPlace() throws {
    let folder = try TemporaryFolder()
    let text = try PackageFiles.text(Self.vm)
    let cut = try #require(text.range(of: "  - name: nic"))
    let less = try folder.write(String(text[..<cut.lowerBound]), to: "less.yaml")
    let gone = try Self.diff(Self.vm, less)
    #expect(gone.output.contains("breaks no promise; nic goes\n"))
    #expect(gone.output.contains("-  nic     gone\n           examples/igd-and-nic.yaml:18\n"))
    let come = try Self.diff(less, Self.vm)
    #expect(come.output.contains("+  nic     new, coherent, box 1\n"))
  }

  @Test func commentsOrderAndNamesChangeNoDecision() throws {
    let folder = try TemporaryFolder()
    let text = try PackageFiles.text(Self.vm)
    let start = try #require(text.range(of: "  - name: igd"))
    let cut = try #require(text.range(of: "  - name: nic"))
    let reordered =
      "# a comment\n" + text[..<start.lowerBound] + text[cut.lowerBound...] + "\n"
      + text[start.lowerBound..<cut.lowerBound]
    let other = try folder.write(reordered, to: "vm.yaml")
    let outcome = try Self.diff(Self.vm, other, ["--exit-code"])
    #expect(outcome.code == 0 && outcome.output.contains("vm.yaml changes no decision"))
    let renamed = try folder.write(text.replacing("name: igd", with: "name: gfx"), to: "name.yaml")
    let named = try Self.diff(Self.vm, renamed, ["--exit-code"])
    #expect(named.code == 0, "\(named.errors)")
    #expect(named.output.contains("was called igd"), "\(named.output)")
    let json = try Self.diff(Self.vm, other, ["--format", "json"]).output
    let value = try JSONValue(json)
    #expect(value["decisionEqual"]?.flag == true && value["equal"]?.flag == false)
    #expect(value["changes"]?.elements.isEmpty == true, "\(json)")
  }

  @Test func stepsAreShownWhenTheyAreWanted() throws {
    let short = try Self.diff(Self.vm, Self.vm, Self.release + ["--exit-code"])
    #expect(short.code == 0)
    #expect(short.output.hasPrefix("workstation on Linux 7.3 changes no decision\n"))
    #expect(!short.output.contains("IOMMU_IOAS_MAP") && short.output.contains("(--steps)"))
    let long = try Self.diff(Self.vm, Self.vm, Self.release + ["--steps"])
    #expect(long.output.contains("IOMMU_IOAS_MAP_FILE") && !long.output.contains("(--steps)"))
  }

  @Test func aChangeThatCannotBeCompiledBreaksTheVM() throws {
    let folder = try Self.changed("0000:03:00.0", to: "0000:77:00.0")
    let other = folder.path("vm.yaml")
    let outcome = try Self.diff(Self.vm, other, columns: 120)
    #expect(outcome.code == 69 && outcome.errors.contains("error[VP4001]"))
    #expect(outcome.output.contains("vm.yaml BREAKS: can't be compiled any more, because "))
    let conflict = try Self.changed("noSnoop: required", to: "noSnoop: forbidden")
    let forbidden = try Self.diff(Self.vm, conflict.path("vm.yaml"))
    #expect(forbidden.code == 1 && forbidden.output.contains("(VP3005)"), "\(forbidden.output)")
    let repaired = try Self.diff(other, Self.vm)
    #expect(repaired.code == 69 && repaired.output.contains("igd-and-nic.yaml can be compiled; "))
    let json = try Self.diff(Self.vm, other, ["--format", "json"])
    #expect(json.output.contains("\"kind\":\"cannot-be-compiled\",\"effect\":\"worse\""))
    try SchemaTests.validate(["diff", "-"], input: json.output)
    #expect(try Self.diff(other, other).output == "")
  }

  @Test func everyDifferenceFitsItsSchema() throws {
    let folder = try Self.changed("noSnoop: forbidden", to: "noSnoop: allowed")
    for options in [[], Self.release, ["--other-target", "type1"], ["--target", "ioasid"]] {
      let json = try Self.diff(Self.vm, folder.path("vm.yaml"), options + ["--format", "json"])
      #expect(json.code == 0, "\(json.errors)")
      try SchemaTests.validate(["diff", "-"], input: json.output)
    }
    let program = ProgramCommandTests.program
    let steps = try Tool.run(["diff", program, program, "--format", "json"]).output
    try SchemaTests.validate(["diff", "-"], input: steps)
  }

  @Test func aSavedPlanIsCompiledAnewForAnotherReleaseOrHost() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("plan.json")
    let options = ["--host", Self.host, "--release", "6.6", "-o", plan]
    #expect(try Tool.run(["compile", Self.vm] + options).code == 0)
    let newer = try Tool.run(["diff", plan, plan, "--other-release", "7.3", "--steps"])
    #expect(newer.output.contains("IOMMU_IOAS_MAP_FILE"), "\(newer.output)\(newer.errors)")
    let text = try PackageFiles.text(Self.host)
    let weaker = text.replacing(
      "name: dmar1, type: intel-vtd, enforceSnoop: true",
      with:
        "name: dmar1, type: intel-vtd, enforceSnoop: false")
    try #require(weaker != text)
    let other = try folder.write(weaker, to: "host.yaml")
    let refused = try Tool.run(["diff", plan, plan, "--other-host", other])
    #expect(refused.code == 1 && refused.output.contains("BREAKS"), "\(refused.output)")
  }

  @Test func anotherHostIsComparedDeviceByDevice() throws {
    let folder = try TemporaryFolder()
    let text = try PackageFiles.text(Self.host)
    let other = try folder.write(
      text.replacing("noSnoopCapable: true", with: "noSnoopCapable: unknown"), to: "host.yaml")
    let outcome = try Self.diff(Self.vm, Self.vm, ["--other-host", other, "--exit-code"])
    #expect(outcome.code == 2, "\(outcome.errors)")
    let words = outcome.output.split { $0.isWhitespace }.joined(separator: " ")
    #expect(words.contains("facts become unknown"), "\(words)")
    #expect(
      words.contains(
        "whether it can no-snoop is unknown now, counted as yes; 'vfioplan host --test-no-snoop "),
      "\(words)")
    #expect(words.contains("noSnoopCapable: true -> unknown"), "\(words)")
  }

  @Test func devicesThatChangeAlikeAreOneRow() throws {
    let folder = try TemporaryFolder()
    let head = "apiVersion: vfioplan/v1\nkind: "
    var host =
      head + "Host\nname: h\nkernel: { release: \"7.3.4\", iommufd: true, vfioCdev: true, "
      + "type1: true, kvm: true }\niommus:\n"
    for (unit, enforces) in [("u0", false), ("u1", true)] {
      host +=
        "  - { name: \(unit), type: intel-vtd, enforceSnoop: \(enforces), isolatedMSI: true, "
        + "addressBits: 48, pageSizes: [4KiB] }\n"
    }
    host += "devices:\n"
    var vm = head + "VM\nname: vm\nmemory: [ { gpa: 16MiB, size: 1GiB } ]\ndevices:\n"
    for index in 0..<32 {
      let address = "0000:01:\(index < 16 ? "0" : "")\(String(index, radix: 16)).0"
      host +=
        "  - { address: \"\(address)\", vendor: 0x15b3, device: 1, class: 0x020000, "
        + "iommu: u\(index == 0 ? 0 : 1), group: \(index), noSnoopCapable: true }\n"
      vm += "  - { name: d\(index), address: \"\(address)\", noSnoop: allowed }\n"
    }
    _ = try folder.write(host, to: "host.yaml")
    _ = try folder.write(vm, to: "a.yaml")
    _ = try folder.write(vm.replacing("allowed", with: "required"), to: "b.yaml")
    let text = try Tool.run(
      Tool.vfioplan, ["diff", "a.yaml", "b.yaml", "--host", "host.yaml"], folder: folder.path("")
    ).output
    #expect(text.hasPrefix("b.yaml breaks no promise; 31 devices become NON-COHERENT\n"))
    #expect(text.contains("!  31 devices  non-coherent: joins d0's page table (was enforced)\n"))
    #expect(text.contains("d8 and 23 more\n               b.yaml:7  noSnoop: allowed -> required"))
    #expect(text.split(separator: "\n").count < 12, "\(text)")
  }

  @Test(arguments: [60, 80, 100, 120])
  func noLineIsLongerThanTheScreen(columns: Int) throws {
    let folder = try Self.changed("noSnoop: forbidden", to: "noSnoop: required")
    let other = folder.path("vm.yaml")
    for options in [[], Self.release + ["--steps"], ["--other-target", "type1", "--steps"]] {
      let text = try Self.diff(Self.vm, other, options, columns: columns).output
      #expect(text.split(separator: "\n").allSatisfy { $0.count <= columns }, "\(text)")
    }
  }

  @Test(arguments: [60, 80, 100, 120])
  func screensAreWhatTheyWere(columns: Int) throws {
    let cases: [(name: String, arguments: [String])] = [
      ("release", [Self.vm, Self.vm, "--host", Self.host] + Self.release),
      (
        "objective",
        [
          "examples/objectives.yaml", "examples/objectives.yaml", "--host",
          "examples/hosts/xeon-2s.yaml", "--other-objective", "page-tables",
        ]
      ),
      ("target", [Self.vm, Self.vm, "--host", Self.host, "--other-target", "type1", "--steps"]),
    ]
    for one in cases {
      let said = try Tool.run(
        "/usr/bin/env", ["COLUMNS=\(columns)", Tool.vfioplan, "diff"] + one.arguments)
      let difference = try Golden.difference(said.output, "screens/diff-\(one.name)-\(columns).txt")
      #expect(difference == nil, "\(difference ?? "")")
    }
  }
}
