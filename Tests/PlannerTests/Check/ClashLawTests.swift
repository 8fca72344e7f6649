import Parser
import TestSupport
import Testing

@testable import Planner

/// What several VMs of a host can't have at the same time: laws of drawn hosts and VMs.
struct ClashLawTests {
  /// A host and VMs that take devices of it, drawn from a seed.
  struct Fleet: CustomTestStringConvertible {
    var seed: UInt64
    var host: HostDescription
    var vms: [VMDescription]
    var testDescription: String { "seed \(seed)" }

    init(seed: UInt64, apart: Bool = false) {
      self.seed = seed
      var random = SeededNumbers(seed: seed)
      let count = Int.random(in: 4...12, using: &random)
      var groups: [Int] = []
      for index in 0..<count {
        let isMate = index > 0 && Bool.random(using: &random)
        groups.append(isMate ? groups[index - 1] : index)
      }
      host = SmallWorld(devices: groups.map { SmallWorld.Device(group: $0) }).host
      for index in host.devices.indices.dropFirst() {
        if Int.random(in: 0..<4, using: &random) == 0 {
          host.devices[index].physicalFunction = host.devices[0].address
        }
      }
      host.kernel.release = "7.3.4"
      let number = Int.random(in: 2...4, using: &random)
      let all = host.devices
      vms = (0..<number).map { vm in
        let wanted = all.filter { device in
          apart
            ? (device.group ?? 0) % number == vm
            : Int.random(in: 0..<3, using: &random) == 0
        }
        return Self.vm("vm\(vm)", wanted.map(\.address), number: UInt32(vm))
      }
      if apart { for index in host.devices.indices { host.devices[index].physicalFunction = nil } }
    }

    static func vm(_ name: String, _ addresses: [BDF], number: UInt32) -> VMDescription {
      let source = SourceID(rawValue: SourceID.firstOfMany.rawValue + number)
      let place = SourceSpan(source: source, start: 0, end: 0)
      return VMDescription(
        name: name, memory: [MemoryRegion(gpa: 0, size: 1 << 20)],
        devices: addresses.enumerated().map { index, address in
          let start = UInt32(10 * (index + 1))
          return AssignedDevice(
            name: "d\(index)", address: address, noSnoop: .allowed,
            span: SourceSpan(source: source, start: start, end: start + 5))
        }, nameSpan: place)
    }

    /// The report of the VMs in an order.
    func report(_ vms: [VMDescription]? = nil) -> CheckReport {
      let index = HostIndex(host)
      let check = VMCheck(on: index)
      let checked = (vms ?? self.vms).map { vm in
        var checked = check.checked(vm, warnings: [])
        checked.path = vm.name + ".yaml"
        return checked
      }
      return CheckReport(
        checked, on: index, as: nil, isStrict: false, skipped: [], common: [], files: [])
    }
  }

  static let fleets = (0..<60).map { Fleet(seed: $0) }

  /// What clashes, whatever the order: kinds, with the names of VMs and the devices.
  static func summary(_ report: CheckReport) -> Set<String> {
    Set(
      report.clashes.map { clash in
        let names = clash.vms.map { report.vms[$0].name }.sorted()
        let devices = Set(clash.addresses.map(\.description)).sorted()
        return "\(clash.kind) \(names) \(devices)"
      })
  }

  @Test(arguments: fleets)
  func whatClashesDoesNotDependOnTheOrderOfFiles(fleet: Fleet) {
    let expected = Self.summary(fleet.report())
    #expect(Self.summary(fleet.report(fleet.vms.reversed())) == expected)
    let turned = Array(fleet.vms.dropFirst() + fleet.vms.prefix(1))
    #expect(Self.summary(fleet.report(turned)) == expected)
  }

  @Test(arguments: (0..<40).map { Fleet(seed: $0, apart: true) })
  func vmsWithoutADeviceOrAGroupInCommonNeverClash(fleet: Fleet) {
    #expect(fleet.report().clashes.isEmpty)
  }

