import Foundation
import Testing
import TestSupport

/// `host`: what a copy of sysfs says, as a table and as a description that `--host` reads.
struct HostTests {
  /// A machine with two VT-d units, one of which can't enforce, a group of two, a plain PCI card.
  private static func desktop() throws -> SysfsCopy {
    let copy = try SysfsCopy()
    try copy.kernel("7.3.4", nodes: ["iommu", "vfio", "kvm"])
    try copy.write("sys/class/vfio-dev/vfio0/dev", "511:0\n")
    // MGAW 39 bits, three levels, 2 MiB pages; no snoop control. MGAW 46, four levels, all pages.
    try copy.unit("dmar0", cap: "1c0000400260203", ecap: "29a00f0505e")
    try copy.unit("dmar1", cap: "8c40000c2d0403", ecap: "29a00f050de")
    try copy.device(
      "0000:00:02.0", 0x8086, 0xa780, 0x030000, unit: "dmar0", group: 0, driver: "i915")
    try copy.device("0000:01:00.0", 0x10de, 0x2684, 0x030000, unit: "dmar1", group: 1)
    try copy.device(
      "0000:01:00.1", 0x10de, 0x22ba, 0x040300, unit: "dmar1", group: 1, driver: "snd_hda_intel",
      control: 0x2010)
    try copy.device(
      "0000:02:00.0", 0x1102, 0x0002, 0x040100, unit: "dmar1", group: 2, control: nil,
      subsystem: (0x1102, 0x80))
    try copy.device(
      "0000:00:1d.0", 0x10b5, 0x8112, 0x060400, unit: "dmar1", group: 2, conventionalBus: 2)
    try copy.device(
      "0000:00:1c.0", 0x8086, 0x7a38, 0x060400, unit: "dmar1", group: 3, driver: "pcieport")
    try copy.write(
      "sys/kernel/iommu_groups/0/reserved_regions",
      "0x0000000000000000 0x0000000000ffffff direct-relaxable\n"
        + "0x00000000fee00000 0x00000000feefffff msi\n")
    return copy
  }

  static let captures = PackageFiles.entries("Tests/Fixtures/captures")
    .filter { $0.hasSuffix(".tar.gz") }.map { String($0.dropLast(".tar.gz".count)) }

  @Test func theTableSaysWhatEachDeviceMeans() throws {
    let copy = try Self.desktop()
    let outcome = try Tool.run(["host", "--root", copy.path])
    #expect(outcome.code == 0 && outcome.errors == "")
    let lines = outcome.output.split(separator: "\n").map { line in
      line.split(separator: " ").joined(separator: " ")
    }
    let text = lines.joined(separator: "\n")
    for expected in [
      "Linux 7.3.4: iommufd, VFIO cdevs, type1, KVM. dmar0 (Intel VT-d) can't enforce snoop.",
      "0 give it to a VM? yes; it makes the VM non-coherent\n00:02.0 graphics card [8086:a780]",
      "1 give it to a VM? yes, both functions together\n01:00.0 graphics card [10de:2684] -\n"
        + "01:00.1 its audio [10de:22ba] snd_hda_intel",
      "2 give it to a VM? yes\n02:00.0 audio device [1102:0002] -", "2 bridges stay with the host",
    ] {
      #expect(text.contains(expected), "\(expected) is not in\n\(text)")
    }
    #expect(!text.contains("1c.0"))
  }

  @Test func withAllBridgesAndFactsAreShown() throws {
    let copy = try Self.desktop()
    let text = try Tool.run(["host", "--root", copy.path, "--all"]).output
    let words = text.split { $0.isWhitespace }.joined(separator: " ")
    for expected in [
      "00:02.0 graphics card [8086:a780] i915 display, can no-snoop (Device Control 0x2810); behind"
        + " dmar0, box 3",
      "can't no-snoop (conventional PCI behind a PCIe-to-PCI bridge); behind dmar1, box 2",
      "no-snoop unknown, counted as yes (Device Control 0x2010, bit 11 clear); behind dmar1, box 1",
      "3 stays with the host 00:1c.0 PCI bridge [8086:7a38] pcieport",
      "dmar0 addresses of 39 bits, pages of 4 KiB, 2 MiB",
      "'vfioplan host --test-no-snoop 0000:01:00.1' finds out",
    ] {
      #expect(words.contains(expected), "\(expected) is not in\n\(words)")
    }
  }

