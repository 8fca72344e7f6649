import Parser
import Planner
import TestSupport
import Testing

/// What follows from one plan in another's place.
struct ConsequenceTests {
  private static func compile(
    _ vm: VMDescription, _ host: HostDescription, _ target: String
  ) -> CompiledPlan? {
    var sink = DiagnosticSink()
    return try? Compilation.compile(vm, on: host, target: target, into: &sink)
  }

  private static func plan(
    _ example: String, _ change: (inout VMDescription) -> Void = { _ in }
  ) throws -> CompiledPlan {
    let compiled = try SavedPlanSample(Example.named(example), "iommufd").compiled
    var vm = compiled.vm.described
    change(&vm)
    return try #require(compile(vm, compiled.host, "iommufd"))
  }

  private static func kinds(_ one: CompiledPlan, _ two: CompiledPlan) -> [Consequence.Kind] {
    PlanDifference(from: one, to: two).consequences.map(\.kind).filter { $0 != .cost }
  }

  /// What was decided, whatever things are called and wherever they stand; found out anew.
  private struct Decision: Hashable {
    struct Device: Hashable {
      var address: BDF
      var mates: Set<BDF>
      var isEnforced: Bool
      var isEffective: Bool
      var resolved: NoSnoopIntent
      var facts: [Fact]
      var isKnownToKVM: Bool
      var map: [[UInt64]]
    }

    var devices: Set<Device>
    var wbinvd: Int
    var target: String
    var memory: Set<[UInt64]>

    init(_ compiled: CompiledPlan) {
      let plan = compiled.plan
      devices = Set(
        plan.devices.map { device in
          let table = plan.pageTables[device.pageTable]
          return Device(
            address: device.address,
            mates: Set(table.devices.map { plan.devices[$0].address }),
            isEnforced: table.snoopPolicy == .enforced, isEffective: device.isEffective,
            resolved: device.resolved, facts: [device.noSnoopFact, device.enforcementFact],
            isKnownToKVM: plan.target != "ioasid" && device.isKnownToKVM,
            map: plan.addressSpaces[table.addressSpace].mappings.map {
              [$0.iova, $0.size, compiled.vm.memory[$0.region].gpa + $0.offset]
            })
        })
      wbinvd = plan.metrics.wbinvd
      target = plan.target
      memory = Set(compiled.vm.memory.map { [$0.gpa, $0.size] })
    }
  }

  @Test(arguments: Example.targets)
  func theOrderOfDevicesMemoryAndTheHostsFileHasNone(target: String) {
    var compared = 0
    for seed in 1...400 as ClosedRange<UInt64> {
      let world = SmallWorlds.random(seed: seed)
      guard let before = Self.compile(world.vm(), world.host, target) else { continue }
      var random = SeededNumbers(seed: seed)
      var (vm, host) = (world.vm(), world.host)
      vm.devices.shuffle(using: &random)
      vm.memory.reverse()
      host.devices.shuffle(using: &random)
      host.iommus.shuffle(using: &random)
      guard let after = Self.compile(vm, host, target) else { continue }
      compared += 1
      let difference = PlanDifference(from: before, to: after)
      #expect(difference.consequences.isEmpty, "seed \(seed)\n\(world)")
      #expect(difference.isDecisionEqual)
      let subjects = Set(difference.changes.map(\.subject))
      #expect(subjects.isDisjoint(with: [.ioasid, .metric, .memory]), "seed \(seed)\n\(world)")
    }
    #expect(compared > 50)
  }

  /// There are none exactly where the same is decided; the way back has the opposite ones.
  @Test(arguments: Example.targets)
  func thereAreNoneExactlyWhereTheSameIsDecidedTheWayBackHasTheOppositeOnes(target: String) {
    var counts = (equal: 0, other: 0)
    for seed in 1...400 as ClosedRange<UInt64> {
      let (one, two) = (SmallWorlds.random(seed: seed), Self.neighbour(of: seed))
      guard let before = Self.compile(one.vm(), one.host, target),
        let after = Self.compile(two.vm(), two.host, target)
      else { continue }
      let there = PlanDifference(from: before, to: after)
      let back = PlanDifference(from: after, to: before)
      let what: Comment = "seed \(seed)\n\(one)\n\(two)"
      #expect(Set(there.consequences.map(\.opposite)) == Set(back.consequences), what)
      #expect(there.isDecisionEqual == (Decision(before) == Decision(after)), what)
      #expect(there.consequences.isEmpty == there.isDecisionEqual, what)
      if there.isDecisionEqual { counts.equal += 1 } else { counts.other += 1 }
    }
    #expect(counts.equal > 10 && counts.other > 50, "\(counts)")
  }