  /// Written down from the definition: quadratic, and nothing of the code under test.
  @Test(arguments: fleets)
  func twoVMsClashIfAndOnlyIfTheyWantOneDeviceOrOneGroupOrOneTakesAnothersFunctions(
    fleet: Fleet
  ) {
    let report = fleet.report()
    let facts = Dictionary(
      fleet.host.devices.map { ($0.address.reference, $0) }, uniquingKeysWith: { one, _ in one })
    for one in fleet.vms.indices {
      for other in fleet.vms.indices where other != one {
        let pairs = fleet.vms[one].devices.flatMap { first in
          fleet.vms[other].devices.compactMap { second -> Bool? in
            guard
              let (a, b) = facts[first.place].flatMap({ a in
                facts[second.place].map { (a, $0) }
              })
            else { return nil }
            return a.group == b.group || a.physicalFunction == b.address
              || b.physicalFunction == a.address
          }
        }
        let isExpected = pairs.contains(true)
        let isFound = report.clashes.contains { $0.vms.contains(one) && $0.vms.contains(other) }
        #expect(isFound == isExpected, "\(fleet.vms[one].name), \(fleet.vms[other].name)")
      }
    }
  }

  @Test(arguments: fleets)
  func aVMIsCompiledOnItsPartOfTheHostAsOnTheWhole(fleet: Fleet) {
    let index = HostIndex(fleet.host)
    for vm in fleet.vms {
      let part = Self.result(vm, on: index.part(for: vm))
      let whole = Self.result(vm, on: fleet.host)
      #expect((part == nil) == (whole == nil), "\(vm.name)")
      #expect(part?.plan == whole?.plan)
      #expect(part?.diagnostics == whole?.diagnostics)
    }
  }

  @Test(arguments: Example.all.filter { !$0.hostPath.isEmpty })
  func anExampleIsCompiledOnItsPartOfTheHostAsOnTheWhole(example: Example) throws {
    var sink = DiagnosticSink()
    let file = SourceFile(id: .vm, name: "vm.yaml", text: example.text)
    let host = try DescriptionReader.host(
      SourceFile(id: .host, name: "host.yaml", text: try PackageFiles.text(example.hostPath)),
      into: &sink)
    let vm = try DescriptionReader.vm(file, into: &sink)
    let part = Self.result(vm, on: HostIndex(host).part(for: vm))
    let whole = Self.result(vm, on: host)
    #expect((part == nil) == (whole == nil))
    #expect(part?.plan == whole?.plan)
    #expect(part?.program == whole?.program)
    #expect(part?.diagnostics == whole?.diagnostics)
    guard let part, let whole else { return }
    for rule in VMMRule.all {
      #expect(
        VMMDiagnostics.outcome(of: part, as: rule).findings
          == VMMDiagnostics.outcome(of: whole, as: rule).findings, "\(rule.title)")
    }
  }

  private static func result(_ vm: VMDescription, on host: HostDescription) -> CompiledPlan? {
    var sink = DiagnosticSink()
    return try? Compilation.compile(vm, on: host, into: &sink)
  }
}

/// Clashes of one kind each.
struct ClashTests {
  private static func world(_ groups: [Int]) -> HostDescription {
    SmallWorld(devices: groups.map { SmallWorld.Device(group: $0) }).host
  }

  private static func report(
    _ host: HostDescription, _ vms: [[Int]], _ change: (inout [VMDescription]) -> Void = { _ in }
  ) -> CheckReport {
    var fleet = ClashLawTests.Fleet(seed: 0)
    fleet.host = host
    fleet.vms = vms.enumerated().map { number, devices in
      ClashLawTests.Fleet.vm(
        "vm\(number)", devices.map { host.devices[$0].address }, number: UInt32(number))
    }
    change(&fleet.vms)
    return fleet.report()
  }

  private static func codes(_ report: CheckReport) -> [String] {
    report.clashes.map(\.finding.code.name)
  }

  @Test func aDeviceInThreeVMsIsOneFindingWithAllPlaces() {
    let report = Self.report(Self.world([0, 1]), [[0], [0], [0, 1]])
    #expect(Self.codes(report) == ["VP2501"])
    #expect(report.clashes[0].vms == [0, 1, 2])
    #expect(report.clashes[0].finding.notes.count == 2)
    #expect(report.vms.indices.allSatisfy { report.verdict(of: $0) == .clash })
  }

