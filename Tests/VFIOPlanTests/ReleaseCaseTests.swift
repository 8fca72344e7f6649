import TestSupport
import Testing

/// What people reported of one release and not of another, each rebuilt from its facts.
struct ReleaseCaseTests {
  /// A client with graphics behind a unit without snoop control and two cards behind one with.
  private struct Client {
    var release: String
    var interfaces = "iommufd: true, vfioCdev: true, type1: true, kvm: true"
    var canGraphicsNoSnoop = true

    var text: String {
      """
      apiVersion: vfioplan/v1
      kind: Host
      name: client
      kernel: { release: "\(release)"\(interfaces.isEmpty ? "" : ", " + interfaces) }
      iommus:
        - { name: dmar0, type: intel-vtd, enforceSnoop: false, addressBits: 39, pageSizes: [4KiB] }
        - { name: dmar1, type: intel-vtd, enforceSnoop: true, addressBits: 39, pageSizes: [4KiB] }
      devices:
        - { address: "0000:00:02.0", vendor: 0x8086, class: 0x030000, iommu: dmar0, group: 0,
            noSnoopCapable: \(canGraphicsNoSnoop) }
        - { address: "0000:01:00.0", class: 0x030000, iommu: dmar1, group: 2,
            noSnoopCapable: true }
        - { address: "0000:03:00.0", class: 0x020000, iommu: dmar1, group: 17,
            noSnoopCapable: true }

      """
    }
  }

  private static let type1Only = "iommufd: false, vfioCdev: false, type1: true, kvm: true"
  private static let (igd, gpu, nic) = ("0000:00:02.0", "0000:01:00.0", "0000:03:00.0")

  private static func run(
    _ host: String, _ devices: [(address: String, noSnoop: String)], kvm: String = "auto",
    _ command: [String] = ["compile"], _ options: [String] = []
  ) throws -> Tool.Outcome {
    let folder = try TemporaryFolder()
    let list = devices.enumerated().map { index, device in
      "  - { name: d\(index), address: \"\(device.address)\", noSnoop: \(device.noSnoop) }\n"
    }
    let vm = try folder.write(
      "apiVersion: vfioplan/v1\nkind: VM\nname: vm\nkvm: { incoherentDMA: \(kvm) }\n"
        + "memory: [ { gpa: 1GiB, size: 1GiB } ]\ndevices:\n" + list.joined(), to: "vm.yaml")
    let file = try folder.write(host, to: "host.yaml")
    return try Tool.run(command + [vm, "--host", file] + options)
  }