  @Test(arguments: [
    ("gpu", ["00:02.0", "01:00.0"]), ("display", ["00:02.0", "01:00.0"]),
    ("10de", ["01:00.0", "01:00.1"]),
    ("0x1102", ["02:00.0"]), ("10DE:22ba", ["01:00.1"]), ("0000:02:00.0", ["02:00.0"]),
    ("01:00", ["01:00.0", "01:00.1"]), ("1", ["01:00.0", "01:00.1"]), ("i915", ["00:02.0"]),
    ("audio 01:00", ["01:00.1"]), ("snd_hda", ["01:00.1"]), ("pcieport", ["00:1c.0"]),
    ("bridge", ["00:1d.0", "00:1c.0"]), ("8086 display", ["00:02.0"]),
  ])
  func wordsPickDevices(words: String, wanted: [String]) throws {
    let copy = try Self.desktop()
    let outcome = try Tool.run(
      ["host", "--root", copy.path] + words.split(separator: " ").map(String.init))
    #expect(outcome.code == 0, "\(outcome.errors)")
    let shown = outcome.output.matches(of: #/\n {7}([0-9a-f:.]+) /#).map { String($0.1) }
    #expect(shown == wanted, "\(outcome.output)")
  }

  @Test func wordsThatPickNothingSaySo() throws {
    let copy = try Self.desktop()
    for words in [["77"], ["displays"], ["gpu", "snd_hda_intel"], ["03:00"]] {
      let none = try Tool.run(["host", "--root", copy.path] + words)
      #expect(none.code == 69 && none.output == "", "\(none.output)")
      #expect(none.errors.contains("error[VP4029]: no device of the host fits '\(words[0])'"))
      #expect(none.errors.contains("help: it has bridge, display, multimedia; words fit classes"))
    }
    #expect(try Tool.run(["host", "--root", copy.path, "--format", "yaml", "display"]).code == 64)
    #expect(try Tool.run(["host", "--root", copy.path, "--format", "json", "--all"]).code == 64)
  }

  @Test func devicesHaveTheNamesOfTheSystemsList() throws {
    let copy = try Self.desktop()
    try copy.write(
      "usr/share/misc/pci.ids",
      "# names\n10de  NVIDIA Corporation\n\t2684  AD102 [GeForce RTX 4090]\n"
        + "1102  Creative Labs\n\t0002  EMU10k1 [Sound Blaster Live! Series]\n"
        + "8086  Intel Corporation\n\ta780  Raptor Lake-S GT1 [UHD Graphics 770]\n"
        + "C 03  Display controller\n")
    let text = try Tool.run(["host", "--root", copy.path]).output
    for name in [
      "NVIDIA GeForce RTX 4090 [10de:2684]", "Intel UHD Graphics 770 [8086:a780]",
      "Creative Labs Sound Blaster Live! Series [1102:0002]", "its audio [10de:22ba]",
    ] {
      #expect(text.contains(name), "\(text)")
    }
    let shown = try Tool.run(["host", "--root", copy.path, "geforce"]).output
    #expect(shown.contains("RTX 4090") && shown.contains("and 1 more: vfioplan host 1\n"))
  }

  @Test func whoIsNotRootIsToldWhatRootWouldRead() throws {
    let copy = try Self.desktop()
    let whole = try Tool.run(["host", "--root", copy.path]).output
    #expect(!whole.contains("as root to read"))
    let path = copy.path + "/sys/bus/pci/devices/0000:02:00.0/config"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    try bytes.prefix(64).write(to: URL(fileURLWithPath: path))
    let text = try Tool.run(["host", "--root", copy.path]).output
    #expect(text.contains("\nrun as root to read no-snoop bits\n"), "\(text)")
  }

  @Test(arguments: captures, [60, 80, 100, 120])
  func noLineIsLongerThanTheScreen(name: String, columns: Int) throws {
    let copy = try SysfsCopy(
      archive: PackageFiles.path("Tests/Fixtures/captures/\(name).tar.gz"))
    for options in [[], ["--all"]] {
      let text = try Tool.run(
        "/usr/bin/env",
        ["COLUMNS=\(columns)", Tool.vfioplan, "host", "--root", copy.path] + options
      ).output
      #expect(text.split(separator: "\n").allSatisfy { $0.count <= columns }, "\(text)")
      guard options.isEmpty, Self.machines.contains(name) else { continue }
      let difference = try Golden.difference(text, "screens/host-\(name)-\(columns).txt")
      #expect(difference == nil, "\(difference ?? "")")
    }
  }

  /// Whose screens are kept.
  static let machines = [
    "desktop-b550", "laptop-coffee-lake", "lab-7.3-intel", "cloud-vm-without-iommu",
  ]

  @Test func bothFormsAreHostDescriptions() throws {
    let copy = try Self.desktop()
    try copy.write(
      "vm.yaml",
      """
      apiVersion: vfioplan/v1
      kind: VM
      name: vm
      memory: [ { gpa: 16MiB, size: 1GiB } ]
      devices:
        - name: igd
          address: "0000:00:02.0"
          noSnoop: required
          expect: { vendor: 0x8086, device: 0xa780, class: 0x030000, group: 0 }
        - name: sound
          address: "0000:02:00.0"
          noSnoop: forbidden
          expect: { subsystem: 1102:0080 }
      """)
    var plans: [String] = []
    for form in ["yaml", "json"] {
      let outcome = try Tool.run(["host", "--root", copy.path, "--format", form])
      #expect(outcome.code == 0 && outcome.errors == "")
      try copy.write("host." + form, outcome.output)
      let plan = try Tool.run(
        ["compile", copy.path + "/vm.yaml", "--host", copy.path + "/host." + form])
      #expect(plan.code == 0 && plan.errors == "", "\(plan.errors)")
      plans.append(plan.output)
    }
    #expect(plans[0] == plans[1])
  }

  @Test func subsystemIDsAreReadAndWhatIsNoneIsNamed() throws {
    let copy = try Self.desktop()
    let whole = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    #expect(whole.components(separatedBy: "    subsystem: \"1102:0080\"\n").count == 2)
    try copy.write("sys/bus/pci/devices/0000:02:00.0/subsystem_device", "0x18000\n")
    let outcome = try Tool.run(["host", "--root", copy.path, "--format", "json"])
    #expect(outcome.code == 66 && outcome.errors.contains("0000:02:00.0/subsystem_device"))
    #expect(outcome.output.contains("0000:02:00.0") && !outcome.output.contains("subsystem"))
  }

  @Test func aCaptureSaysTheSameAndHasNothingPrivate() throws {
    let copy = try Self.desktop()
    try copy.write("proc/sys/kernel/hostname", "secret-name\n")
    var configuration = [UInt8](repeating: 0, count: 4096)
    configuration.replaceSubrange(0x104..<0x10f, with: Array("secret-mac1".utf8))
    try copy.write("sys/bus/pci/devices/0000:02:00.0/config", Data(configuration))
    let archive = copy.path + "/capture.tar"
    let made = try Tool.run(["host", "--root", copy.path, "--capture", archive])
    #expect(made == .init(code: 0, output: "", errors: ""))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: archive))
    #expect(!String(decoding: bytes, as: UTF8.self).contains("secret"))
    let other = try SysfsCopy(archive: archive)
    let before = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    let after = try Tool.run(["host", "--root", other.path, "--format", "yaml"]).output
    #expect(before.replacing("secret-name", with: "host") == after)
    #expect(try Tool.run(["host", "--capture", archive, "--format", "yaml"]).code == 64)
  }

  @Test(arguments: Self.captures)
  func aCapturedMachineIsShownAsItWas(name: String) throws {
    let archive = PackageFiles.path("Tests/Fixtures/captures/\(name).tar.gz")
    let copy = try SysfsCopy(archive: archive)
    for (form, file) in [("text", "txt"), ("yaml", "yaml"), ("json", "json")] {
      let said = try Tool.run(["host", "--root", copy.path, "--format", form]).output
      let difference = try Golden.difference(said, "captures/\(name).\(file)")
      #expect(difference == nil, "\(difference ?? "")")
    }
  }

  @Test func aUnitOfTheOtherMakersIsKnown() throws {
    let copy = try SysfsCopy()
    try copy.write("proc/sys/kernel/osrelease", "7.3.4\n")
    try copy.write("sys/class/iommu/ivhd0/amd-iommu/features", "25bf732fa2295afe:1d\n")
    try copy.write("sys/class/iommu/smmu3.0x2b400000/.keep", "")
    try copy.write("sys/class/iommu/virtio0/.keep", "")
    try copy.device("0000:00:01.0", 0x1af4, 0x1041, 0x020000, unit: "virtio0", group: 0)
    let text = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    for expected in [
      "  - { name: ivhd0, type: amd-vi, enforceSnoop: true, isolatedMSI: false, ",
      "  - { name: \"smmu3.0x2b400000\", type: arm-smmu-v3, enforceSnoop: unknown, ",
      "  - { name: virtio0, type: virtio-iommu, enforceSnoop: false, ",
    ] {
      #expect(text.contains(expected), "\(text)")
    }
  }

  static let processors: [(architecture: String?, lines: String, keys: String)] = [
    (
      "x86_64", "vendor_id\t: GenuineIntel\nflags\t\t: fpu ss ht\n",
      "architecture: x86_64, cpuVendor: intel, cpuSelfSnoop: true"
    ),
    (
      nil, "vendor_id\t: AuthenticAMD\nflags\t\t: fpu sse ssse3\n",
      "architecture: x86_64, cpuVendor: amd, cpuSelfSnoop: false"
    ),
    ("i686", "vendor_id\t: CentaurHauls\n", "architecture: x86_64, cpuVendor: other"),
    ("aarch64", "CPU implementer\t: 0x41\n", "architecture: aarch64"),
    (nil, "processor\t: 0\nCPU implementer\t: 0x41\n", "architecture: aarch64"),
    (nil, "processor\t: 0\nhart\t\t: 0\n", "architecture: riscv64"),
    (nil, "vendor_id       : IBM/S390\n", "architecture: s390x"),
    ("ppc64le", "cpu\t: POWER9\n", "architecture: other"), ("", "", ""), (nil, "", ""),
  ]

  @Test(arguments: processors)
  func theCPUsAreWhatTheKernelSays(of processor: (String?, String, String)) throws {
    let copy = try Self.desktop()
    if let word = processor.0 { try copy.write("proc/sys/kernel/arch", word + "\n") }
    try copy.write("proc/cpuinfo", processor.1)
    let said = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    let keys = processor.2.isEmpty ? "" : ", " + processor.2
    #expect(said.contains("allowUnsafeInterrupts: false\(keys) }\n"), "\(said)")
  }

  @Test func aUnitOfNoKnownTypeCountsOnlyWithADeviceBehindIt() throws {
    let copy = try Self.desktop()
    for unit in ["iommufd_selftest_iommu.0", "ff650800.iommu", "ff660480.iommu"] {
      try copy.write("sys/class/iommu/\(unit)/.keep", "")
    }
    try copy.unit("dmar2", cap: "d2008c40660462", ecap: "f050da")
    try copy.device("0000:03:00.0", 0x1234, 0x11e8, 0x00ff00, unit: "ff660480.iommu", group: 9)
    let text = try Tool.run(["host", "--root", copy.path, "--format", "yaml"]).output
    let units = text.matches(of: /- . name: ([^,]*), type: ([^,]*),/).map { "\($0.1) \($0.2)" }
    #expect(
      units == [
        "dmar0 intel-vtd", "dmar1 intel-vtd", "dmar2 intel-vtd", "\"ff660480.iommu\" iommu",
      ])
  }

