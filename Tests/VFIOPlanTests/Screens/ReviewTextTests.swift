import Foundation
import TestSupport
import Testing

/// What `compile` shows first: the review of a plan.
struct ReviewTextTests {
  /// A VM with devices of a host that is made for it; every `each`th one is behind a unit that
  /// can't enforce snoop.
  private static func files(
    _ count: Int, in folder: TemporaryFolder, each: Int = 5, noSnoop: String = "true"
  ) throws -> [String] {
    let address = { (index: Int) in "0000:" + String(index + 16, radix: 16) + ":00.0" }
    let hostDevices = (0..<count).map { index in
      "  - { address: \"\(address(index))\", class: 0x020000, group: \(index + 1), driver: "
        + "\(index % 2 == 0 ? "mlx5_core" : "igb"), noSnoopCapable: \(noSnoop), "
        + "iommu: dmar\(index % each == 0 ? 0 : 1) }\n"
    }
    let host = try folder.write(
      """
      apiVersion: vfioplan/v1
      kind: Host
      name: rack
      kernel: { release: "6.12.30", iommufd: true, vfioCdev: true, type1: true, kvm: true }
      iommus:
        - { name: dmar0, type: intel-vtd, enforceSnoop: false }
        - { name: dmar1, type: intel-vtd, enforceSnoop: true }
      devices:

      """ + hostDevices.joined(), to: "host.yaml")
    let vm = try folder.write(
      "apiVersion: vfioplan/v1\nkind: VM\nname: guest\nmemory: [ { gpa: 0, size: 1GiB } ]\n"
        + "devices:\n"
        + (0..<count).map { "  - { name: nic\($0), address: \"\(address($0))\" }\n" }.joined(),
      to: "vm.yaml")
    return ["compile", vm, "--host", host]
  }

  private static func lines(_ outcome: Tool.Outcome) -> [String] {
    outcome.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map(String.init)
  }

  @Test(arguments: [(1, 25), (4, 25), (100, 130)])
  func aPlanIsShort(count: Int, most: Int) throws {
    let folder = try TemporaryFolder()
    let outcome = try Tool.run(try Self.files(count, in: folder), columns: 80)
    let lines = Self.lines(outcome)
    #expect(outcome.code == 0 && lines.count <= most, "\(outcome.output)")
    #expect(lines[0].hasPrefix("guest: DMA of nic0"), "the verdict comes first")
    #expect(lines.count { $0.hasPrefix("! nic") || $0.hasPrefix("  nic") } == count)
  }

  /// Whether it is coherent, why not, what would help, what the host loses.
  @Test(arguments: [1, 2, 4, 20, 100], [80, 100, 120])
  func theAnswersStandInTheFirstTwelveLines(count: Int, width: Int) throws {
    let folder = try TemporaryFolder()
    let outcome = try Tool.run(try Self.files(count, in: folder), columns: width)
    let first = Self.lines(outcome).prefix(12).joined(separator: "\n")
    for answer in [
      "NON-COHERENT", "KVM carries out the guest's WBINVD", "behind dmar0, which can't enforce",
      "ways out", "host loses until the VM ends: mlx5_core",
    ] {
      let words = first.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(words.contains(answer), "\(answer) is not in\n\(first)")
    }
  }

  @Test(arguments: ScreenTests.Machine.examples)
  func theAnswersStandInTheFirstTwelveLinesOfEveryExample(
    machine: ScreenTests.Machine
  ) throws {
    let command = machine.arguments("compile {vm} --host {host}")
    let outcome = try Tool.run(command, columns: 80)
    if outcome.code != 0 { return }
    let first = Self.lines(outcome).prefix(12).joined(separator: "\n")
    let isCoherent = first.contains("all DMA is coherent")
    #expect(isCoherent != first.contains("NON-COHERENT"), "\(first)")
    #expect(isCoherent || first.contains("because ") && first.contains("ways out"), "\(first)")
    #expect(first.contains("host loses "), "\(first)")
  }

