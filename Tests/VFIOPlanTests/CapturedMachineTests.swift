import Foundation
import TestSupport
import Testing

/// What the captures of real machines say, checked against what is known of those machines.
struct CapturedMachineTests {
  private static func copy(_ name: String) throws -> SysfsCopy {
    try SysfsCopy(archive: PackageFiles.path("Tests/Fixtures/captures/\(name).tar.gz"))
  }

  /// The table's lines, each whole and with one space between words.
  private static func table(_ copy: SysfsCopy, _ options: String...) throws -> String {
    let outcome = try Tool.run(
      "/usr/bin/env", ["COLUMNS=120", Tool.vfioplan, "host", "--root", copy.path] + options)
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
    return outcome.output.split(separator: "\n").map { line in
      line.split(separator: " ").joined(separator: " ")
    }.joined(separator: "\n")
  }

  /// Compiles for a machine a VM with some of its devices, by address and intent.
  private static func compile(
    _ copy: SysfsCopy, _ devices: [(address: String, intent: String)], and options: [String] = []
  ) throws -> Tool.Outcome {
    let host = try Tool.run(["host", "--root", copy.path, "--format", "json"]).output
    try copy.write("host.json", host)
    let list = devices.enumerated().map { index, device in
      "  - { name: d\(index), address: \"\(device.address)\", noSnoop: \(device.intent) }\n"
    }
    try copy.write(
      "vm.yaml",
      "apiVersion: vfioplan/v1\nkind: VM\nname: vm\nmemory: [ { gpa: 16MiB, size: 1GiB } ]\n"
        + "devices:\n" + list.joined())
    return try Tool.run(
      ["compile", copy.path + "/vm.yaml", "--host", copy.path + "/host.json", "--format", "json"]
        + options)
  }

