import TestSupport
import Testing

/// What a cluster's node is told of a host: labels, and devices for containers.
struct NodeFileTests {
  private static func host(_ name: String, _ format: String) throws -> Tool.Outcome {
    try Tool.run(
      ["host", "--root", "Tests/Fixtures/captures/\(name).tar.gz", "--format", format])
  }

  private static func labels(_ text: String) -> [String: String] {
    Dictionary(
      text.split(separator: "\n").map { line in
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), String(parts[1]))
      }, uniquingKeysWith: { first, _ in first })
  }

  @Test(arguments: HostTests.captures)
  func labelsFitTheirSchemaAndWhatKubernetesTakes(name: String) throws {
    let outcome = try Self.host(name, "nfd")
    #expect(outcome.code == 0 && outcome.errors == "")
    let labels = Self.labels(outcome.output)
    #expect(labels.count == outcome.output.split(separator: "\n").count, "a key stands twice")
    for (key, value) in labels {
      #expect(key.wholeMatch(of: /[A-Za-z0-9][-A-Za-z0-9_.]{0,61}[A-Za-z0-9]/) != nil, "\(key)")
      #expect(value.wholeMatch(of: /[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?/) != nil)
    }
    let members = labels.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }
    try SchemaTests.validate(["nfd", "-"], input: "{" + members.joined(separator: ",") + "}")
  }

  @Test func whatNobodyKnowsIsUnknownInLabels() throws {
    let labels = Self.labels(try Self.host("desktop-b550", "nfd").output)
    // A copy does not tell what the machine is doing, and nothing there has a cdev.
    #expect(labels["vfioplan-group.in-use"] == "unknown")
    #expect(labels["vfioplan-kernel.vfio-cdev"] == "unknown")
    #expect(labels["vfioplan-kernel.iommufd"] == "true")
    #expect(labels["vfioplan-device.10de-1f08"] == "1")
  }

  @Test func groupsAreCountedAsTheTextJudgesThem() throws {
    for name in HostTests.captures {
      let labels = Self.labels(try Self.host(name, "nfd").output)
      let text = try Self.host(name, "text").output
      let given = text.matches(of: /give it to a VM\?  yes/).count
      #expect(labels["vfioplan-group.whole"] == "\(given)", "\(name)")
    }
  }

  @Test(arguments: ["desktop-b550", "lab-6.12-intel-no-snoop-control"])
  func labelsAreAsTheyWere(name: String) throws {
    let difference = try Golden.difference(
      try Self.host(name, "nfd").output, "screens/labels-\(name).txt")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: ["lab-6.1-intel", "lab-7.3-intel", "lab-6.12-intel-no-snoop-control"])
  func devicesForContainersAreAsTheyWereAndFitTheirSchema(name: String) throws {
    let outcome = try Self.host(name, "cdi")
    #expect(outcome.code == 0, "\(outcome.errors)")
    try SchemaTests.validate(["cdi", "-"], input: outcome.output)
    let difference = try Golden.difference(outcome.output, "screens/cdi-\(name).txt")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test func whereFilesOfDevicesAreKnownTheyAreTheNodes() throws {
    let copy = try SysfsCopy()
    try copy.kernel("7.3.4", nodes: ["iommu", "vfio", "kvm"])
    try copy.write("sys/class/vfio-dev/vfio3/dev", "511:3\n")
    try copy.unit("dmar0", cap: "8c40000c2d0403", ecap: "29a00f050de")
    try copy.device(
      "0000:01:00.0", 0x10de, 0x2684, 0x030000, unit: "dmar0", group: 1, driver: "vfio-pci")
    try copy.write("sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio3/dev", "511:3\n")
    try copy.device("0000:01:00.1", 0x10de, 0x22ba, 0x040300, unit: "dmar0", group: 1)
    try copy.device(
      "0000:02:00.0", 0x8086, 0x15f3, 0x020000, unit: "dmar0", group: 2, driver: "vfio-pci")
    try copy.device(
      "0000:03:00.0", 0x8086, 0x15f3, 0x020000, unit: "dmar0", group: 3, driver: "igc")
    let outcome = try Tool.run(["host", "--root", copy.path, "--format", "cdi"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    try SchemaTests.validate(["cdi", "-"], input: outcome.output)
    for part in [
      #""name":"group1""#, #""path":"/dev/vfio/devices/vfio3""#, #""path":"/dev/vfio/2""#,
      #""path":"/dev/iommu""#, #""path":"/dev/vfio/vfio""#, "0000:01:00.0 0000:01:00.1",
    ] {
      #expect(outcome.output.contains(part), "\(part) is not in\n\(outcome.output)")
    }
    #expect(!outcome.output.contains("group3"), "it is not on VFIO")
  }

  @Test func aHostWithoutADeviceOnVFIOHasNothingForContainers() throws {
    let outcome = try Self.host("desktop-b550", "cdi")
    #expect(outcome.code == 69 && outcome.output == "")
    #expect(outcome.errors.contains("error[VP4070]: no IOMMU group of host 'host' is on a VFIO"))
  }
}
