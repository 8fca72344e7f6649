import TestSupport
import Testing

/// What people ran into with BARs, widths and locked memory, and what is said of it now.
struct BudgetCaseTests {
  private let folder: SysfsCopy

  init() throws { folder = try SysfsCopy() }

  /// Writes a machine and a VM, and compiles; as text, all there is to say.
  private func compile(
    host: String, vm: String, _ arguments: String...
  ) throws -> (code: Int32, output: String, errors: String) {
    try folder.write("host.yaml", "apiVersion: vfioplan/v1\nkind: Host\nname: host\n" + host)
    try folder.write("vm.yaml", "apiVersion: vfioplan/v1\nkind: VM\nname: guest\n" + vm)
    let detail = arguments.contains("--format") ? [] : ["--all"]
    let outcome = try Tool.run(
      ["compile", folder.path + "/vm.yaml", "--host", folder.path + "/host.yaml"] + arguments
        + detail)
    return (outcome.code, outcome.output, outcome.errors)
  }

  private static func words(_ text: String) -> String {
    text.split { $0.isWhitespace }.joined(separator: " ")
  }

  /// Two accelerators of 64 GiB each behind AMD's unit.
  private static func accelerators(_ release: String) -> String {
    let bars =
      "bars: [ { index: 0, size: 32MiB, prefetchable: false, bits: 32 }, "
      + "{ index: 2, size: 64GiB, prefetchable: true, bits: 64 } ]"
    let devices = [("23", 11), ("a3", 12)].map { bus, group in
      "  - { address: \"0000:\(bus):00.0\", vendor: 0x10de, device: 0x26b9, class: 0x030200, "
        + "iommu: ivhd1, group: \(group), driver: vfio-pci, noSnoopCapable: true, \(bars) }\n"
    }
    return """
      kernel: { release: "\(release)", iommufd: true, vfioCdev: true, type1: true, kvm: true }
      iommus: [ { name: ivhd1, type: amd-vi, enforceSnoop: true, addressBits: 48 } ]
      devices:

      """ + devices.joined()
  }

  private static let pair = """
    memory: [ { gpa: 0, size: 3GiB }, { gpa: 4GiB, size: 61GiB, hugepages: 1GiB } ]
    devices:
      - { name: one, address: "0000:23:00.0" }
      - { name: two, address: "0000:a3:00.0" }

    """

  @Test(arguments: [("6.12.9", "false"), ("7.1.0", "true")])
  func iommufdPlansSayThatDevicesDoNotReachEachOther(release: String, maps: String) throws {
    let host = Self.accelerators(release)
    let text = Self.words(try compile(host: host, vm: Self.pair).output)
    #expect(text.contains("peer-to-peer none: the plan maps memory only"), "\(text)")
    #expect(text.contains("dma-bufs"), "\(text)")
    #expect(text.contains("BARs 128 GiB 64 MiB in all"), "\(text)")
    let json = try compile(host: host, vm: Self.pair, "--format", "json").output
    for member in [
      "\"vmmMapsBARs\":\(maps)", "\"peerToPeer\":false", "\"guestAddressBits\":38",
      "\"lockedBytes\":\"0x1000000000\"", "\"barBytes\":\"0x2004000000\"", "\"fitsIOMMU\":true",
    ] { #expect(json.contains(member), "\(member) is not in \(json)") }
  }

  @Test func cloudHypervisorIsToldWhereItWouldNotStart() throws {
    let host = Self.accelerators("6.12.9")
    let iommufd = try compile(host: host, vm: Self.pair, "--format", "cloud-hypervisor")
    #expect(iommufd.output.hasPrefix("--platform iommufd_fd={iommufd},vfio_p2p_dma=off\n"))
    let type1 = try compile(
      host: host, vm: Self.pair, "--format", "cloud-hypervisor", "--target", "type1")
    #expect(type1.code == 0 && !type1.output.contains("vfio_p2p_dma"), "BARs fit in 48 bits")
    let narrow = host.replacing("addressBits: 48", with: "addressBits: 37")
    let beyond = try compile(
      host: narrow, vm: Self.pair, "--format", "cloud-hypervisor", "--target", "type1")
    #expect(beyond.output.hasPrefix("--platform vfio_p2p_dma=off\n"), "\(beyond.output)")
    #expect(beyond.errors.contains("VP3050") && beyond.errors.contains("'ivhd1' has 37"))
  }

  @Test func hugePagesOfSomeRegionsAreNotDroppedWithoutAWord() throws {
    let host = Self.accelerators("6.12.9")
    let qemu = try compile(host: host, vm: Self.pair, "--format", "qemu")
    #expect(
      qemu.output.hasPrefix(
        """
        -m size=65536M
        -object memory-backend-memfd,id=memory0,size=68719476736,hugetlb=on,hugetlbsize=1073741824
        -machine memory-backend=memory0

        """), "\(qemu.output)")
    let libvirt = try compile(host: host, vm: Self.pair, "--format", "libvirt")
    #expect(libvirt.output.contains("<page size='1073741824' unit='b'/>"), "\(libvirt.output)")
    for errors in [qemu.errors, libvirt.errors] {
      #expect(errors.contains("warning[VP3051]") && errors.contains("size: 3GiB"), "\(errors)")
    }
  }