  @Test func theMadeArchivesAreWhatTheirScriptMakes() throws {
    let python = try #require(SchemaTests.python, "python3 is missing; run `make deps`")
    let outcome = try Tool.run(python, ["Tests/Fixtures/captures/make_real.py", "--check"])
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  @Test(arguments: HostTests.captures)
  func aCaptureOfACaptureIsTheSame(name: String) throws {
    let copy = try Self.copy(name)
    let again = copy.path + "/again.tar"
    #expect(try Tool.run(["host", "--root", copy.path, "--capture", again]).code == 0)
    let other = try SysfsCopy(archive: again)
    let difference = try Tool.run(
      "/usr/bin/env", ["diff", "-r", "--no-dereference", "-x", "again.tar", copy.path, other.path])
    #expect(difference.code == 0, "\(difference.output)\(difference.errors)")
  }

  @Test func theLaptopsGraphicsAreBehindAUnitThatCantEnforce() throws {
    let table = try Self.table(try Self.copy("laptop-coffee-lake"), "--all")
    for expected in [
      "dmar0 (Intel VT-d) can't enforce snoop. dmar1 (Intel VT-d) enforces snoop.",
      "dmar0 addresses of 39 bits, pages of 4 KiB, 2 MiB, 1 GiB",
      "2 give it to a VM? yes; it may make the VM non-coherent (no-snoop unknown, counted as yes)",
      "00:02.0 graphics card [8086:3e9b] i915\ndisplay, no-snoop unknown, counted as yes",
      "1 give it to a VM? yes, both functions together",
      "01:00.0 graphics card [10de:1c8d] nouveau", "01:00.1 its audio [10de:0fb9] snd_hda_intel",
      "13 give it to a VM? yes, all 3 functions together",
      "14 give it to a VM? yes, if the host can do without it\n06:00.0 NVMe drive [144d:a808] nvme",
      "storage, can no-snoop (Device Control 0x2810); behind dmar1, box 1",
      "15 give it to a VM? yes, both functions together\n07:00.0 device [10ec:5287] rtsx_pci",
    ] {
      #expect(table.contains(expected), "\(expected) is not in\n\(table)")
    }
  }

  @Test func theLaptopsGraphicsNeedATableOfTheirOwn() throws {
    let copy = try Self.copy("laptop-coffee-lake")
    let refused = try Self.compile(copy, [("0000:00:02.0", "forbidden")])
    #expect(refused.code == 1 && refused.errors.contains("error[VP3005]"), "\(refused.errors)")
    let devices = [("0000:00:02.0", "auto"), ("0000:06:00.0", "forbidden")]
    let plan = try Self.compile(copy, devices, and: ["--release", "5.19.17"])
    #expect(plan.code == 0, "\(plan.errors)")
    let metrics = #""wbinvd":1,"incoherentDevices":1,"pageTables":2,"blockedNoSnoop":0"#
    #expect(plan.output.contains(metrics), "\(plan.output)")
    // Linux 5.19 is older than iommufd.
    #expect(plan.output.contains(#""target":"type1""#))
  }

  /// What the laptop ran: type1 then enforced for nobody while one unit lacked snoop control.
  @Test func theLaptopsOldKernelEnforcesNothing() throws {
    let copy = try Self.copy("laptop-coffee-lake")
    let refused = try Self.compile(copy, [("0000:06:00.0", "forbidden")])
    let why = "'dmar1' enforces no snoop with type1 of Linux 5.10.0-8parrot1-amd64, which goes by "
    #expect(refused.code == 1, "\(refused.errors)")
    #expect(refused.errors.contains(why + "the weakest unit, 'dmar0'"), "\(refused.errors)")
  }

  @Test func theDesktopsChipsetIsOneGroupAndItsGraphicsAnother() throws {
    let table = try Self.table(try Self.copy("desktop-b550"))
    for expected in [
      "Linux 6.14.5: iommufd, type1, KVM. ivhd0 (AMD-Vi) enforces snoop.\ngroup device driver\n12 ",
      "14 give it to a VM? no: the host's USB and SATA are in its group\n01:00.0 USB controller",
      "01:00.1 SATA controller [1022:43eb] ahci\n04:00.0 network card [8086:2723] iwlwifi\n05:00.0",
      "15 give it to a VM? yes, all 4 functions together\n06:00.0 graphics card [10de:1f08]",
      "06:00.2 its USB controller [10de:1ada] xhci_hcd",
      "none give it to a VM? no: it is behind no IOMMU\n00:00.2 system device [1022:1481] -",
      "25 bridges stay with the host (--all)",
    ] {
      #expect(table.contains(expected), "\(expected) is not in\n\(table)")
    }
  }

  @Test func theDesktopGivesItsGraphicsWholeAndItsNetworkNotAtAll() throws {
    let copy = try Self.copy("desktop-b550")
    let network = try Self.compile(copy, [("0000:05:00.0", "allowed")])
    #expect(network.code == 69)
    let message =
      "is in IOMMU group 14 with 3 devices that the host uses: USB controller '0000:01:00.0' "
      + "(driver 'xhci_hcd'), SATA controller '0000:01:00.1' (driver 'ahci'), network card "
      + "'0000:04:00.0' (driver 'iwlwifi')"
    #expect(network.errors.contains(message), "\(network.errors)")
    #expect(network.errors.components(separatedBy: "error[VP4005]").count == 2)
    // Nobody knows from a description what runs from a disk.
    #expect(network.errors.contains("help: leave '0000:01:00.1' to this host"))
    #expect(!network.errors.contains("unbind"))
    let graphics = try Self.compile(copy, (0..<4).map { ("0000:06:00.\($0)", "allowed") })
    #expect(graphics.code == 0, "\(graphics.errors)")
    // Without a device on vfio-pci nothing shows whether this kernel has files of devices.
    #expect(graphics.output.contains(#""target":"type1""#))
    #expect(graphics.errors.contains("warning[VP4017]"), "\(graphics.errors)")
  }
}
