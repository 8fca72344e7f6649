import Foundation
import Parser
import Planner
import TestSupport
import Testing

/// Machines on which devices hang on each other, from copies of their files.
struct RelationCaseTests {
  private static func machine(_ release: String) throws -> SysfsCopy {
    let copy = try SysfsCopy()
    try copy.kernel(release, nodes: ["vfio", "kvm"])
    try copy.unit("dmar0", cap: "d2008c40660462", ecap: "f050da")
    return copy
  }

  /// The host description that is made of a copy.
  private static func host(_ copy: SysfsCopy) throws -> String {
    let host = try Tool.run(["host", "--root", copy.path, "--format", "yaml"])
    #expect(host.code == 0, "\(host.errors)")
    try copy.write("host.yaml", host.output)
    let json = try Tool.run(["host", "--root", copy.path, "--format", "json"])
    try SchemaTests.validate(["host", "-"], input: json.output)
    return host.output
  }

  private static func compile(
    _ copy: SysfsCopy, _ devices: String, _ more: String = "", _ arguments: String...
  ) throws -> Tool.Outcome {
    try copy.write(
      "vm.yaml",
      "apiVersion: vfioplan/v1\nkind: VM\nname: guest\nmemory: [ { gpa: 0, size: 512KiB } ]\n"
        + more + "devices:\n" + devices)
    return try Tool.run(
      ["compile", copy.path + "/vm.yaml", "--host", copy.path + "/host.yaml"] + arguments)
  }

  private func expectRefusal(_ outcome: Tool.Outcome, _ code: String, _ texts: String...) {
    #expect(outcome.code == 69, "\(outcome.errors)")
    #expect(outcome.errors.components(separatedBy: "error[").count == 2, "\(outcome.errors)")
    for text in ["error[\(code)]"] + texts {
      #expect(outcome.errors.contains(text), "\(text) is not in\n\(outcome.errors)")
    }
  }

  private static func device(
    _ copy: SysfsCopy, _ address: String, _ id: Int, _ classCode: Int, group: Int,
    driver: String?, vendor: Int = 0x8086
  ) throws {
    try copy.device(
      address, vendor, id, classCode, unit: "dmar0", group: group, driver: driver)
  }

  @Test func graphicsAreNotGivenWithAVirtualFunctionOfTheirs() throws {
    let copy = try Self.machine("6.11.0-9-generic")
    let physical = "0000:00:02.0"
    try Self.device(copy, physical, 0xa7a0, 0x030000, group: 3, driver: "i915")
    for function in 1...2 {
      let address = "0000:00:02.\(function)"
      try Self.device(
        copy, address, 0xa7a0, 0x030000, group: 20 + function,
        driver: function == 1 ? "vfio-pci" : "i915")
      // One link of each pair is enough.
      if function == 1 {
        try copy.link("sys/bus/pci/devices/\(address)/physfn", to: "../\(physical)")
      } else {
        try copy.link("sys/bus/pci/devices/\(physical)/virtfn1", to: "../\(address)")
      }
    }
    try copy.write("sys/bus/pci/devices/\(physical)/sriov_numvfs", "2\n")
    let text = try Self.host(copy)
    #expect(text.components(separatedBy: "physicalFunction: \"\(physical)\"").count == 3, "\(text)")
    let one = "  - { name: igd, address: \"\(physical)\" }\n"
    let vf = "  - { name: vgpu, address: \"0000:00:02.1\" }\n"
    expectRefusal(try Self.compile(copy, one + vf), "VP4043", "'igd'", "'vgpu'", "0000:00:02.1")
    expectRefusal(try Self.compile(copy, one), "VP4043", "'igd'", "0000:00:02.1", "'i915'")
    #expect(try Self.compile(copy, vf).code == 0)
  }

  /// A laptop's controller with a root port and a drive in a domain of its driver's making.
  private static func vmd(_ relation: (SysfsCopy) throws -> Void) throws -> SysfsCopy {
    let copy = try machine("6.5.0-14-generic")
    try device(copy, "0000:00:0e.0", 0x467f, 0x010400, group: 9, driver: "vmd")
    try device(copy, "10000:e0:06.0", 0x464d, 0x060400, group: 9, driver: "pcieport")
    try device(copy, "10000:e1:00.0", 0xa80a, 0x010802, group: 9, driver: "nvme", vendor: 0x144d)
    try device(copy, "0000:00:14.0", 0x51ed, 0x0c0330, group: 10, driver: "xhci_hcd")
    try relation(copy)
    return copy
  }