  /// A guest whose own IOMMU is narrow and can't enforce, with a drive behind it.
  private static let nested = """
    kernel: { release: "6.6.30", iommufd: true, vfioCdev: true, type1: true, kvm: true }
    iommus: [ { name: dmar0, type: intel-vtd, enforceSnoop: false, addressBits: 39 } ]
    devices:
      - { address: "0000:00:07.0", class: 0x010802, iommu: dmar0, group: 7, noSnoopCapable: true }

    """

  @Test func memoryBeyondANarrowUnitIsRefusedWithItsWidth() throws {
    let refused = try compile(
      host: Self.nested,
      vm: """
        memory: [ { gpa: 0, size: 1GiB }, { gpa: 0x8000000000, size: 1GiB } ]
        devices: [ { name: drive, address: "0000:00:07.0" } ]

        """)
    #expect(refused.code == 1 && refused.errors.contains("39 address bits of IOMMU 'dmar0'"))
  }

  @Test(arguments: ["iommufd", "type1"])
  func barsOfAGuestBehindANarrowUnitHaveToLieBelow(target: String) throws {
    let vm =
      "memory: [ { gpa: 0, size: 1GiB } ]\n"
      + "devices: [ { name: drive, address: \"0000:00:07.0\" } ]\n"
    let plan = try compile(host: Self.nested, vm: vm, "--target", target)
    let text = Self.words(plan.output)
    #expect(plan.code == 0 && text.contains("BARs unknown of drive"), "\(text)")
    #expect(text.contains("BARs of 64 bits that a VMM maps have to lie below 512 GiB, too"))
    #expect(text.contains("WBINVD carried out"), "the unit can't enforce")
    func form(_ name: String) throws -> String {
      try compile(host: Self.nested, vm: vm, "--target", target, "--format", name).output
    }
    let globals = ["host-phys-bits=on", "host-phys-bits-limit=39"]
    let lines = globals.map { "-global x86_64-cpu.\($0)\n" }.joined()
    #expect(try form("qemu").hasPrefix(lines))
    #expect(try form("libvirt").contains("<maxphysaddr mode='passthrough' limit='39'/>"))
    #expect(try form("cloud-hypervisor").contains("vfio_p2p_dma=off"))
    let wide = Self.nested.replacing("addressBits: 39", with: "addressBits: 48")
    let plain = try compile(host: wide, vm: vm, "--target", target, "--format", "qemu")
    #expect(!plain.output.contains("-global"), "\(plain.output)")
  }

