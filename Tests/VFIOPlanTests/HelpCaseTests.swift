import Foundation
import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// What is said to people whose device can't be given away, by what is the case with them.
struct HelpCaseTests {
  private static func host(_ devices: String, units: String = unit) -> String {
    """
    apiVersion: vfioplan/v1
    kind: Host
    name: desk
    kernel: { release: "6.8.0", iommufd: false, vfioCdev: false, type1: true, kvm: true }
    iommus: [ \(units) ]
    devices:
    \(devices)
    """
  }

  private static let unit =
    "{ name: ivhd0, type: amd-vi, enforceSnoop: true, isolatedMSI: true, addressBits: 64, "
    + "pageSizes: [4KiB] }"

  /// A line for a device, without what its host does not know.
  private static func device(
    _ address: String, _ classCode: String, group: Int?, _ driver: String?, unit: String? = "ivhd0"
  ) -> String {
    var line = "  - { address: \"\(address)\", class: \(classCode), vendor: 0x1002"
    if let unit { line += ", iommu: \(unit)" }
    if let group { line += ", group: \(group)" }
    if let driver { line += ", driver: \(driver)" }
    return line + " }\n"
  }

  private static func compile(
    _ devices: [(String, String)], on host: String, extra: String = ""
  ) throws -> Tool.Outcome {
    let copy = try SysfsCopy()
    try copy.write("host.yaml", host)
    let list = devices.map { "  - { name: \($0), address: \"\($1)\" }\n" }.joined()
    try copy.write(
      "vm.yaml",
      "apiVersion: vfioplan/v1\nkind: VM\nname: guest\nmemory: [ { gpa: 0, size: 1GiB } ]\n"
        + extra + "devices:\n" + list)
    return try Tool.run(
      ["compile", copy.path + "/vm.yaml", "--host", copy.path + "/host.yaml", "--format", "json"])
  }

  private static func count(_ code: String, in text: String) -> Int {
    text.components(separatedBy: "[\(code)]").count - 1
  }

  /// A card with four functions, of which people mostly know two.
  private static let card = host(
    device("0000:2b:00.0", "0x030000", group: 27, "nouveau")
      + device("0000:2b:00.1", "0x040300", group: 27, "snd_hda_intel")
      + device("0000:2b:00.2", "0x0c0330", group: 27, "xhci_hcd")
      + device("0000:2b:00.3", "0x0c8000", group: 27, "i2c_nvidia_gpu"))

  @Test func aCardIsToBeGivenWhole() throws {
    let part = try Self.compile([("gpu", "0000:2b:00.0"), ("snd", "0000:2b:00.1")], on: Self.card)
    #expect(part.code == 69 && Self.count("VP4005", in: part.errors) == 1, "\(part.errors)")
    for expected in [
      "USB controller '0000:2b:00.2' (driver 'xhci_hcd')",
      "serial bus controller '0000:2b:00.3' (driver 'i2c_nvidia_gpu')",
      "give the VM the rest of the card, '0000:2b:00.2' and '0000:2b:00.3', too",
    ] {
      #expect(part.errors.contains(expected), "\(expected) is not in\n\(part.errors)")
    }
    let whole = (0..<4).map { ("f\($0)", "0000:2b:00.\($0)") }
    let given = try Self.compile(whole, on: Self.card)
    #expect(given.code == 0 && given.errors == "", "\(given.errors)")
    #expect(given.output.contains("\"wbinvd\":0") && given.output.contains("\"pageTables\":1"))
  }

