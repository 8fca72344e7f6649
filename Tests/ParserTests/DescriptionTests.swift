import TestSupport
import Testing

@testable import Parser

struct VMDescriptionTests {
  private let text = Reading.vmText(
    """
    objective: [pageTables, wbinvd, blockedNoSnoop, incoherentDevices]
    memory:
      - { gpa: 0x0,   size: 2GiB }
      - { gpa: 4GiB,  size: 6GiB, hugepages: 2MiB }
    kvm: { incoherentDMA: always }
    devices:
      - name: igd
        address: 0000:00:02.0
        noSnoop: required
      - { address: "10000:E1:1f.7", name: "123", addressSpace: dma0 }
    addressSpaces:
      - name: dma0
        memory: [ { iova: 0x1000, gpa: 4096, size: 64MiB } ]
    """)

  @Test func everyValueIsRead() throws {
    let vm = try Reading.vm(text)
    #expect(vm.name == "test")
    #expect(vm.objective.order == [.pageTables, .wbinvd, .blockedNoSnoop, .incoherentDevices])
    #expect(vm.memory.map(\.gpa) == [0, 4 << 30])
    #expect(vm.memory.map(\.size) == [2 << 30, 6 << 30])
    #expect(vm.memory.map(\.hugePageBytes) == [nil, 2 << 20])
    #expect(vm.kvm.incoherentDMA == .always)
    #expect(vm.devices.map(\.name) == ["igd", "123"])
    #expect(
      vm.devices.map(\.place)
        == ["0000:00:02.0", "10000:e1:1f.7"].map { DeviceReference($0) })
    #expect(vm.devices.map(\.noSnoop) == [.required, .auto])
    #expect(vm.devices.map(\.addressSpace) == ["gpa", "dma0"])
    #expect(vm.addressSpaces.map(\.name) == ["dma0"])
    #expect(vm.addressSpaces[0].windows.map(\.iova) == [4096])
    #expect(vm.addressSpaces[0].windows.map(\.gpa) == [4096])
    #expect(vm.addressSpaces[0].windows.map(\.size) == [64 << 20])
  }

  @Test func everySpanCoversItsValue() throws {
    let vm = try Reading.vm(text)
    func covered(_ span: SourceSpan) -> String { Reading.covered(span, of: text) }
    #expect(covered(vm.$name) == "test")
    #expect(covered(vm.memory[0].span) == "{ gpa: 0x0,   size: 2GiB }")
    #expect(covered(vm.kvm.$incoherentDMA) == "always")
    let igd = vm.devices[0]
    #expect(covered(igd.span).hasPrefix("name: igd") && covered(igd.span).hasSuffix("required"))
    #expect(covered(igd.$name) == "igd")
    #expect(covered(igd.$place) == "0000:00:02.0")
    #expect(covered(igd.$noSnoop) == "required")
    #expect(igd.$addressSpace == igd.$name)
    #expect(covered(vm.devices[1].$place) == "\"10000:E1:1f.7\"")
    #expect(covered(vm.devices[1].$addressSpace) == "dma0")
    #expect(covered(vm.addressSpaces[0].$name) == "dma0")
    #expect(covered(vm.addressSpaces[0].windows[0].span).hasPrefix("{ iova"))
  }

  @Test func whatIsLeftOutHasItsDefault() throws {
    let vm = try Reading.vm(Reading.vmText("memory: [{gpa: 0, size: 4096}]\ndevices: []\nkvm: ~\n"))
    #expect(vm.objective == .coherency)
    #expect(vm.kvm.incoherentDMA == .auto)
    #expect(vm.kvm.$incoherentDMA == vm.$name)
    #expect(vm.addressSpaces.isEmpty)
  }

  @Test(arguments: Objective.presets.map(\.name))
  func aPresetIsReadByName(name: String) throws {
    let vm = try Reading.vm(
      Reading.vmText("objective: \(name)\nmemory: [{gpa: 0, size: 4096}]\ndevices: []\n"))
    #expect(vm.objective.presetName == name)
  }

  @Test func keysWrittenOutWinOverMergedOnes() throws {
    let vm = try Reading.vm(
      Reading.vmText(
        """
        memory: [{gpa: 0, size: 4096}]
        devices:
          - &a { name: a, address: 0000:00:01.0, noSnoop: forbidden }
          - &b { <<: *a, name: b, address: 0000:00:02.0, addressSpace: x }
          - { name: c, <<: [*b, *a], address: 0000:00:03.0, noSnoop: allowed }
          - { name: d, address: 0000:00:04.0, <<: [*a, *b] }
          - { name: e, address: 0000:00:05.0, <<: *b }
        """))
    #expect(vm.devices.map(\.name) == ["a", "b", "c", "d", "e"])
    #expect(
      vm.devices.map(\.place)
        == (1...5).map { .address(BDF(domain: 0, bus: 0, device: $0, function: 0)) })
    #expect(
      vm.devices.map(\.noSnoop) == [.forbidden, .forbidden, .allowed, .forbidden, .forbidden])
    #expect(vm.devices.map(\.addressSpace) == ["gpa", "x", "x", "x", "x"])
  }

  @Test func aQuotedMergeKeyIsAnUnknownKey() {
    let findings = Reading.findings(
      Reading.vmText("memory: [{gpa: 0, size: 4096}]\ndevices: []\n\"<<\": {kvm: 1}\n"))
    #expect(findings.map(\.message) == ["unknown key '<<' in a VM description"])
  }

  @Test func aFindingInAnAliasedNodeIsReportedOnce() {
    let findings = Reading.findings(
      Reading.vmText(
        "memory: &m [{gpa: 0, size: 4K}]\ndevices: []\n"
          + "addressSpaces: [{name: x, memory: *m}, {name: y, memory: *m}]\n"))
    #expect(findings.filter { $0.code == ParserDiagnostics.bytes }.count == 1)
  }
}

