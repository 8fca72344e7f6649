import Parser
import TestSupport
import Testing

@testable import Planner

/// Devices that hang on each other, and the tokens of virtual functions.
struct RelationTests {
  private static let token = VFToken("00112233-4455-6677-8899-aabbccddeeff")
  private static let type1: any Dialect = VFIOType1Dialect()

  /// Three devices in groups of their own, the second and third virtual functions of the first.
  private static func sriov(_ driver: String?, child: String? = nil) -> HostDescription {
    var host = SmallWorld(devices: (0..<3).map { SmallWorld.Device(group: $0) }).host
    host.devices[0].driver = driver
    for index in [1, 2] {
      host.devices[index].physicalFunction = host.devices[0].address
      host.devices[index].driver = child
    }
    return host
  }

  /// A controller, the bridge and the drive behind it, all in one group, and a device by itself.
  private static func vmd(drive: String?) -> HostDescription {
    var host = SmallWorld(devices: [0, 0, 0, 1].map { SmallWorld.Device(group: $0) }).host
    for (index, driver) in ["vmd", "pcieport", drive, nil].enumerated() {
      host.devices[index].driver = driver
    }
    for bus in [UInt8(1), 2] {
      host.devices[Int(bus)].address = BDF(domain: 0x10000, bus: bus, device: 0, function: 0)
    }
    return host
  }

  /// A VM with some of a host's devices, each with a token or not.
  private static func vm(
    _ host: HostDescription, _ devices: [Int], token: VFToken? = nil,
    companions: CompanionPolicy = .refuse
  ) -> VMDescription {
    var vm = VMDescription(name: "t", memory: [MemoryRegion(gpa: 0, size: 1 << 20)])
    vm.devices = devices.map {
      var device = AssignedDevice<DeviceReference>(
        name: "d\($0)", address: host.devices[$0].address)
      device.vfToken = token
      return device
    }
    vm.companions = companions
    return vm
  }

  private static func findings(
    _ vm: VMDescription, _ host: HostDescription, _ target: any Dialect = IOMMUFDDialect()
  ) -> [Diagnostic] {
    var sink = DiagnosticSink()
    _ = try? Compilation.compile(vm, on: host, dialect: target, into: &sink)
    return sink.diagnostics
  }

  private static func codes(
    _ vm: VMDescription, _ host: HostDescription, _ target: any Dialect = IOMMUFDDialect()
  ) -> [String] {
    findings(vm, host, target).map(\.code.name)
  }

  @Test(arguments: ["igb", "nvme", nil])
  func aPhysicalFunctionStaysWithItsDriverWhileItHasVirtualFunctions(driver: String?) {
    let host = Self.sriov(driver)
    for dialect in Dialects.all {
      let alone = Self.findings(Self.vm(host, [0]), host, dialect)
      #expect(alone.map(\.code.name) == ["VP4043"])
      #expect(alone[0].message.contains("'\(host.devices[1].address)'"))
      let both = Self.findings(Self.vm(host, [0, 2]), host, dialect)
      #expect(both.map(\.code.name) == ["VP4043"])
      #expect(both[0].message.contains("'d2'") && both[0].message.contains("'d0'"))
      #expect(Self.codes(Self.vm(host, [1, 2]), host, dialect) == [])
    }
  }

  /// One that VFIO has may be given, but not to a VM with one of its virtual functions.
  @Test func physicalFunctionOnVFIO() {
    let host = Self.sriov("vfio-pci", child: "vfio-pci")
    #expect(Self.codes(Self.vm(host, [0]), host) == [])
    #expect(Self.codes(Self.vm(host, [0, 1], token: Self.token), host) == ["VP4043"])
    #expect(Self.codes(Self.vm(host, [0], token: Self.token), host) == [])
  }

  @Test func asAMateItIsNotTakenEitherWhateverIsSaidAboutCompanions() {
    var host = Self.sriov("igb")
    for index in [0, 1] { host.devices[index].group = 7 }
    for policy in CompanionPolicy.allCases {
      let found = Self.findings(Self.vm(host, [1], companions: policy), host)
      #expect(found.map(\.code.name) == ["VP4043"])
      #expect(found[0].message.contains("'\(host.devices[0].address)'"))
      #expect(found[0].message.contains("'d1'"))
    }
  }