  @Test func whatTheKernelRefusesIsSaid() throws {
    let copy = try Self.desktop()
    try copy.write("proc/interrupts", " 24:  0  0  PCI-MSI-0000:00:1c.0  0-edge  PCIe PME\n")
    let refused = try Tool.run(["host", "--root", copy.path, "0000:02:00.0"]).output
    #expect(refused.contains("give it to a VM?  no: interrupts are not isolated"))
    for module in ["iommufd", "vfio_iommu_type1"] {
      try copy.write("sys/module/\(module)/parameters/allow_unsafe_interrupts", "Y\n")
    }
    #expect(
      try Tool.run(["host", "--root", copy.path, "0000:02:00.0"]).output.contains("?  yes\n"))
    try copy.write("sys/kernel/iommu_groups/2/reserved_regions", "0x1000 0x1fff direct\n")
    let mapped = try Tool.run(["host", "--root", copy.path, "0000:02:00.0"]).output
    #expect(mapped.contains("give it to a VM?  no: firmware maps memory for "))
  }

  @Test func withoutAnIOMMUThereIsAdvice() throws {
    let copy = try SysfsCopy()
    try copy.device("0000:00:01.0", 0x1af4, 0x1041, 0x020000, unit: nil, group: nil)
    let off = try Tool.run(["host", "--root", copy.path]).output
    #expect(off.contains("no IOMMU: switch it on in the firmware's setup"))
    try copy.write("sys/firmware/acpi/tables/DMAR", "DMAR")
    let unused = try Tool.run(["host", "--root", copy.path]).output
    #expect(unused.contains("no IOMMU: the firmware describes Intel's, but"))
  }

  @Test func aDamagedCopyIsNamedAndTheRestIsShown() throws {
    let copy = try Self.desktop()
    try copy.write("sys/bus/pci/devices/0000:02:00.0/vendor", "")
    try copy.write("sys/bus/pci/devices/0000:01:00.0/config", "\u{0}")
    try copy.write("sys/bus/pci/devices/junk/vendor", "0x8086\n")
    try copy.write("sys/kernel/iommu_groups/1/reserved_regions", "0x10 0x0 msi\n")
    let outcome = try Tool.run(["host", "--root", copy.path])
    #expect(outcome.code == 66)
    #expect(outcome.output.contains(" 00:02.0 ") && !outcome.output.contains(" 02:00.0 "))
    #expect(outcome.errors.components(separatedBy: "error[VP4021]").count == 4)
    for path in ["0000:02:00.0/vendor", "devices/junk", "iommu_groups/1/reserved_regions"] {
      #expect(outcome.errors.contains(path), "\(outcome.errors)")
    }
    let empty = try Tool.run(["host", "--root", copy.path + "/proc"])
    #expect(empty.code == 66 && empty.errors.contains("error[VP4020]"))
  }
}