  @Test(arguments: ["6.8.12-13-pve", "6.12.41+deb13-amd64"])
  func onAHostWithoutIOMMUFDQEMUIsOnType1AndReachesThePlan(release: String) throws {
    let host = Client(release: release, interfaces: Self.type1Only).text
    let outcome = try Self.run(
      host, [(Self.igd, "auto"), (Self.nic, "forbidden")], ["compile"], ["--as", "qemu"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("QEMU 10.0 with type1"))
    #expect(outcome.output.contains("in the order of the file it reaches the planned page tables"))
  }

  @Test(arguments: ["6.13", "6.14.11-2-pve", "6.17.4-1-pve", "6.18.2", "6.19", "7.3"])
  func whatCompilesRunsOnTheReleasesBetween(release: String) throws {
    let outcome = try Self.run(
      Client(release: release).text, [(Self.igd, "auto"), (Self.nic, "forbidden")],
      ["apply", "--simulate"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("the state is what the plan says"), "\(outcome.output)")
    #expect(!outcome.output.contains("ENOTTY"))
  }

  @Test func oneUnitWithoutSnoopControlKeepsType1FromEnforcingBefore5Point19() throws {
    let releases = [("5.10.0-28-amd64", true), ("5.15.0-91-generic", true), ("5.19", false)]
    for (release, isKept) in releases {
      let host = Client(release: release, interfaces: Self.type1Only).text
      for (noSnoop, kvm, code) in [
        ("forbidden", "auto", "VP3005"), ("allowed", "never", "VP3009"),
      ] {
        let outcome = try Self.run(host, [(Self.nic, noSnoop)], kvm: kvm)
        #expect((outcome.code == 1) == isKept, "\(release)\n\(outcome.errors)")
        #expect(outcome.errors.contains("error[\(code)]") == isKept)
        #expect(outcome.errors.contains("the weakest unit, 'dmar0'") == isKept)
        #expect(outcome.errors.contains("a kernel from Linux 5.19 on") == isKept)
      }
      let outcome = try Self.run(host, [(Self.nic, "allowed")], ["compile"], ["--format", "json"])
      #expect(outcome.output.contains("\"wbinvd\":\(isKept ? 1 : 0)"), "\(outcome.errors)")
    }
  }

  @Test(arguments: ["6.6.30", "6.7"])
  func nothingIsBorrowedWhereAttachesEnforce(release: String) throws {
    let isKept = release == "6.6.30"
    let host = Client(release: release).text
    let borrowed = try Self.run(host, [(Self.igd, "required"), (Self.gpu, "required")])
    #expect((borrowed.code == 69) == isKept || borrowed.code == 1, "\(borrowed.errors)")
    #expect(borrowed.errors.contains("error[VP3007]") == isKept, "\(borrowed.errors)")
    #expect(borrowed.errors.contains("a kernel from Linux 6.7 on") == isKept)
    let order = [(Self.igd, "required"), (Self.nic, "forbidden")]
    let outcome = try Self.run(host, order, ["compile"], ["--as", "cloud-hypervisor-53"])
    let missed = outcome.output.contains("in the order of the file it does not reach the plan")
    #expect(missed != isKept, "\(outcome.output)")
  }

  @Test func onArmNothingIsToBeCarriedOut() throws {
    let host = """
      apiVersion: vfioplan/v1
      kind: Host
      name: hopper
      kernel: { release: "6.14.0-1013-nvidia-64k", iommufd: true, vfioCdev: true, kvm: true }
      iommus: [ { name: smmu, type: arm-smmu-v3, enforceSnoop: unknown } ]
      devices:
        - { address: "0009:01:00.0", vendor: 0x10de, device: 0x2342, class: 0x030200, iommu: smmu,
            group: 10, driver: nvgrace_gpu_vfio_pci, noSnoopCapable: true }

      """
    let outcome = try Self.run(
      host, [("0009:01:00.0", "auto")], kvm: "never", ["compile", "--why"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("registered  d0"))
    #expect(!outcome.output.contains("WBINVD") && !outcome.output.contains("attributes"))
  }

  @Test func aHostThatDoesNotSaySoHasNoIOMMUFDWithoutAWord() throws {
    let host = Client(release: "6.12.41+deb13-amd64", interfaces: "").text
    let outcome = try Self.run(host, [(Self.gpu, "auto")], ["compile"], ["--format", "json"])
    #expect(outcome.code == 0 && outcome.output.contains(#""target":"type1""#))
    #expect(outcome.errors.contains("warning[VP4017]"), "\(outcome.errors)")
    let stated = Client(release: "6.12.41+deb13-amd64", interfaces: Self.type1Only).text
    #expect(try Self.run(stated, [(Self.gpu, "auto")]).errors == "")
  }

  @Test(arguments: ["5.19", "6.1.0-53-amd64"])
  func whileKVMAsksTheContainerWhatCanBeEnforcedJoinsFirst(release: String) throws {
    var client = Client(release: release, interfaces: Self.type1Only)
    client.canGraphicsNoSnoop = false
    let devices = [(Self.igd, "allowed"), (Self.nic, "auto")]
    let outcome = try Self.run(client.text, devices, kvm: "never", ["apply", "--simulate"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("ignores WBINVD"), "\(outcome.output)")
    let program = try Self.run(
      client.text, devices, kvm: "never", ["compile"], ["--format", "program"]
    ).output
    let steps = ["SET_CONTAINER", "FILE_ADD", "open \"/dev/vfio/0\""].map { text in
      program.range(of: text)?.lowerBound
    }
    #expect(steps == steps.sorted { ($0 ?? program.endIndex) < ($1 ?? program.endIndex) })
    #expect(!steps.contains(nil), "\(program)")
  }
}