  @Test func aDriveBehindAControllerIsNotGivenAwayAloneNorTakenFromUnderSomebody() {
    for policy in CompanionPolicy.allCases {
      let host = Self.vmd(drive: "nvme")
      let drive = Self.findings(Self.vm(host, [2], companions: policy), host)
      #expect(drive.map(\.code.name) == ["VP4044"])
      #expect(drive[0].message.contains("'\(host.devices[0].address)'"))
      #expect(drive[0].message.contains("'\(host.devices[2].address)'"))
      #expect(drive[0].help?.contains("give '\(host.devices[0].address)'") == true)
      let used = Self.findings(Self.vm(host, [0], companions: policy), host)
      #expect(used.map(\.code.name) == ["VP4044"])
      #expect(used[0].message.contains("'nvme' of the host"))
      let both = Self.findings(Self.vm(host, [0, 2], companions: policy), host)
      #expect(both.map(\.code.name) == ["VP4044"])
      let free = Self.vmd(drive: nil)
      #expect(Self.codes(Self.vm(free, [0], companions: policy), free) == [])
    }
  }

  @Test func whatADescriptionSaysWithBehindCountsInAnyDomainAndGroup() {
    var host = Self.sriov("igb")
    for index in [1, 2] { host.devices[index].physicalFunction = nil }
    #expect(Self.codes(Self.vm(host, [0]), host) == [])
    host.devices[1].behind = host.devices[0].address
    #expect(Self.codes(Self.vm(host, [0]), host) == [])
    host.devices[1].driver = "nvme"
    #expect(Self.codes(Self.vm(host, [0]), host) == ["VP4044"])
    #expect(Self.codes(Self.vm(host, [0, 1]), host) == ["VP4044"])
    #expect(Self.codes(Self.vm(host, [1]), host) == [])
    // What is behind the virtual function of what is behind goes, too.
    host.devices[2].physicalFunction = host.devices[1].address
    host.devices[1].driver = nil
    host.devices[2].driver = "nvme"
    #expect(Self.codes(Self.vm(host, [0]), host) == ["VP4044"])
  }

  @Test func aRelationToItselfInACircleOrToWhatIsNotThereHarmsNobody() {
    var host = Self.sriov("igb")
    host.devices[0].physicalFunction = host.devices[0].address
    host.devices[1].physicalFunction = BDF(domain: 9, bus: 9, device: 9, function: 0)
    host.devices[2].physicalFunction = nil
    #expect(Self.codes(Self.vm(host, [0, 1, 2]), host) == [])
    host.devices[0].behind = host.devices[1].address
    host.devices[1].behind = host.devices[0].address
    #expect(Self.codes(Self.vm(host, [2]), host) == [])
    #expect(Self.codes(Self.vm(host, [0]), host) == [])
    #expect(Self.codes(Self.vm(host, [0, 1]), host) == ["VP4044", "VP4044"])
  }

  @Test func aVirtualFunctionOfAFunctionOnVfioPciNeedsTheirToken() {
    let host = Self.sriov("vfio-pci", child: "vfio-pci")
    for target in [Self.type1, IOMMUFDDialect()] {
      let found = Self.findings(Self.vm(host, [1]), host, target)
      #expect(found.map(\.code.name) == ["VP4045"])
      #expect(found[0].message.contains("'\(host.devices[0].address)'"))
      #expect(Self.codes(Self.vm(host, [1, 2], token: Self.token), host, target) == [])
    }
    var different = Self.vm(host, [1, 2], token: Self.token)
    different.devices[1].vfToken = VFToken(bytes: [UInt8](repeating: 1, count: 16))
    #expect(Self.codes(different, host) == ["VP4048"])
    let other = Self.sriov("igb")
    #expect(Self.codes(Self.vm(other, [1], token: Self.token), other) == ["VP4046"])
    let none = SmallWorld(devices: [SmallWorld.Device()]).host
    #expect(Self.codes(Self.vm(none, [0], token: Self.token), none) == ["VP4046"])
  }

  /// iommufd takes a token as of 6.19 and 6.18.5, or where the host says so.
  @Test(arguments: [
    ("6.12", false), ("6.17", false), ("6.18.0", false), ("6.18.4", false), ("6.18.5", true),
    ("6.18.7", true), ("6.19", true), ("7.3.4", true),
  ])
  func iommufdTakesATokenByReleaseOrWhereTheHostSaysSo(release: String, isTaken: Bool) {
    var host = Self.sriov("vfio-pci", child: "vfio-pci")
    host.kernel.release = release
    let given = Self.vm(host, [1], token: Self.token)
    #expect(Self.codes(given, host) == (isTaken ? [] : ["VP4047"]))
    #expect(Self.codes(Self.vm(host, [1]), host) == [isTaken ? "VP4045" : "VP4047"])
    #expect(Self.codes(given, host, Self.type1) == [])
    host.kernel.release = "5.4.1"
    #expect(Self.codes(given, host, Self.type1) == ["VP4047"])
    host.kernel.release = release
    host.kernel.statedRules["bindReadsTokens"] = .init(!isTaken)
    #expect(Self.codes(given, host) == (isTaken ? ["VP4047"] : []))
  }

