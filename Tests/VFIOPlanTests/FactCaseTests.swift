import Foundation
import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Machines that people have, and what may be said of them.
struct FactCaseTests {
  /// What a copy says as a host description, and what becomes of VMs on it.
  private static func compile(
    _ copy: SysfsCopy, _ devices: String, _ arguments: String...
  ) throws -> (code: Int32, output: String, errors: String) {
    let host = try Tool.run(["host", "--root", copy.path, "--format", "yaml"])
    #expect(host.code == 0, "\(host.errors)")
    try copy.write("host.yaml", host.output)
    try copy.write(
      "vm.yaml",
      "apiVersion: vfioplan/v1\nkind: VM\nname: guest\nmemory: [ { gpa: 0, size: 512KiB } ]\n"
        + "devices:\n" + devices)
    let outcome = try Tool.run(
      ["compile", copy.path + "/vm.yaml", "--host", copy.path + "/host.yaml"] + arguments)
    return (outcome.code, outcome.output, outcome.errors)
  }

  private static func machine(_ release: String) throws -> SysfsCopy {
    let copy = try SysfsCopy()
    try copy.write("proc/sys/kernel/osrelease", release + "\n")
    try copy.write("proc/interrupts", " 24:  0  0  IR-PCI-MSI-0000:00:1c.0  0-edge  PCIe PME\n")
    try copy.write("boot/config-" + release, "CONFIG_VFIO_IOMMU_TYPE1=m\n")
    for node in ["vfio", "kvm"] { try copy.write("sys/class/misc/\(node)/dev", "10:1\n") }
    return copy
  }

  /// A Haswell desktop: its graphics has no PCI Express capability, and a unit of its own.
  private static func haswell() throws -> SysfsCopy {
    let copy = try machine("6.8.12-4-pve")
    try copy.unit("dmar0", cap: "c0000020660462", ecap: "f0101a")
    try copy.unit("dmar1", cap: "d2008020660462", ecap: "f010da")
    try copy.device(
      "0000:00:02.0", 0x8086, 0x0412, 0x030000, unit: "dmar0", group: 2, control: nil)
    try copy.device(
      "0000:00:19.0", 0x8086, 0x153a, 0x020000, unit: "dmar1", group: 5, control: nil)
    return copy
  }

  @Test func graphicsWithoutACapabilityMayNoSnoop() throws {
    let copy = try Self.haswell()
    let table = try Tool.run(["host", "--root", copy.path]).output
    #expect(table.contains("give it to a VM?  yes; it may make the VM non-coherent"), "\(table)")
    let required = try Self.compile(
      copy, "  - { name: igd, address: \"0000:00:02.0\", noSnoop: required }\n")
    #expect(required.code == 0 && required.errors.contains("VP3016"), "\(required.errors)")
    let forbidden = try Self.compile(
      copy, "  - { name: igd, address: \"0000:00:02.0\", noSnoop: forbidden }\n")
    #expect(forbidden.code == 1 && forbidden.errors.contains("VP3005"), "\(forbidden.errors)")
    #expect(forbidden.errors.contains("--test-no-snoop 0000:00:02.0"))
  }

  @Test func graphicsWithoutACapabilityIsRequiredByDefaultAndKnownToKVM() throws {
    let copy = try Self.haswell()
    let plan = try Self.compile(
      copy, "  - { name: igd, address: \"0000:00:02.0\" }\n", "--format", "json")
    #expect(plan.code == 0 && plan.errors == "", "\(plan.errors)")
    for expected in [
      "\"resolved\":\"required\",\"canNoSnoop\":\"unknown\",\"canEnforceSnoop\":false,"
        + "\"countsAs\":{\"canNoSnoop\":true,\"canEnforceSnoop\":false},\"box\":3",
      "\"registeredWithKVM\":true",
    ] {
      #expect(plan.output.contains(expected), "\(expected) is not in\n\(plan.output)")
    }
  }

