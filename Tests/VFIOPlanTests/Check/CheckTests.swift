import TestSupport
import Testing

/// `vfioplan check`, from its command line to its status.
struct CheckTests {
  static let host = "examples/hosts/xeon-2s.yaml"

  /// The VMs of the golden reports: one whose promise breaks, two that clash, two that are fine.
  static let vms = [
    "capture": [("fpga", "0000:32:00.0", "allowed"), ("port0", "0000:18:00.1", "forbidden")],
    "db01": [("drive", "0000:33:00.0", "allowed")],
    "web": [("drive", "0000:33:00.0", "allowed")],
    "store": [("drive", "0000:34:00.0", "allowed")],
    "render": [("gpu", "0000:b2:00.0", "forbidden")],
  ]

  static func text(_ name: String, _ devices: [(String, String, String)]) -> String {
    "apiVersion: vfioplan/v1\nkind: VM\nname: \(name)\n"
      + "memory:\n  - { gpa: 0x0, size: 2GiB }\ndevices:\n"
      + devices.map { "  - { name: \($0), address: \"\($1)\", noSnoop: \($2) }\n" }.joined()
  }

  /// A folder with VMs, their host and a policy, as a repository may have it.
  static func folder(_ vms: [String: [(String, String, String)]] = vms) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (name, devices) in vms { _ = try folder.write(text(name, devices), to: "\(name).yaml") }
    _ = try folder.write(PackageFiles.text(host), to: "host.yaml")
    _ = try folder.write(
      "apiVersion: vfioplan/v1\nkind: Policy\nrequire: []\n", to: "policy.yml")
    _ = try folder.write("services: {}\n", to: "compose.yaml")
    _ = try folder.write("no: [yaml\n", to: ".hidden.yaml")
    _ = try folder.write("no: [yaml\n", to: "notes.txt")
    return folder
  }

  static func run(_ folder: TemporaryFolder, _ arguments: [String]) throws -> Tool.Outcome {
    try Tool.run(Tool.vfioplan, ["check"] + arguments, folder: folder.root)
  }

  @Test(arguments: ["text", "json", "github", "sarif"])
  func theReportIsWhatItWas(format: String) throws {
    let outcome = try Self.run(
      Self.folder(), [".", "--host", "host.yaml", "--as", "qemu", "--strict", "--format", format])
    #expect(outcome.code == 1)
    let text = outcome.output + "[standard error]\n" + outcome.errorScreen
    let difference = try Golden.difference(text, "check/report.\(format).txt")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: ["60", "80", "120"])
  func noLineIsWiderThanTheScreen(columns: String) throws {
    let folder = try Self.folder()
    let outcome = try Tool.run(
      "/usr/bin/env",
      ["COLUMNS=\(columns)", Tool.vfioplan, "check", ".", "--host", "host.yaml", "--as", "qemu"],
      folder: folder.root)
    #expect(outcome.code == 1)
    for line in (outcome.output + outcome.errorScreen).split(separator: "\n") {
      #expect(line.count <= Int(columns) ?? 0, "\(line)")
    }
  }

  @Test func theVerdictIsTheFirstLineAndTheStatusTheLast() throws {
    let outcome = try Self.run(Self.folder(), [".", "--host", "host.yaml", "--as", "qemu"])
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first == "1 promise broken, 2 VMs clash: not ready for host xeon-2s")
    #expect(lines.last == "5 VMs: 2 fine, 1 broken, 2 clash; status 1")
  }

  @Test func whatIsWrongDoesNotDependOnTheOrderOfTheFiles() throws {
    let folder = try Self.folder()
    let names = Self.vms.keys.sorted().map { "\($0).yaml" }
    let options = ["--host", "host.yaml", "--as", "qemu", "--format", "json"]
    let first = try Self.run(folder, names + options)
    #expect(try Self.run(folder, names.reversed() + options) == first)
    // A file that is found twice is one file.
    #expect(try Self.run(folder, names + names + options) == first)
  }

  @Test func theReportFitsItsSchema() throws {
    let folder = try Self.folder()
    for more in [[], ["--as", "qemu"], ["--as", "type1", "--strict"], ["broken.yaml"]] {
      _ = try folder.write("kind: VM\napiVersion: vfioplan/v1\n", to: "broken.yaml")
      let outcome = try Self.run(folder, [".", "--host", "host.yaml", "--format", "json"] + more)
      try SchemaTests.validate(["check", "-"], input: outcome.output)
      #expect(try JSONValue(outcome.output)["status"]?.number == Int(outcome.code))
    }
  }

  @Test func whatIsNoVMIsPassedOverInFoldersAndRefusedByName() throws {
    let folder = try Self.folder(["store": [("drive", "0000:34:00.0", "allowed")]])
    let outcome = try Self.run(folder, [".", "--host", "host.yaml"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(
      outcome.output.contains(
        "passed over: compose.yaml (not vfioplan's), host.yaml (Host), policy.yml (Policy)"))
    let named = try Self.run(folder, ["host.yaml", "store.yaml", "--host", "host.yaml"])
    #expect(named.code == 1)
    #expect(named.errors.contains("host.yaml:"))
  }

  @Test func aMisspeltKindOfOursIsNotPassedOver() throws {
    let folder = try Self.folder()
    _ = try folder.write("apiVersion: vfioplan/v1\nkind: Vm\nname: x\n", to: "typo.yaml")
    let outcome = try Self.run(folder, [".", "--host", "host.yaml"])
    #expect(outcome.code == 1 && outcome.errors.contains("typo.yaml:2:7: error["))
  }

  /// Files and options, with what they end with.
  static let statuses: [([String], [String], Int32)] = [
    (["store.yaml", "render.yaml"], [], 0), (["db01.yaml", "web.yaml"], [], 1),
    (["capture.yaml"], [], 0), (["capture.yaml"], ["--as", "qemu"], 1),
    (["capture.yaml"], ["--require", "coherent"], 1), (["store.yaml", "none.yaml"], [], 66),
    (["far.yaml"], [], 69), (["far.yaml", "web.yaml", "db01.yaml"], [], 1),
    (["render.yaml"], ["--as", "type1", "--strict", "--target", "type1"], 0),
    (["store.yaml", "same.yaml"], [], 0), (["store.yaml", "same.yaml"], ["--strict"], 2),
    ([], [], 64), (["store.yaml", "--frobnicate"], [], 64),
  ]

  @Test(arguments: statuses)
  func theStatusIsThatOfTheTable(files: [String], options: [String], status: Int32) throws {
    let folder = try Self.folder()
    _ = try folder.write(
      Self.text("far", [("x", "0000:77:00.0", "allowed")]), to: "far.yaml")
    _ = try folder.write(
      Self.text("store", [("x", "0000:cb:00.0", "allowed")]), to: "same.yaml")
    let outcome = try Self.run(folder, files + ["--host", "host.yaml"] + options)
    #expect(outcome.code == status, "\(outcome.output)\(outcome.errors)")
  }

  @Test func aSavedPlanIsTakenAsItIs() throws {
    let folder = try Self.folder()
    let saved = try Tool.run(
      Tool.vfioplan, ["compile", "db01.yaml", "--host", "host.yaml", "-o", "db01.json"],
      folder: folder.root)
    #expect(saved.code == 0, "\(saved.errors)")
    let outcome = try Self.run(
      folder, ["db01.json", "web.yaml", "--host", "host.yaml", "--format", "json"])
    #expect(outcome.code == 1)
    let report = try JSONValue(outcome.output)
    #expect(report["vms"]?.elements.first?["savedPlan"]?.flag == true)
    #expect(report["clashes"]?.elements.first?["kind"]?.text == "device")
  }

  @Test func aPolicyIsForAllVMsAndItsFindingsAreAboutThem() throws {
    let folder = try Self.folder()
    _ = try folder.write(
      "apiVersion: vfioplan/v1\nkind: Policy\nrequire: [coherent]\n", to: "strict.yml")
    let outcome = try Self.run(
      folder, ["capture.yaml", "store.yaml", "--host", "host.yaml", "--policy", "strict.yml"])
    #expect(outcome.code == 1)
    #expect(outcome.output.contains("2 VMs: 1 fine, 1 broken; status 1"), "\(outcome.output)")
  }

  @Test func theSameVMsGiveTheSameBytes() throws {
    let folder = try Self.folder()
    let arguments = [".", "--host", "host.yaml", "--as", "qemu", "--format", "json"]
    let first = try Self.run(folder, arguments)
    for _ in 0..<5 { #expect(try Self.run(folder, arguments) == first) }
  }

  @Test func whatIsWrongWithManyVMsIsShownForSomeAndCountedForAll() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(PackageFiles.text(Self.host), to: "host.yaml")
    for index in 100..<130 {
      _ = try folder.write(
        Self.text("vm\(index)", [("x", "0000:77:00.0", "allowed")]), to: "vm\(index).yaml")
    }
    let outcome = try Self.run(folder, [".", "--host", "host.yaml"])
    #expect(outcome.errors.contains("note: and 10 more of this kind"))
    #expect(outcome.errors.contains("\n31 errors\n"), "\(outcome.errors.suffix(200))")
    #expect(outcome.output.contains("30 VMs: 30 can't be compiled; status 1"))
    let json = try Self.run(
      folder, [".", "--host", "host.yaml", "--diagnostics", "json"])
    #expect(try JSONValue(json.errors).elements.count == 31)
  }

  @Test func hundredsOfVMsAreReadOnTwoThreadsAndReportedInOrder() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(PackageFiles.text(Self.host), to: "host.yaml")
    for index in 100..<400 {
      _ = try folder.write(
        "apiVersion: vfioplan/v1\nkind: VM\nname: vm\(index)\n"
          + "memory: [ { gpa: 0x0, size: 1GiB } ]\ndevices: []\n",
        to: "vm\(index).yaml")
    }
    let outcome = try Self.run(folder, [".", "--host", "host.yaml", "--format", "json"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let names = try JSONValue(outcome.output)["vms"]?.elements.compactMap { $0["vm"]?.text }
    #expect(names == (100..<400).map { "vm\($0)" })
    let text = try Self.run(folder, [".", "--host", "host.yaml"])
    #expect(text.output.contains("and 280 more"))
    #expect(text.output.split(separator: "\n").count < 30)
  }
}