struct HostDescriptionTests {
  @Test func everyValueIsRead() throws {
    let host = try Reading.host(
      Reading.hostText(
        """
        kernel: { release: 7.3, iommufd: false, vfioCdev: false, type1: false, kvm: false,
                  allowUnsafeInterrupts: true }
        iommus:
          - { name: dmar0, type: intel-vtd, enforceSnoop: true, isolatedMSI: false, addressBits: 39,
              pageSizes: [1GiB, 4KiB, 2MiB, 4096] }
        devices:
          - address: 0000:00:02.0
            vendor: 0x8086
            device: 0xa780
            class: 0x030000
            subsystem: 1462:7B48
            iommu: dmar0
            group: 7
            driver: i915
            noSnoopCapable: true
            reserved: [ { start: 0xfee00000, end: 0xfeefffff, type: msi } ]
          - { address: 0000:00:03.0, driver: null, iommu: ~ }
        """))
    #expect(host.kernel.release == "7.3")
    #expect(
      [host.kernel.iommufd, host.kernel.vfioCdev, host.kernel.type1].allSatisfy { $0 == .no })
    #expect(host.kernel.kvm == .no && host.kernel.allowUnsafeInterrupts)
    let unit = host.iommus[0]
    #expect(unit.enforceSnoop == .yes && !unit.isolatedMSI && unit.addressBits == 39)
    #expect(unit.pageSizes == [4096, 2 << 20, 1 << 30])
    let igd = host.devices[0]
    #expect((igd.vendor, igd.device, igd.classCode) == (0x8086, 0xa780, 0x30000))
    #expect((igd.iommu, igd.group, igd.driver) == ("dmar0", 7, "i915"))
    #expect(igd.subsystem == PCISubsystem(vendor: 0x1462, device: 0x7b48))
    #expect(igd.subsystem?.description == "1462:7b48")
    #expect(igd.noSnoopCapable == .yes)
    #expect(igd.reserved.map(\.start) == [0xfee0_0000])
    #expect(igd.reserved.map(\.kind) == [.msi])
    let other = host.devices[1]
    #expect(other.driver == nil && other.iommu == nil && other.group == nil)
    #expect(other.noSnoopCapable == .unknown && other.subsystem == nil && other.reserved.isEmpty)
  }

  @Test func aKernelClauseLeftOutHasAllInterfaces() throws {
    let host = try Reading.host(Reading.hostText("devices: []\n"))
    let kernel = host.kernel
    #expect(
      [kernel.iommufd, kernel.vfioCdev, kernel.type1, kernel.kvm].allSatisfy { $0 == .unknown })
    #expect(!host.kernel.allowUnsafeInterrupts)
    #expect(host.kernel.span == host.$name)
  }
}