  @Test func aVirtualFunctionHasTheFactOfItsPhysicalFunction() throws {
    let copy = try Self.machine("6.2.0-26-generic")
    try copy.unit("dmar6", cap: "d2008c40660462", ecap: "f050da")
    let (physical, virtual) = ("0000:75:00.0", "0000:75:00.2")
    try copy.device(physical, 0x15b3, 0x101d, 0x020000, unit: "dmar6", group: 41, control: 0x5936)
    try copy.device(virtual, 0x15b3, 0x101e, 0x020000, unit: "dmar6", group: 425, control: 0)
    try copy.link("sys/bus/pci/devices/\(virtual)/physfn", to: "../\(physical)")
    let text = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    let line = "noSnoopCapable: true  # physical function 0000:75:00.0: Device Control 0x5936"
    #expect(text.contains(line), "\(text)")
    let json = try Tool.run(["host", "--root", copy.path, "--format", "json"]).output
    #expect(json.contains("physical function 0000:75:00.0: Device Control 0x5936"))
    let (one, two) = try (#require(BDF(virtual)), #require(BDF(physical)))
    #expect(copy.tree.physicalFunction(of: one) == two)
    #expect(MachineDiagnostics.virtual(one, of: two).message.contains("physical function \(two)"))
  }

  @Test(arguments: [
    ("", "switch it on in the firmware's setup"), ("IVRS", "boot without amd_iommu=off"),
  ])
  func aMachineWithoutAnIOMMUIsRefusedOnce(table: String, advice: String) throws {
    let copy = try Self.machine("5.15.60-1-MANJARO")
    for (function, id) in [(0, 0x67df), (1, 0xaaf0)] {
      try copy.device(
        "0000:08:00.\(function)", 0x1002, id, function == 0 ? 0x030000 : 0x040300, unit: nil,
        group: nil)
    }
    if !table.isEmpty { try copy.write("sys/firmware/acpi/tables/" + table, "x") }
    let said = try Tool.run(["host", "--root", copy.path]).output.split { $0.isWhitespace }
    #expect(said.joined(separator: " ").contains(advice))
    let refused = try Self.compile(
      copy,
      "  - { name: gpu, address: \"0000:08:00.0\" }\n"
        + "  - { name: audio, address: \"0000:08:00.1\" }\n")
    #expect(refused.code == 69)
    #expect(refused.errors.components(separatedBy: "error[").count == 2, "\(refused.errors)")
    #expect(refused.errors.contains("so 'gpu' and 'audio' can't be given away"))
  }

  /// HATS 3 of the features, which kernels look at from about 6.17 on.
  @Test(arguments: [
    ("6.12.30", "0x246577efa2254efa", Fact.yes), ("6.17.8", "0x246577efa2254efa", .unknown),
    ("7.3.4", "0x246577efa2254efa", .unknown), ("7.3.4", "0x246577efa2254afa", .yes),
  ])
  func aUnitWithoutHostTablesMayNotEnforce(release: String, features: String, fact: Fact) throws {
    let copy = try Self.machine(release)
    try copy.device("0000:08:00.0", 0x1002, 0x67df, 0x030000, unit: "ivhd0", group: 3)
    try copy.write("sys/class/iommu/ivhd0/amd-iommu/features", features + "\n")
    let host = HostInventory(copy.tree).description
    #expect(host.iommus.map { $0.enforcement(by: host.kernel.rules) } == [fact])
  }

  @Test(arguments: [(0x11, 1, Fact.unknown), (0x40, 1, .unknown), (0x11, 0, .yes), (0x10, 1, .yes)])
  func firmwareWithoutHostTablesMayNotEnforce(kind: UInt8, attributes: UInt8, fact: Fact) throws {
    let copy = try Self.machine("7.3.4")
    try copy.device("0000:08:00.0", 0x1002, 0x67df, 0x030000, unit: "ivhd0", group: 3)
    try copy.write("sys/class/iommu/ivhd0/amd-iommu/features", "0x246577efa2254afa\n")
    var table = [UInt8](repeating: 0, count: 48 + 24 + 40)
    (table[48], table[50]) = (0x10, 24)
    (table[72], table[74], table[92]) = (kind, 40, attributes)
    try copy.write("sys/firmware/acpi/tables/IVRS", Data(table))
    let host = HostInventory(copy.tree).description
    #expect(host.iommus.map { $0.enforcement(by: host.kernel.rules) } == [fact])
  }

  @Test func whatIsNotThereIsNotKnownWithoutAConfiguration() throws {
    for (release, expected) in [("6.12.30", Fact.unknown), ("6.1.0", .no)] {
      let copy = try SysfsCopy()
      try copy.write("proc/sys/kernel/osrelease", release + "\n")
      try copy.write("sys/bus/pci/devices/.keep", "")
      let kernel = HostInventory(copy.tree).description.kernel
      #expect(kernel.iommufd == expected && kernel.type1 == .unknown, "\(release)")
      try copy.write("boot/config-" + release, "CONFIG_IOMMUFD=m\n")
      let told = HostInventory(copy.tree).description.kernel
      #expect(told.iommufd == .yes && told.type1 == .no, "\(release)")
    }
  }

  @Test func theCommandLineCountsAndOnlyItsWordsAboutIOMMUsAreKept() throws {
    let copy = try Self.machine("6.17.4")
    try copy.device(
      "0000:08:00.0", 0x1002, 0x67df, 0x030000, unit: "ivhd0", group: 3)
    try copy.write("sys/class/iommu/ivhd0/amd-iommu/features", "0x246577efa2254afa\n")
    try copy.write("proc/cmdline", "root=/dev/secret amd_iommu=force_isolation,pgtbl_v2 quiet\n")
    let text = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    #expect(text.contains("pageTables: v2"), "\(text)")
    let table = try Tool.run(["host", "--root", copy.path]).output
    #expect(table.contains("nobody knows whether it can enforce snoop"), "\(table)")
    let path = copy.path + "/capture.tar"
    #expect(try Tool.run(["host", "--root", copy.path, "--capture", path]).code == 0)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let archive = String(decoding: bytes, as: UTF8.self)
    #expect(archive.contains("pgtbl_v2") && !archive.contains("secret"))
  }

  @Test(arguments: [("sm_on", "firstStage: true"), ("sm_off", "firstStage: false")])
  func scalableModeIsToldAtBoot(word: String, expected: String) throws {
    let copy = try Self.machine("6.17.4")
    try copy.unit("dmar0", cap: "d2008c40660462", ecap: "880000f050de")
    try copy.write("proc/cmdline", "intel_iommu=on,\(word)\n")
    let text = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    #expect(text.contains(expected), "\(text)")
  }

  @Test func whatSwitchesIOMMUsOffIsNamed() throws {
    let copy = try Self.machine("6.17.4")
    try copy.write("proc/cmdline", "intel_iommu=off\n")
    let off = try Tool.run(["host", "--root", copy.path]).output
    #expect(off.contains("booted with intel_iommu=off: boot without it"), "\(off)")
    try copy.write("proc/cmdline", "intel_iommu=off intel_iommu=on\n")
    let on = try Tool.run(["host", "--root", copy.path]).output
    #expect(!on.contains("booted with intel_iommu=off"), "the last word counts")
    try copy.write("proc/cmdline", "intel_iommu=off\n")
    try copy.write("proc/cpuinfo", "vendor_id\t: AuthenticAMD\n")
    let other = try Tool.run(["host", "--root", copy.path]).output
    #expect(!other.contains("booted with intel_iommu=off"), "it does nothing there")
    try copy.write("proc/cpuinfo", "vendor_id\t: GenuineIntel\n")
    try copy.write("proc/cmdline", "intel_iommu=on,igfx_off\n")
    #expect(try Tool.run(["host", "--root", copy.path]).output.contains("intel_iommu=igfx_off"))
  }

  @Test(arguments: ["iommufd", "type1"])
  func aUnitWithoutPagesAsSmallAsTheCPUsIsRefused(target: String) throws {
    var host = HostDescription(
      name: "coarse", kernel: HostKernel(release: "7.3.4"),
      iommus: [HostIOMMU(name: "dmar0", enforceSnoop: .yes, pageSizes: [16 << 10, 32 << 20])])
    let address = try #require(BDF("0000:03:00.0"))
    host.devices = [HostDevice(address: address, iommu: "dmar0", group: 1, noSnoopCapable: .yes)]
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: 0, size: 64 << 20)],
      devices: [AssignedDevice(name: "d0", address: address)])
    var sink = DiagnosticSink()
    #expect(throws: DiagnosticsError.self) {
      try Compilation.compile(vm, on: host, target: target, into: &sink)
    }
    #expect(sink.diagnostics.map(\.code.name) == ["VP4024"])
    host.kernel.statedPageBytes = 16 << 10
    var other = DiagnosticSink()
    let plan = try Compilation.compile(vm, on: host, target: target, into: &other)
    var interpreter = Interpreter(program: plan.program, kernel: SimulatedKernel(host))
    #expect(interpreter.run().isSuccess)
  }
}