  @Test func theBoardsOwnBridgesAreNotProposed() throws {
    let host = Self.host(
      Self.device("0000:00:1f.0", "0x060100", group: 9, "lpc_ich")
        + Self.device("0000:00:1f.3", "0x040300", group: 9, "snd_hda_intel")
        + Self.device("0000:00:1f.4", "0x0c0500", group: 9, "i801_smbus"))
    let refused = try Self.compile([("snd", "0000:00:1f.3")], on: host)
    #expect(refused.code == 69 && Self.count("VP4005", in: refused.errors) == 1)
    #expect(
      refused.errors.contains("leave '0000:00:1f.0' (ISA bridge) to this host"),
      "\(refused.errors)")
    for unwanted in ["to the VM, too", "unbind", "companions: bind'"] {
      #expect(!refused.errors.contains(unwanted), "\(unwanted) is in\n\(refused.errors)")
    }
  }

  /// A board that puts two slots into one group.
  private static let shared = host(
    device("0000:0b:00.0", "0x030000", group: 14, "amdgpu")
      + device("0000:0b:00.1", "0x040300", group: 14, "snd_hda_intel")
      + device("0000:0c:00.0", "0x010802", group: 14, "nvme"))

  @Test func nobodyIsToldToTakeADriveFromTheHost() throws {
    let refused = try Self.compile(
      [("gpu", "0000:0b:00.0"), ("audio", "0000:0b:00.1")], on: Self.shared)
    #expect(refused.code == 69, "\(refused.errors)")
    #expect(
      refused.errors.contains("NVMe drive '0000:0c:00.0', which driver 'nvme' of the host uses"))
    #expect(refused.errors.contains("leave '0000:0c:00.0' to this host"), "\(refused.errors)")
    #expect(!refused.errors.contains("unbind"))
  }

  @Test func whatAMachineUsesAMemberForIsSaid() throws {
    var sink = DiagnosticSink()
    let file = SourceFile(id: .host, name: "host.yaml", text: Self.shared)
    var host = try DescriptionReader.host(file, into: &sink)
    let drive = try #require(BDF("0000:0c:00.0"))
    host.observations.uses[drive] = [DeviceUse.Use.mounted("/").clause ?? ""]
    let gpu = AssignedDevice<DeviceReference>(
      name: "gpu", address: try #require(BDF("0000:0b:00.0")))
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: 0, size: 1 << 30)], devices: [gpu])
    #expect(Compilation.groupMembers(of: vm, on: host) == host.devices.map(\.address))
    _ = try? Compilation.compile(vm, on: host, into: &sink)
    let finding = try #require(sink.diagnostics.first { $0.code.name == "VP4005" })
    #expect(finding.message.contains("NVMe drive '0000:0c:00.0' (driver 'nvme'; '/' is mounted"))
    #expect(finding.help?.contains("unbind") == false)
  }

  @Test func anotherAddressIsNeverProposedByItsSpelling() throws {
    let missing = try Self.compile([("gpu", "0000:0c:00.1")], on: Self.shared)
    #expect(missing.errors.contains("the display device of the host: '0000:0b:00.0' on amdgpu"))
    #expect(!missing.errors.contains("did you mean"))
    let other = try Self.compile([("x", "0000:0c:00.1")], on: Self.shared)
    #expect(!other.errors.contains("did you mean") && !other.errors.contains("'0000:0c:00.0'"))
  }

  @Test func devicesWithoutAnIOMMUAreOneFindingACause() throws {
    let host = Self.host(
      Self.device("0000:01:00.0", "0x020000", group: nil, "igc", unit: nil)
        + Self.device("0000:01:00.1", "0x020000", group: nil, "igc", unit: nil)
        + "  - { address: \"0000:00:02.0\", class: 0x030000, vendor: 0x8086, driver: i915 }\n"
        + Self.device("0000:02:00.0", "0x020000", group: nil, "igc"),
      units: Self.unit.replacingOccurrences(of: "amd-vi", with: "intel-vtd"))
    let refused = try Self.compile(
      [
        ("a", "0000:01:00.0"), ("b", "0000:01:00.1"), ("igd", "0000:00:02.0"),
        ("c", "0000:02:00.0"),
      ], on: host)
    #expect(Self.count("VP4002", in: refused.errors) == 2, "\(refused.errors)")
    #expect(Self.count("VP4003", in: refused.errors) == 1)
    #expect(refused.errors.contains("'a' and 'b' are not behind an IOMMU"))
    #expect(refused.errors.contains("device 'c' is in no IOMMU group"))
    #expect(refused.errors.contains("boot with 'intel_iommu=on'"))
  }

  @Test func graphicsBehindNoUnitOfIntelsAreNotToldOfItsDriver() throws {
    let host = Self.host(
      Self.device("0000:01:00.0", "0x020000", group: 1, "igc")
        + "  - { address: \"0000:00:02.0\", class: 0x030000, vendor: 0x8086, driver: i915 }\n")
    let refused = try Self.compile([("igd", "0000:00:02.0")], on: host)
    #expect(refused.errors.contains("VP4002") && !refused.errors.contains("intel_iommu"))
  }

  @Test func aMachineOfArmIsNotSentToVTd() throws {
    let host =
      "apiVersion: vfioplan/v1\nkind: Host\nname: arm\niommus: []\nkernel: { release: \"6.12.0\", "
      + "iommufd: true, vfioCdev: true, type1: true, kvm: true, architecture: aarch64 }\ndevices:\n"
      + Self.device("0000:01:00.0", "0x020000", group: nil, "mlx5_core", unit: nil)
    let refused = try Self.compile([("nic", "0000:01:00.0")], on: host)
    #expect(refused.errors.contains("SMMU") && !refused.errors.contains("VT-d"))
    #expect(Self.count("VP4002", in: refused.errors) == 1)
  }

  @Test func aConfigurationThatLeavesTheGraphicsUnitOffIsNamed() throws {
    let copy = try SysfsCopy()
    try copy.write("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n")
    try copy.write("sys/bus/pci/devices/.keep", "")
    let option = "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF"
    try copy.write("boot/config-6.1.0-18-amd64", option + "=y\n")
    func graphics(_ words: String) throws -> String? {
      try copy.write("proc/cmdline", words + "\n")
      return HostObservations(copy.tree, HostInventory(copy.tree)).graphicsAdvice
    }
    #expect(try graphics("quiet")?.contains("intel_iommu=on") == true)
    #expect(try graphics("intel_iommu=on") == nil)
  }

  @Test func aDeviceWithoutAnIOMMUHasAFindingOfItsOwn() throws {
    let copy = try SysfsCopy()
    try copy.write("proc/sys/kernel/osrelease", "6.8.0\n")
    try copy.device(
      "0000:05:00.0", 0x1af4, 0x1041, 0x020000, unit: nil, group: 0, driver: "vfio-pci")
    try copy.write("sys/kernel/iommu_groups/0/name", "vfio-noiommu\n")
    let inventory = HostInventory(copy.tree)
    #expect(inventory.description.devices.map(\.group) == [nil])
    #expect(inventory.findings.map(\.code.name) == ["VP4060"] && inventory.isComplete)
    // The fact outlives the machine: a description of it says so, too.
    let written = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    #expect(written.contains("    noIOMMU: true\n"), "\(written)")
    let json = try Tool.run(["host", "--root", copy.path, "--format", "json"]).output
    try SchemaTests.validate(["host", "-"], input: json)
    try copy.write("host.yaml", written)
    try copy.write(
      "vm.yaml",
      "apiVersion: vfioplan/v1\nkind: VM\nname: vm\nmemory: [ { gpa: 0, size: 1GiB } ]\n"
        + "devices: [ { name: nic, address: \"0000:05:00.0\" } ]\n")
    let refused = try Tool.run([
      "compile", copy.path + "/vm.yaml", "--host", copy.path + "/host.yaml", "--target", "type1",
    ])
    #expect(refused.code == 69 && refused.errors.components(separatedBy: "error[").count == 2)
    #expect(refused.errors.contains("error[VP4060]"), "\(refused.errors)")
    var host = inventory.description
    host.observations = HostObservations(copy.tree, inventory)
    let nic = AssignedDevice<DeviceReference>(
      name: "nic", address: try #require(BDF("0000:05:00.0")))
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: 0, size: 1 << 30)], devices: [nic])
    var sink = DiagnosticSink()
    _ = try? Compilation.compile(vm, on: host, target: "type1", into: &sink)
    let errors = sink.diagnostics.filter { $0.severity == .error }
    #expect(errors.map(\.code.name) == ["VP4060"], "\(errors.map(\.message))")
  }

  @Test(arguments: [
    ("type1", "vfio_iommu_type1.allow_unsafe_interrupts=1"),
    ("iommufd", "iommufd.allow_unsafe_interrupts=1"),
  ])
  func theModulesParameterIsNamed(target: String, parameter: String) throws {
    let address = try #require(BDF("0000:05:00.0"))
    var unit = HostIOMMU(name: "ivhd0", type: HostIOMMU.amd)
    unit.isolatedMSI = false
    let host = HostDescription(
      name: "old", kernel: HostKernel(release: "7.3.4"), iommus: [unit],
      devices: [HostDevice(address: address, iommu: "ivhd0", group: 1)])
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: 0, size: 1 << 30)],
      devices: [AssignedDevice(name: "nic", address: address)])
    var sink = DiagnosticSink()
    _ = try? Compilation.compile(vm, on: host, target: target, into: &sink)
    let finding = try #require(sink.diagnostics.first { $0.code.name == "VP4006" })
    #expect(finding.help?.contains("'" + parameter) == true, "\(finding.help ?? "")")
  }
}