struct HostProcessorTests {
  @Test func whatIsSaidOfTheCPUsIsRead() throws {
    let host = try Reading.host(
      Reading.hostText(
        """
        kernel: { architecture: s390x, cpuVendor: intel, guestPATQuirk: false, cpuSelfSnoop: true }
        devices: []
        """))
    let processor = host.kernel.processor
    #expect((processor.architecture, processor.vendor) == (.s390, .intel))
    #expect((processor.guestPATQuirk, processor.selfSnoop) == (.no, .yes))
    #expect(try Reading.host(Reading.hostText("devices: []\n")).kernel.processor == .init())
  }

  static let conclusions: [([String], HostProcessor.Architecture?)] = [
    (["intel-vtd"], .x86), (["amd-vi"], .x86), (["arm-smmu-v3"], .arm),
    (["virtio-iommu", "arm-smmu-v3"], .arm), (["virtio-iommu"], nil), (["iommu"], nil), ([], nil),
  ]

  @Test(arguments: conclusions)
  func theUnitsTellTheArchitecture(types: [String], found: HostProcessor.Architecture?) {
    var host = HostDescription(name: "host")
    host.iommus = types.enumerated().map { HostIOMMU(name: "unit\($0)", type: $1) }
    #expect(host.architecture == found)
    // Unknown counts as x86.
    #expect(host.hasIncoherentMode == (found != .arm))
  }

  @Test(arguments: HostProcessor.Architecture.allCases)
  func whatIsStatedComesBeforeTheUnits(stated: HostProcessor.Architecture) {
    var host = HostDescription(name: "host", iommus: [HostIOMMU(name: "dmar0")])
    host.kernel.processor.architecture = stated
    #expect(host.architecture == stated && host.hasIncoherentMode == (stated == .x86))
  }
}

struct DocumentKindTests {
  @Test(arguments: [
    ("kind: VM", DocumentKind.vm), ("kind: Host", .host), ("kind: Policy", .policy),
    ("kind: Pod", .unknown),
    ("{\"format\": \"vfioplan.plan/v1\"}", .plan), ("format: other", .plan),
    ("[kind, VM]", .unknown), ("kind: [VM]", .unknown), ("x: 1", .unknown),
  ])
  func theKindIsRead(text: String, kind: DocumentKind) throws {
    #expect(DescriptionReader.kind(of: try Reading.tree(text)) == kind)
  }

  @Test func aDocumentOfAnotherKindIsNamed() {
    let host = Reading.findings(Reading.hostText("devices: []\n"))
    #expect(host.map(\.message) == ["expected a VM description, found a host description"])
    #expect(Reading.covered(host[0].span, of: Reading.hostText("")) == "Host")
    let vm = Reading.findings(
      SourceFile(id: .host, name: "t", text: Reading.vmText("devices: []\n")))
    #expect(vm.map(\.code.name) == ["VP1025"])
    #expect(vm.map(\.message) == ["expected a host description, found a VM description"])
  }
}

struct DescriptionReaderTests {
  @Test(arguments: Example.all)
  func anExampleAndItsHostAreReadWithoutAFinding(example: Example) throws {
    let host = try PackageFiles.text(example.hostPath)
    #expect(Reading.findings(example.text) == [])
    #expect(Reading.findings(SourceFile(id: .host, name: "h", text: host)) == [])
  }

  @Test func twoFilesAreReadAtOnce() async throws {
    let example = try #require(Example.all.first)
    let text = try PackageFiles.text(example.hostPath)
    async let vm = Reading.vm(example.text)
    async let host = Reading.host(text)
    let together = try await (vm, host)
    #expect(try Reading.vm(example.text) == together.0)
    #expect(try Reading.host(text) == together.1)
  }

  @Test func aFileIsNotBlamedForAnother() throws {
    var sink = DiagnosticSink()
    let wrong = SourceFile(id: .vm, name: "vm", text: "a: [")
    #expect(throws: DiagnosticsError.self) { try DescriptionReader.vm(wrong, into: &sink) }
    let right = SourceFile(id: .host, name: "h", text: Reading.hostText("devices: []\n"))
    _ = try DescriptionReader.host(right, into: &sink)
    #expect(sink.diagnostics.map(\.code.name) == ["VP1006"])
  }
}