  @Test(arguments: ["iommufd", "type1"])
  func memoryInTwoAddressSpacesIsCountedTwice(target: String) throws {
    let vm = """
      memory: [ { gpa: 0, size: 2GiB }, { gpa: 4GiB, size: 3GiB } ]
      devices:
        - { name: one, address: "0000:23:00.0", addressSpace: a }
        - { name: two, address: "0000:a3:00.0", addressSpace: b }
      addressSpaces:
        - name: a
          memory: [ { iova: 0, gpa: 0, size: 2GiB }, { iova: 4GiB, gpa: 4GiB, size: 3GiB } ]
        - name: b
          memory: [ { iova: 0, gpa: 0, size: 2GiB }, { iova: 4GiB, gpa: 4GiB, size: 3GiB } ]

      """
    let host = Self.accelerators("6.12.9")
    let text = Self.words(try compile(host: host, vm: vm, "--target", target).output)
    #expect(text.contains("locked 10 GiB against RLIMIT_MEMLOCK"), "\(text)")
    #expect(text.contains("that is 5 GiB of guest memory, counted again in each address space"))
    let qemu = try compile(host: host, vm: vm, "--target", target, "--format", "qemu")
    #expect(qemu.errors.contains("VP3022") && qemu.errors.contains("-device intel-iommu"))
    let once = try compile(host: host, vm: vm, "--target", "ioasid")
    #expect(Self.words(once.output).contains("locked 5 GiB against RLIMIT_MEMLOCK"))
  }

  @Test(arguments: [
    ("iommufd", "count them as locked on top"), ("type1", "is not counted as locked"),
  ])
  func whatAPlanLocksIsSaidAndWhetherBARsCount(target: String, said: String) throws {
    let host = """
      kernel: { release: "6.17.0-1004-nvidia", iommufd: true, vfioCdev: true, type1: true }
      iommus: [ { name: smmu3.1, type: arm-smmu-v3, enforceSnoop: unknown, addressBits: 48 } ]
      devices: [ { address: "0002:01:00.0", class: 0x030200, iommu: smmu3.1, group: 3 } ]

      """
    let vm = """
      memory: [ { gpa: 1GiB, size: 96GiB } ]
      devices: [ { name: gpu, address: "0002:01:00.0" } ]

      """
    let text = Self.words(try compile(host: host, vm: vm, "--target", target).output)
    #expect(text.contains("locked 96 GiB against RLIMIT_MEMLOCK, counted for the process"))
    #expect(text.contains("BARs unknown of gpu") && text.contains(said), "\(text)")
    if target == "iommufd" { #expect(text.contains("by itself is counted by user"), "\(text)") }
  }

  @Test func aPlanOfAnEarlierVersionWithoutABudgetIsReadAndAForgedBudgetIsNot() throws {
    let json = try compile(
      host: Self.accelerators("6.12.9"), vm: Self.pair, "--format", "json"
    ).output
    let line = try #require(json.split(separator: "\n").first { $0.hasPrefix("  \"budget\"") })
    func read(_ text: String) throws -> Tool.Outcome {
      try folder.write("plan.json", text)
      return try Tool.run(["compile", folder.path + "/plan.json", "--format", "json"])
    }
    let old = try read(json.replacing(line + "\n", with: ""))
    #expect(old.code == 0 && old.output.contains(line), "\(old.errors)")
    let forged = try read(json.replacing("\"mappings\":2,\"l", with: "\"mappings\":1,\"l"))
    #expect(forged.code != 0 && forged.errors.contains("budget.mappings"), "\(forged.errors)")
  }
}

/// BARs and widths of a machine, from its files to every form.
struct BARCaseTests {
  private let copy: SysfsCopy
  private static let resource = "sys/bus/pci/devices/0000:21:00.0/resource"