  @Test(arguments: [
    ("6.12.41", "opens it without asking for a token"), ("6.17.8", "does not take"),
    ("6.18.0", "is not known to take"), ("6.18.4", "does not take"),
    ("6.6.0-72.0.0.76.oe2403", "is not known to take"),
  ])
  func whatAKernelDoesWithATokenIsSaidAsFarAsItIsKnown(release: String, words: String) {
    var host = Self.sriov("vfio-pci", child: "vfio-pci")
    host.kernel.release = release
    let found = Self.findings(Self.vm(host, [1], token: Self.token), host)
    #expect(found.count == 1 && found[0].message.contains(words), "\(found)")
    #expect(found.first?.help?.contains("from 6.19 or 6.18.5 on") == true)
  }

  @Test func theTokenIsInTheProgramAndTheTextOfTheProgramReadsBack() throws {
    let host = Self.sriov("vfio-pci", child: "vfio-pci")
    let token = try #require(Self.token)
    let member = [
      "type1": " name=\(host.devices[1].address) vf_token=\(token) ",
      "iommufd": " iommufd=%iommufd token_uuid_ptr=\(token) ",
    ]
    for target in [Self.type1, IOMMUFDDialect()] {
      var sink = DiagnosticSink()
      let vm = Self.vm(host, [1], token: token)
      let compiled = try Compilation.compile(vm, on: host, dialect: target, into: &sink)
      let text = ProgramText.text(of: compiled.program)
      #expect(text.contains(try #require(member[target.name])), "\(text)")
      #expect(ProgramVerifier.verify(compiled.program, for: target).isEmpty)
      let read = try ProgramTextReader.read(SourceFile(id: .vm, name: "p", text: text))
      #expect(read.steps.map(\.action) == compiled.program.steps.map(\.action))
    }
  }

  @Test(arguments: [
    ("vfio_pci", "vfio-pci"), ("mlx5-vfio-pci", "mlx5_vfio_pci"),
    ("nvgrace-gpu-vfio-pci", "nvgrace_gpu_vfio_pci"), ("vfio-pci", nil), ("mlx5_vfio_pci", nil),
  ])
  func aDriverIsNamedAsSysfsHasIt(name: String, real: String?) {
    var host = Self.sriov("igb")
    var vm = Self.vm(host, [1])
    vm.devices[0].driver = name
    let found = Self.findings(vm, host)
    #expect(found.map(\.code.name) == (real == nil ? [] : ["VP4015"]))
    if let real { #expect(found[0].message.contains("'\(real)'")) }
    // Whatever some device of the host is on is the name of a driver.
    host.devices[2].driver = name
    #expect(Self.codes(vm, host) == [])
  }

  @Test func aDriverOfVFIOIsKnownByWhatItDoesNotByItsName() throws {
    var host = Self.sriov("nvidia", child: "nvidia")
    host.devices[1].vfioDriver = .yes
    var sink = DiagnosticSink()
    let compiled = try Compilation.compile(
      Self.vm(host, [1]), on: host, dialect: IOMMUFDDialect(), into: &sink)
    #expect(!ProgramText.text(of: compiled.program).contains("sysfs"))
    var named = Self.vm(host, [1])
    named.devices[0].driver = "nvidia"
    #expect(Self.codes(named, host) == [])
    named.devices[0].place = .address(host.devices[2].address)
    #expect(Self.codes(named, host) == ["VP4015"])
    // As a mate it leaves the group usable, and a name alone does not.
    for index in [1, 2] { host.devices[index].group = 7 }
    #expect(Self.codes(Self.vm(host, [2]), host) == [])
    host.devices[1].vfioDriver = .unknown
    #expect(Self.codes(Self.vm(host, [2]), host) == ["VP4005"])
    host.devices[1].driver = "vfio-pci"
    #expect(Self.codes(Self.vm(host, [2]), host) == [])
    host.devices[1].vfioDriver = .no
    #expect(Self.codes(Self.vm(host, [2]), host) == ["VP4005"])
  }
}
