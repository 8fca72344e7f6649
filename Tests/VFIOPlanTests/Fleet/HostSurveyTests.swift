import Foundation
import TestSupport
import Testing

/// `compile --hosts`: which of many hosts can run a VM, the best first.
struct HostSurveyTests {
  private static let vm = """
    apiVersion: vfioplan/v1
    kind: VM
    name: anywhere
    memory: [ { gpa: 0x0, size: 1GiB } ]
    devices:
      - name: card
        match: { vendor: 0x10de, class: 0x030000 }

    """

  private static func host(
    _ name: String, enforces: String, noSnoop: String = "true", driver: String = "nouveau",
    device: Int = 1, vendor: String = "0x10de"
  ) -> String {
    """
    apiVersion: vfioplan/v1
    kind: Host
    name: \(name)
    kernel: { release: "7.3.4", iommufd: true, vfioCdev: true, type1: true, kvm: true }
    iommus:
      - name: dmar0
        type: intel-vtd
        enforceSnoop: \(enforces)
        isolatedMSI: true
        addressBits: 48
        pageSizes: [4KiB, 2MiB]
    devices:
      - address: "0000:0\(device):00.0"
        vendor: \(vendor)
        device: 0x2684
        class: 0x030000
        iommu: dmar0
        group: 1
        driver: \(driver)
        noSnoopCapable: \(noSnoop)

    """
  }

  /// A folder with a VM and hosts by file name, which ends with the test.
  private static func place(_ hosts: [String: String]) throws -> SysfsCopy {
    let copy = try SysfsCopy()
    try copy.write("vm.yaml", vm)
    for (name, text) in hosts { try copy.write("hosts/" + name, text) }
    return copy
  }

  private static func survey(_ copy: SysfsCopy, _ options: [String] = []) throws -> Tool.Outcome {
    try Tool.run(["compile", copy.path + "/vm.yaml", "--hosts", copy.path + "/hosts"] + options)
  }

  private static func files(_ output: String) throws -> [String] {
    let value = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
    let hosts = try #require(value?["hosts"] as? [[String: Any]])
    return hosts.compactMap { ($0["file"] as? String)?.split(separator: "/").last.map(String.init) }
  }

  @Test func theBestHostIsTheFirstByTheObjective() throws {
    let copy = try Self.place([
      "a.yaml": Self.host("a", enforces: "false"),
      "b.yaml": Self.host("b", enforces: "unknown", noSnoop: "unknown"),
      "c.yaml": Self.host("c", enforces: "true", device: 7),
      "d.yaml": Self.host("d", enforces: "true", driver: "vfio-pci"),
    ])
    let outcome = try Self.survey(copy, ["--format", "json"])
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
    try SchemaTests.validate(["hosts", "-"], input: outcome.output)
    // Coherent ones, of which d loses no driver; of the others a fact may yet save one.
    #expect(try Self.files(outcome.output) == ["d.yaml", "c.yaml", "b.yaml", "a.yaml"])
    #expect(outcome.output.contains(#""address":"0000:07:00.0""#))
    let other = try Self.survey(
      copy, ["--format", "json", "--objective", "device-performance"])
    #expect(try Self.files(other.output).first != "d.yaml", "blocked no-snoop is what counts")
  }

  @Test func aHostThatCannotSaysTheFirstReasonWithItsCode() throws {
    let copy = try Self.place([
      "good.yaml": Self.host("good", enforces: "true"),
      "other.yaml": Self.host("other", enforces: "true", vendor: "0x1002"),
      "broken.yaml": "kind: Host\nname: [\n", "notes.yaml": "services: {}\n",
      "policy.yaml": "apiVersion: vfioplan/v1\nkind: Policy\nintents: []\n",
    ])
    let json = try Self.survey(copy, ["--format", "json"])
    #expect(json.code == 0)
    try SchemaTests.validate(["hosts", "-"], input: json.output)
    #expect(json.output.contains(#""skipped":2"#))
    let text = try Self.survey(copy).output
    #expect(text.contains("anywhere: 1 of 3 hosts can run it"))
    #expect(text.contains("other.yaml") && text.contains("VP4013"))
    #expect(text.contains("broken.yaml") && text.contains("VP10"))
    #expect(!text.contains("notes.yaml"))
  }

  @Test func capturedMachinesAreHostsToo() throws {
    let folder = "Tests/Fixtures/captures"
    let copy = try Self.place([:])
    let outcome = try Tool.run([
      "compile", copy.path + "/vm.yaml", "--hosts", folder, "--format", "json",
    ])
    #expect(outcome.output.contains("desktop-b550.tar.gz"))
    try SchemaTests.validate(["hosts", "-"], input: outcome.output)
  }

  @Test func anOrderOfFilesChangesNothingAndMoreHostsNeverMakeItWorse() throws {
    let many = Dictionary(
      uniqueKeysWithValues: (0..<40).map { number in
        let enforces = ["true", "false", "unknown"][number % 3]
        return ("h\(number).yaml", Self.host("h\(number)", enforces: enforces, device: number % 9))
      })
    let copy = try Self.place(many)
    let all = try Self.files(try Self.survey(copy, ["--format", "json"]).output)
    #expect(all.count == 40)
    let part = try Self.place(many.filter { $0.key.hasSuffix("1.yaml") })
    let few = try Self.files(try Self.survey(part, ["--format", "json"]).output)
    #expect(few == all.filter { $0.hasSuffix("1.yaml") }, "each host is judged by itself")
  }

  @Test func whatASurveyFindsIsWhatCompileSays() throws {
    for example in Example.all {
      let text = try Tool.run([
        "compile", example.vmPath, "--hosts", example.hostPath, "--format", "json",
      ])
      let plan = try Tool.run([
        "compile", example.vmPath, "--host", example.hostPath, "--format", "json",
      ])
      guard plan.code == 0 else {
        #expect(text.code == plan.code, "\(example): \(text.errors)")
        continue
      }
      let metrics = try #require(plan.output.firstMatch(of: /"metrics":\{[^}]*\}/)).output
      #expect(text.output.contains(metrics), "\(example)")
    }
  }

  @Test func whatDoesNotGoWithManyHostsIsRefused() throws {
    for options in [
      ["--host", "x"], ["--pareto"], ["--as", "qemu"], ["--steps"], ["--strict"],
      ["--format", "qemu"],
    ] {
      let outcome = try Tool.run(["compile", "vm.yaml", "--hosts", "hosts"] + options)
      #expect(outcome.code == 64, "\(options)")
    }
    #expect(
      try Tool.run(["compile", "examples/found-devices.yaml", "--hosts", "nowhere"]).code == 66)
  }

  @Test(arguments: [60, 80, 120])
  func noLineIsLongerThanTheScreen(columns: Int) throws {
    let example = Example.named("found-devices")
    let outcome = try Tool.run(
      ["compile", example.vmPath, "--hosts", "examples/hosts"], columns: columns)
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= columns })
    let difference = try Golden.difference(outcome.output, "screens/hosts-\(columns).txt")
    #expect(difference == nil, "\(difference ?? "")")
  }
}