  init() throws {
    copy = try SysfsCopy()
    try copy.kernel("6.18.2", nodes: ["vfio", "kvm"])
    try copy.write(
      "proc/cpuinfo",
      "vendor_id\t: GenuineIntel\nflags\t\t: fpu ss\n"
        + "address sizes\t: 46 bits physical, 57 bits virtual\n")
    try copy.write("sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "131072\n")
    try copy.unit("dmar3", cap: "d2008c40660462", ecap: "f050da")
    try copy.device("0000:21:00.0", 0x8086, 0x56c0, 0x038000, unit: "dmar3", group: 9)
    try copy.device("0000:22:00.0", 0x8086, 0x1593, 0x020000, unit: "dmar3", group: 10)
    let nothing = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
    try copy.write(
      Self.resource,
      "0x00000000a1000000 0x00000000a1ffffff 0x0000000000140204\n" + nothing
        + "0x000000f800000000 0x000000fbffffffff 0x000000000014220c\n"
        + String(repeating: nothing, count: 10))
  }

  private func host(_ form: String, root: String? = nil) throws -> Tool.Outcome {
    try Tool.run(["host", "--root", root ?? copy.path, "--format", form])
  }

  @Test func everyFormHasThemAndWhatNoFileTellsIsLeftOut() throws {
    let yaml = try host("yaml").output
    #expect(
      yaml.contains(
        """
            bars:
              - { index: 0, size: 16MiB, prefetchable: false, bits: 64 }
              - { index: 2, size: 16GiB, prefetchable: true, bits: 64 }

        """), "\(yaml)")
    #expect(yaml.components(separatedBy: "bars:").count == 2, "the other device's are unknown")
    #expect(yaml.contains("cpuAddressBits: 46, dmaEntryLimit: 131072"), "\(yaml)")
    let json = try host("json").output
    #expect(
      json.contains(
        #""bars":[{"index":0,"size":"0x1000000","prefetchable":false,"bits":64},"#
          + #"{"index":2,"size":"0x400000000","prefetchable":true,"bits":64}]"#), "\(json)")
    #expect(json.contains(#""cpuAddressBits":46"#) && json.contains(#""dmaEntryLimit":131072"#))
    let shown = try Tool.run(["host", "--root", copy.path, "--all"])
    let text = shown.output.split { $0.isWhitespace }.joined(separator: " ")
    #expect(text.contains("BARs 16 MiB + 16 GiB"), "\(text)")
    for (form, text) in [("yaml", yaml), ("json", json)] {
      try copy.write("host." + form, text)
      try SchemaTests.validate(["host", copy.path + "/host." + form])
    }
  }

  @Test func bothFormsGiveTheSamePlan() throws {
    try copy.write(
      "vm.yaml",
      """
      apiVersion: vfioplan/v1
      kind: VM
      name: vm
      memory: [ { gpa: 0, size: 1GiB } ]
      devices: [ { name: gpu, address: "0000:21:00.0" } ]

      """)
    let plans = try ["yaml", "json"].map { form in
      try copy.write("host." + form, try host(form).output)
      return try Tool.run(
        [
          "compile", copy.path + "/vm.yaml", "--host", copy.path + "/host." + form, "--target",
          "type1", "--why",
        ])
    }
    #expect(plans[0].code == 0 && plans[0] == plans[1], "\(plans[0].errors)")
    #expect(plans[0].output.contains("of at most 131072 in a container (dma_entry_limit)"))
    #expect(plans[0].output.contains("BARs          16 GiB 16 MiB in all"), "\(plans[0].output)")
  }

  @Test func aCaptureHasThemToo() throws {
    let archive = copy.path + "/capture.tar"
    #expect(try Tool.run(["host", "--root", copy.path, "--capture", archive]).code == 0)
    #expect(try host("yaml", root: archive).output == host("yaml").output)
  }

  @Test func aFileThatIsNoListOfWindowsIsNamedAndTheBARsAreUnknown() throws {
    try copy.write(Self.resource, "0x0 0x0\n")
    let outcome = try host("yaml")
    #expect(outcome.code == 66 && outcome.errors.contains("0000:21:00.0/resource"))
    #expect(outcome.output.contains("0000:21:00.0") && !outcome.output.contains("bars"))
  }
}
