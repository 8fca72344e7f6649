import TestSupport
import Testing

/// What people ran into with BARs, widths and locked memory, and what is said of it now.
struct BudgetCaseTests {
  private let folder: SysfsCopy

  init() throws { folder = try SysfsCopy() }

  /// Writes a machine and a VM, and compiles.
  private func compile(
    host: String, vm: String, _ arguments: String...
  ) throws -> (code: Int32, output: String, errors: String) {
    try folder.write("host.yaml", "apiVersion: vfioplan/v1\nkind: Host\nname: host\n" + host)
    try folder.write("vm.yaml", "apiVersion: vfioplan/v1\nkind: VM\nname: guest\n" + vm)
    let outcome = try Tool.run(
      ["compile", folder.path + "/vm.yaml", "--host", folder.path + "/host.yaml"] + arguments)
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
  func BARsOfAGuestBehindANarrowUnitHaveToLieBelow(target: String) throws {
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
    #expect(try form("qemu").contains("-cpu host,host-phys-bits=on,host-phys-bits-limit=39\n"))
    #expect(try form("libvirt").contains("<maxphysaddr mode='passthrough' limit='39'/>"))
    #expect(try form("cloud-hypervisor").contains("vfio_p2p_dma=off"))
    try folder.write("wide.yaml", "")
    let wide = Self.nested.replacing("addressBits: 39", with: "addressBits: 48")
    let plain = try compile(host: wide, vm: vm, "--target", target, "--format", "qemu")
    #expect(!plain.output.contains("-cpu"), "\(plain.output)")
  }

  @Test(arguments: ["iommufd", "type1"])
  func memoryInTwoAddressSpacesIsCountedTwice(target: String) throws {
    let vm = """
      memory: [ { gpa: 0, size: 2GiB }, { gpa: 4GiB, size: 3GiB } ]
      devices:
        - { name: one, address: "0000:23:00.0", addressSpace: a }
        - { name: two, address: "0000:a3:00.0", addressSpace: b }
      addressSpaces:
        - { name: a, memory: [ { iova: 0, gpa: 0, size: 2GiB }, { iova: 4GiB, gpa: 4GiB, size: 3GiB } ] }
        - { name: b, memory: [ { iova: 0, gpa: 0, size: 2GiB }, { iova: 4GiB, gpa: 4GiB, size: 3GiB } ] }

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
      kernel: { release: "6.17.0-1004-nvidia", iommufd: true, vfioCdev: true, type1: true, kvm: true }
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
}