  /// What a kernel shows of the relation, in the ways in which copies keep it.
  static let waysOfVMD: [(String, @Sendable (SysfsCopy) throws -> Void)] = [
    ("the group alone", { _ in }),
    (
      "the link to the bus",
      { copy in
        try copy.link(
          "sys/bus/pci/devices/0000:00:0e.0/domain", to: "../pci10000:e0/pci_bus/10000:e0")
      }
    ),
    (
      "the way to the device",
      { copy in
        for name in ["0000:00:0e.0", "10000:e0:06.0", "10000:e1:00.0"] {
          let old = copy.path + "/sys/bus/pci/devices/" + name
          let ways = [
            "0000:00:0e.0": "", "10000:e0:06.0": "0000:00:0e.0/pci10000:e0/",
            "10000:e1:00.0": "0000:00:0e.0/pci10000:e0/10000:e0:06.0/",
          ]
          let place = "/sys/devices/pci0000:00/" + (ways[name] ?? "") + name
          let above = URL(fileURLWithPath: copy.path + place).deletingLastPathComponent()
          try FileManager.default.createDirectory(at: above, withIntermediateDirectories: true)
          // What is behind it was moved there before.
          try FileManager.default.contentsOfDirectory(atPath: old).forEach { file in
            try FileManager.default.createDirectory(
              atPath: copy.path + place, withIntermediateDirectories: true)
            try FileManager.default.moveItem(
              atPath: old + "/" + file, toPath: copy.path + place + "/" + file)
          }
          try FileManager.default.removeItem(atPath: old)
          try copy.link("sys/bus/pci/devices/" + name, to: "../../.." + place.dropFirst(4))
        }
      }
    ),
  ]