  /// A few of many devices are not worth a line as long as something helps all of them.
  @Test func ofManyDevicesTheWaysThatHelpAllAreShown() throws {
    let folder = try TemporaryFolder()
    let command = try Self.files(100, in: folder, noSnoop: "unknown")
    let outcome = try Tool.run(command, columns: 100)
    #expect(outcome.output.contains(": coherent if none can no-snoop\n"), "\(outcome.output)")
    #expect(!outcome.output.contains(": only "), "\(outcome.output)")
    #expect(try Tool.run(command + ["--why"]).output.contains("only nic"))
  }

  @Test func whatIsUnknownIsMarkedWithWhatSettlesIt() throws {
    let folder = try TemporaryFolder()
    let outcome = try Tool.run(
      try Self.files(2, in: folder, noSnoop: "unknown"), columns: 80)
    let lines = Self.lines(outcome)
    #expect(lines[0].hasPrefix("guest: DMA of nic0 may be NON-COHERENT"), "\(outcome.output)")
    #expect(outcome.output.contains("nobody knows whether it no-snoops"))
    #expect(lines.contains { $0.hasPrefix("! nic0") && $0.contains("non-coherent?") })
    #expect(lines.contains { $0.hasPrefix("  nic1") && $0.contains(" coherent ") })
    #expect(lines.contains("     vfioplan host --test-no-snoop 0000:10:00.0"))
  }

  @Test func theProgramAndTheReasonsComeOnRequest() throws {
    let folder = try TemporaryFolder()
    let command = try Self.files(2, in: folder)
    let plain = try Tool.run(command).output
    #expect(!plain.contains("ioctl") && plain.contains("next: --steps shows the program"))
    let steps = try Tool.run(command + ["--steps"]).output
    #expect(steps.contains("ioctl") && !steps.contains("RLIMIT_MEMLOCK"))
    let why = try Tool.run(command + ["--why"]).output
    #expect(!why.contains("ioctl") && why.contains("RLIMIT_MEMLOCK"))
    let all = try Tool.run(command + ["--all"]).output
    for part in [plain.components(separatedBy: "next:")[0], "ioctl", "RLIMIT_MEMLOCK"] {
      #expect(all.contains(part))
    }
  }

  @Test func aWarningIsPrintedOnce() throws {
    let example = Example.named("kvm-always")
    let command = ["compile", example.vmPath, "--host", example.hostPath]
    let outcome = try Tool.run(command)
    let text = "KVM is to carry out WBINVD although"
    #expect(outcome.errors.components(separatedBy: text).count == 2, "\(outcome.errors)")
    #expect(!outcome.output.contains(text), "\(outcome.output)")
    #expect(try Tool.run(command + ["--all"]).output.contains(text))
  }

  @Test(arguments: ["plan.out", "plan", "plan.json", "plan.txt"])
  func whatIsSavedCanBeApplied(name: String) throws {
    let folder = try TemporaryFolder()
    let plan = folder.path(name)
    let saved = try Tool.run(["compile"] + ApplyTests.input + ["-o", plan])
    #expect(saved == .init(code: 0, output: "", errors: ""))
    #expect(try Tool.run(["apply", plan, "--simulate"]).code == 0)
    let text = try Tool.run(["compile"] + ApplyTests.input + ["-o", plan, "--format", "text"])
    #expect(text.code == 0)
    #expect(try folder.text(name) == (try Tool.run(["compile"] + ApplyTests.input)).output)
  }

  @Test(arguments: [["--format", "json"], ["--pareto"], ["--as", "qemu"], ["-o", "x.json"]])
  func detailIsForText(options: [String]) throws {
    let outcome = try Tool.run(["compile"] + ApplyTests.input + ["--why"] + options)
    #expect(outcome.code == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains("--steps, --why and --all are about a plan as text."))
  }

  @Test func devicesAreCalledWhatTheSystemCallsThem() throws {
    let folder = try TemporaryFolder()
    let names = try folder.write(
      "# names\n8086  Intel Corporation\n\ta780  Raptor Lake [UHD Graphics 770]\n"
        + "\t125c  Ethernet Controller I226-V\n\t\t8086 0001  a card\n", to: "pci.ids")
    let outcome = try Tool.run(
      Tool.vfioplan, ["compile"] + ApplyTests.input, environment: ["VFIOPLAN_PCI_IDS": names])
    #expect(outcome.output.contains("Intel UHD Graphics 770"), "\(outcome.output)")
  }
}
