import Parser
import TestSupport
import Testing

@testable import Planner

/// What a plan says beyond its metrics: names, leaders, proofs, who KVM knows, and why.
struct PlanRuleTests {
  typealias Device = SmallWorld.Device
  static let box1 = Device()
  static let box2 = Device(noSnoopCapable: .no)
  static let box3 = Device(enforceSnoop: .no)
  static let box4 = Device(enforceSnoop: .no, noSnoopCapable: .no)

  /// A plan of devices that are each in a group of their own.
  static func plan(
    _ devices: [Device], on target: String = "iommufd", _ objective: Objective = .coherency,
    kvm: KVMClause.IncoherentDMA = .auto, isAlone: Bool = true
  ) throws -> IOASIDPlan {
    var world = SmallWorld(devices: devices, kvm: kvm)
    if isAlone { for index in devices.indices { world.devices[index].group = index } }
    var sink = DiagnosticSink()
    return try Compilation.compile(
      world.vm(objective), on: world.host, target: target, into: &sink
    ).plan
  }

  @Test func tablesAreNamedAndOrderedByTheirFirstDevice() throws {
    var elsewhere = Self.box2
    elsewhere.space = 1
    let plan = try Self.plan([Self.box3, elsewhere, Self.box1, Self.box3])
    #expect(plan.pageTables.map(\.name) == ["gpa.0", "dma0.0", "gpa.1"])
    #expect(plan.pageTables.map(\.devices) == [[0, 3], [1], [2]])
    #expect(plan.addressSpaces.map(\.name) == ["gpa", "dma0"])
  }

  @Test func anAddressSpaceNobodyUsesIsLeftOut() throws {
    var elsewhere = Self.box2
    elsewhere.space = 1
    let plan = try Self.plan([elsewhere])
    #expect(plan.addressSpaces.map(\.name) == ["dma0"])
    #expect(plan.pageTables.map(\.addressSpace) == [0])
  }

  @Test func unitsAreListedOnceInOrderOfFirstUse() throws {
    let plan = try Self.plan([Self.box3, Device(enforceSnoop: .unknown), Self.box3])
    #expect(plan.pageTables.map(\.iommus) == [["unit0-false", "unit0-unknown"]])
  }

  @Test func theLeaderOfAnOpenTableIsADeviceThatCannotBeEnforced() throws {
    let devices = [Self.box1, Self.box3]
    let plan = try Self.plan(devices, .pageTables)
    #expect(plan.pageTables.map(\.leader) == [1])
    #expect(try Self.plan(devices, on: "ioasid", .pageTables).pageTables.map(\.leader) == [0])
  }

  @Test func theProofOfAFollowerIsItsLeader() throws {
    var wanted = Self.box1
    wanted.intent = .required
    let plan = try Self.plan([wanted, Self.box4])
    #expect(plan.devices.map(\.isEffective) == [true, false])
    #expect(plan.coherency.proof == 1)
    #expect(plan.devices.map(\.isKnownToKVM) == [true, true])
    let proposal = try Self.plan([wanted, Self.box4], on: "ioasid")
    #expect(proposal.coherency.proof == 0)
    #expect(proposal.devices.map(\.isKnownToKVM) == [true, false])
  }

  @Test func boxFourStaysOutOfKVMUnlessWBINVDIsCarriedOutAnyway() throws {
    for target in ["iommufd", "type1"] {
      let quiet = try Self.plan([Self.box4, Self.box2], on: target)
      #expect(quiet.metrics.wbinvd == 0)
      #expect(quiet.devices.map(\.isKnownToKVM) == [false, true])
      let loud = try Self.plan([Self.box4, Self.box2, Self.box3], on: target)
      #expect(!loud.devices.contains { !$0.isKnownToKVM })
    }
  }

  @Test func type1LeavesOutAGroupAsAWhole() throws {
    let group = [Self.box2, Self.box4]
    let byGroup = try Self.plan(group, on: "type1", isAlone: false)
    #expect(byGroup.devices.map(\.isKnownToKVM) == [false, false])
    let byFile = try Self.plan(group, on: "iommufd", isAlone: false)
    #expect(byFile.devices.map(\.isKnownToKVM) == [true, false])
  }

  @Test func alwaysNamesTheProofEachTargetAccepts() throws {
    let devices = [Self.box4, Self.box1]
    let proposal = try Self.plan(devices, on: "ioasid", kvm: .always)
    #expect(proposal.coherency.proof == 1)
    #expect(proposal.coherency.reason == .override)
    #expect(try Self.plan(devices, kvm: .always).coherency.proof == 0)
  }

  @Test func withoutKVMNothingIsRegistered() throws {
    let world = SmallWorld(devices: [Self.box3])
    var host = world.host
    host.kernel.kvm = false
    var sink = DiagnosticSink()
    let compiled = try Compilation.compile(world.vm(), on: host, target: "iommufd", into: &sink)
    #expect(compiled.plan.devices.map(\.isKnownToKVM) == [false])
    #expect(compiled.diagnostics.map(\.code.name) == ["VP4009"])
  }

  @Test func aVMWithoutDevicesHasAnEmptyPlan() throws {
    let plan = try Self.plan([])
    #expect(plan.pageTables.isEmpty && plan.addressSpaces.isEmpty)
    #expect(plan.metrics.pageTables == 0 && plan.metrics.wbinvd == 0)
  }

  @Test func permutingTheFileChangesNoMetric() throws {
    for seed in UInt64(1)...300 {
      let world = SmallWorlds.random(seed: seed)
      var random = SeededNumbers(seed: seed)
      for dialect in Dialects.all {
        var shuffled = world
        shuffled.devices.shuffle(using: &random)
        for (objective, _) in SmallWorldTests.presets {
          let plans = [world, shuffled].map { world in
            var sink = DiagnosticSink()
            return try? Compilation.compile(
              world.vm(objective), on: world.host, dialect: dialect, into: &sink
            ).plan.metrics
          }
          #expect(plans[0] == plans[1], "seed \(seed) \(dialect.name)\n\(world)")
        }
      }
    }
  }

  @Test func theSameInputGivesTheSamePlanAHundredTimes() throws {
    let world = SmallWorlds.random(seed: 11)
    var plans: Set<IOASIDPlan?> = []
    for _ in 0..<100 {
      var sink = DiagnosticSink()
      plans.insert(
        try? Compilation.compile(world.vm(), on: world.host, target: "ioasid", into: &sink).plan)
    }
    #expect(plans.count == 1)
  }
}