  /// A world with one device otherwise, or one less.
  private static func neighbour(of seed: UInt64) -> SmallWorld {
    var random = SeededNumbers(seed: seed &+ 7000)
    var world = SmallWorlds.random(seed: seed)
    let index = Int.random(in: world.devices.indices, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: world.devices.removeLast()
    case 1: world.devices[index].noSnoopCapable = .unknown
    case 2: world.devices[index].enforceSnoop = .no
    case 3: world.devices[index].intent = .allowed
    default: world.devices[index].intent = .forbidden
    }
    return world
  }

  @Test func theWorstIsFirstAndWhatIsWorseIsToldFromWhatIsBetter() throws {
    let kinds = Consequence.Kind.allCases
    #expect(kinds.allSatisfy { $0.opposite.opposite == $0 })
    #expect(kinds.allSatisfy { $0.isWorse == $0.opposite.isBetter })
    let found = Self.kinds(
      try Self.plan("igd-and-nic"),
      try Self.plan("igd-and-nic") { $0.devices[1].noSnoop = .allowed })
    let places = found.map { kinds.firstIndex(of: $0) ?? 0 }
    #expect(places == places.sorted())
  }

  @Test func aDeviceUnderAnotherNameIsTheSameDevice() throws {
    let before = try Self.plan("igd-and-nic")
    let after = try Self.plan("igd-and-nic") { $0.devices[0].name = "graphics" }
    let difference = PlanDifference(from: before, to: after)
    #expect(difference.consequences.isEmpty && difference.isDecisionEqual)
    #expect(difference.changes.map(\.subject) == [.device])
    #expect(difference.changes.flatMap { $0.facets.map(\.key) } == ["name"])
  }

  @Test func pageTablesThatGetOtherNamesWithTheOrderOfTheFileAreTheSameOnes() throws {
    let before = try Self.plan("igd-and-nic")
    let after = try Self.plan("igd-and-nic") { $0.devices.reverse() }
    #expect(before.plan.pageTables[0].iommus != after.plan.pageTables[0].iommus)
    #expect(PlanDifference(from: before, to: after).changes.isEmpty)
  }

  @Test func aPromiseThatChangesWhatItDoesAndTheLineThatSaysSo() throws {
    let before = try Self.plan("igd-and-nic")
    let after = try Self.plan("igd-and-nic") { $0.devices[1].noSnoop = .required }
    let difference = PlanDifference(from: before, to: after)
    let nic = difference.consequences.filter { $0.device == "nic" }
    #expect(nic.map(\.kind) == [.nonCoherent, .notEnforced, .joins, .promise])
    #expect(nic.first { $0.kind == .joins }?.others == ["igd"])
    let causes = nic.map(difference.causes)
    #expect(causes.allSatisfy { $0.map(\.key) == ["noSnoop"] })
    #expect(causes[0][0].span == after.vm.devices[1].$noSnoop)
  }

  @Test func devicesThatComeAndGoMemoryAndWhatAHostSays() throws {
    let before = try Self.plan("igd-and-nic")
    let without = try Self.plan("igd-and-nic") { $0.devices.removeLast() }
    #expect(Self.kinds(before, without) == [.goes])
    #expect(Self.kinds(without, before) == [.comes])
    let coherent = try Self.plan("igd-and-nic") { $0.devices.removeFirst() }
    #expect(Self.kinds(before, coherent) == [.nonCoherentGoes, .wbinvdIgnored])
    #expect(Self.kinds(coherent, before) == [.nonCoherentComes, .wbinvdCarriedOut])
    let large = try Self.plan("igd-and-nic") { $0.memory[1].size = 16 << 30 }
    #expect(Self.kinds(before, large) == [.memory])
    var host = before.host
    for index in host.devices.indices { host.devices[index].noSnoopCapable = .unknown }
    let open = try #require(Self.compile(before.vm.described, host, "iommufd"))
    #expect(Self.kinds(before, open) == [.factUnknown, .factUnknown])
    #expect(Self.kinds(open, before) == [.factKnown, .factKnown])
  }
}