  @Test(arguments: 0..<3)
  func aDriveBehindAControllerIsNotGivenAlone(way: Int) throws {
    let (name, relation) = Self.waysOfVMD[way]
    let copy = try Self.vmd(relation)
    let text = try Self.host(copy)
    #expect(
      text.components(separatedBy: "behind: \"0000:00:0e.0\"").count == 3, "\(name): \(text)")
    let drive = "  - { name: disk, address: \"10000:e1:00.0\" }\n"
    let help =
      "give '0000:00:0e.0', with everything behind it, to the VM in its place, once nothing on the "
      + "host needs '10000:e1:00.0' and it is unbound"
    for more in ["", "companions: bind\n"] {
      expectRefusal(
        try Self.compile(copy, drive, more), "VP4044", "'disk'", "10000:e1:00.0", "'vmd'", help)
    }
    let whole = "  - { name: raid, address: \"0000:00:0e.0\" }\n"
    expectRefusal(
      try Self.compile(copy, whole + drive), "VP4044", "'raid'", "'disk'",
      "leave 'disk' out: it comes with 'raid'")
    expectRefusal(
      try Self.compile(copy, whole), "VP4044", "'raid'", "10000:e1:00.0", "'nvme' of the host")
  }

  @Test func whatFreesTheGroupOfAPhysicalFunctionIsSaid() throws {
    let copy = try Self.machine("6.8.0")
    let (physical, virtual, mate) = ("0000:17:00.0", "0000:17:01.0", "0000:17:00.1")
    try Self.device(copy, physical, 0x1592, 0x020000, group: 5, driver: "ice")
    try Self.device(copy, mate, 0x1592, 0x020000, group: 5, driver: "vfio-pci")
    try Self.device(copy, virtual, 0x1889, 0x020000, group: 6, driver: "iavf")
    try copy.link("sys/bus/pci/devices/\(virtual)/physfn", to: "../\(physical)")
    _ = try Self.host(copy)
    let nic = "  - { name: nic, address: \"\(mate)\" }\n"
    for more in ["", "companions: bind\n"] {
      expectRefusal(
        try Self.compile(copy, nic, more), "VP4043",
        "taken from 'ice', but that is the physical function of '\(virtual)'",
        "write 0 to 'sriov_numvfs' of '\(physical)' if nobody needs its virtual functions")
    }
  }

  @Test func aVirtualFunctionIsOpenedWithTheTokenOfItsPhysicalFunction() throws {
    let copy = try Self.machine("5.15.0-78-generic")
    let (physical, virtual) = ("0000:b3:00.0", "0000:b3:00.5")
    try Self.device(copy, physical, 0x57c0, 0x120000, group: 61, driver: "vfio-pci")
    try Self.device(copy, virtual, 0x57c1, 0x120000, group: 62, driver: "vfio-pci")
    try copy.link("sys/bus/pci/devices/\(virtual)/physfn", to: "../\(physical)")
    _ = try Self.host(copy)
    let token = "9b2f6c1d-03a4-4e75-8c60-51d7f0e8ab39"
    let device = "  - { name: fec, address: \"\(virtual)\""
    expectRefusal(try Self.compile(copy, device + " }\n"), "VP4045", "'fec'", physical, "'vfToken'")
    let given = device + ", vfToken: \(token.uppercased()) }\n"
    let plan = try Self.compile(copy, given, "", "--format", "json")
    #expect(plan.code == 0, "\(plan.errors)")
    #expect(plan.output.contains("{\"name\":\"\(virtual) vf_token=\(token)\"}"), "\(plan.output)")
    let qemu = try Self.compile(copy, given, "", "--format", "qemu").output
    // The width of the guest's addresses goes before it: the machine's unit has 39 bits.
    #expect(qemu.hasSuffix("\n-device vfio-pci,host=\(virtual),vf-token=\(token)\n"), "\(qemu)")
    let wrong = try Self.compile(copy, device + ", vfToken: 9b2f6c1d }\n")
    #expect(wrong.code == 1 && wrong.errors.contains("VP1049"), "\(wrong.errors)")
    try copy.write("plan.json", plan.output)
    let saved = try Tool.run(
      ["apply", copy.path + "/plan.json", "--host", copy.path + "/host.yaml", "--simulate"])
    #expect(saved.code == 0, "\(saved.errors)")
    try copy.write(
      "other.yaml",
      String(contentsOfFile: copy.path + "/host.yaml", encoding: .utf8)
        .replacing("driver: vfio-pci", with: "driver: pf-driver", maxReplacements: 1))
    let other = try Tool.run(
      ["apply", copy.path + "/plan.json", "--host", copy.path + "/other.yaml", "--simulate"])
    #expect(other.code == 69 && other.errors.contains(physical), "\(other.errors)")
  }

  @Test func aPlanIsRefusedOnceItsDeviceHasVirtualFunctions() throws {
    let copy = try Self.machine("6.8.0")
    let (physical, virtual) = ("0000:17:00.0", "0000:17:10.0")
    try Self.device(copy, physical, 0x1572, 0x020000, group: 61, driver: "i40e")
    _ = try Self.host(copy)
    let plan = try Self.compile(
      copy, "  - { name: nic, address: \"\(physical)\" }\n", "", "--format", "json")
    #expect(plan.code == 0, "\(plan.errors)")
    try copy.write("plan.json", plan.output)
    try Self.device(copy, virtual, 0x154c, 0x020000, group: 90, driver: nil)
    try copy.link("sys/bus/pci/devices/\(virtual)/physfn", to: "../\(physical)")
    _ = try Self.host(copy)
    let applied = try Tool.run(
      ["apply", copy.path + "/plan.json", "--host", copy.path + "/host.yaml", "--simulate"])
    #expect(applied.code == 69, "\(applied.errors)")
    #expect(applied.errors.contains("\(physical): \(virtual) depends on it now"))
  }

  @Test func functionsOfAVirtualGPUStayWithTheirDriver() throws {
    let copy = try Self.machine("6.8.0-51-generic")
    try Self.device(
      copy, "0000:41:00.4", 0x2235, 0x030200, group: 70, driver: "nvidia", vendor: 0x10de)
    try copy.write("sys/bus/pci/devices/0000:41:00.4/vfio-dev/vfio0/dev", "511:0\n")
    try Self.device(
      copy, "0000:41:00.5", 0x2235, 0x030200, group: 71, driver: "nvidia", vendor: 0x10de)
    try copy.write("sys/class/vfio/71/dev", "243:1\n")
    try Self.device(
      copy, "0000:42:00.0", 0x2235, 0x030200, group: 72, driver: "nvidia", vendor: 0x10de)
    let text = try Self.host(copy)
    #expect(text.components(separatedBy: "vfioDriver: true").count == 3, "\(text)")
    let plan = try Self.compile(
      copy,
      "  - { name: a, address: \"0000:41:00.4\", driver: nvidia }\n"
        + "  - { name: b, address: \"0000:41:00.5\" }\n", "", "--format", "program",
      "--target", "type1")
    #expect(plan.code == 0 && !plan.output.contains("unbind"), "\(plan.errors)\(plan.output)")
    let other = try Self.compile(
      copy, "  - { name: c, address: \"0000:42:00.0\", driver: nvidia }\n", "", "--target", "type1")
    #expect(other.errors.contains("VP4015"), "\(other.errors)")
  }
}