  @Test func aGroupInTwoVMsIsOneFinding() {
    let report = Self.report(Self.world([3, 3, 3]), [[0], [1], [2]])
    #expect(Self.codes(report) == ["VP2502"])
    #expect(report.clashes[0].group == 3 && report.clashes[0].vms == [0, 1, 2])
  }

  @Test func aVirtualFunctionAndItsPhysicalFunctionCantBeInTwoVMs() {
    var host = Self.world([0, 1, 2])
    for index in [1, 2] { host.devices[index].physicalFunction = host.devices[0].address }
    let report = Self.report(host, [[0], [1], [2]])
    #expect(Self.codes(report) == ["VP2503"])
    #expect(report.clashes[0].vms == [0, 1, 2])
    #expect(Self.codes(Self.report(host, [[1], [2]])).isEmpty)
  }

  @Test func aDriveBehindAControllerCantBeInAnotherVM() {
    var host = Self.world([0, 1])
    host.devices[1].behind = host.devices[0].address
    #expect(Self.codes(Self.report(host, [[0], [1]])) == ["VP2504"])
  }

  @Test func functionsOfOneDeviceThatVFIOHasShowOneToken() {
    var host = Self.world([0, 1, 2])
    host.devices[0].driver = "vfio-pci"
    host.devices[0].vfioDriver = .yes
    for index in [1, 2] { host.devices[index].physicalFunction = host.devices[0].address }
    let tokens = ["00112233-4455-6677-8899-aabbccddeeff", "10112233-4455-6677-8899-aabbccddeeff"]
    for second in tokens {
      let report = Self.report(host, [[1], [2]]) { vms in
        vms[0].devices[0].vfToken = VFToken(tokens[0])
        vms[1].devices[0].vfToken = VFToken(second)
      }
      #expect(Self.codes(report).contains("VP2505") == (second != tokens[0]))
    }
  }

  @Test func companionsOfAnotherVMAreOneFindingThatSaysSo() {
    var host = Self.world([0, 0])
    host.devices[1].driver = "snd_hda_intel"
    let report = Self.report(host, [[0], [1]]) { $0[0].companions = .bind }
    #expect(Self.codes(report) == ["VP2502"])
    #expect(report.clashes[0].finding.notes.contains { $0.message.contains("companions: bind") })
  }

  @Test func hugePagesAndMemoryAreAddedUp() {
    var host = Self.world([0, 1])
    host.memory.bytes = 6 << 21
    host.memory.pools = [.init(pageBytes: 2 << 20, count: 3)]
    for (pages, expected) in [(1, []), (2, ["VP2507"]), (4, ["VP2507", "VP2508"])] {
      let report = Self.report(host, [[0], [1]]) { vms in
        for index in vms.indices {
          vms[index].memory = [
            MemoryRegion(gpa: 0, size: UInt64(pages) << 21, hugePageBytes: 2 << 20)
          ]
        }
      }
      #expect(Self.codes(report) == expected, "\(pages) each")
      #expect(report.totals.pools.first?.needed == UInt64(2 * pages))
    }
  }

  @Test func whatIsNotKnownOfTheHostsMemoryIsNoClash() {
    let report = Self.report(Self.world([0]), [[0]]) {
      $0[0].memory = [MemoryRegion(gpa: 0, size: 1 << 40, hugePageBytes: 1 << 30)]
    }
    #expect(Self.codes(report).isEmpty)
    #expect(report.totals.pools.first?.present == nil && report.totals.hostBytes == nil)
  }

  @Test func aNameTwiceIsAWarning() {
    let report = Self.report(Self.world([0, 1]), [[0], [1]]) { $0[1].name = "vm0" }
    #expect(Self.codes(report) == ["VP2506"])
    #expect(report.verdict(of: 0) == .ok)
    let both = Self.report(Self.world([0]), [[0], [0]]) { $0[1].name = "vm0" }
    #expect(both.clashes[0].finding.message.contains("can't be in 2 VMs called 'vm0'"))
  }

  @Test func whatIsWrongWithTheHostIsSaidOnce() {
    var host = Self.world([0, 1])
    host.kernel.release = "9.9"
    let report = Self.report(host, [[0], [1]])
    #expect(report.common.count == Set(report.common).count && !report.common.isEmpty)
    #expect(report.vms.allSatisfy { $0.diagnostics.isEmpty })
  }
}
