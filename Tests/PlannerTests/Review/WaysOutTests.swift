import Parser
import TestSupport
import Testing

@testable import Planner

/// What a review offers as a way out leads there.
struct WaysOutTests {
  /// The VM, host, target and objective after a way.
  private struct World {
    var vm: VMDescription
    var host: HostDescription
    var dialect: any Dialect
    var objective: Objective

    /// What is decided.
    var plan: IOASIDPlan? {
      var sink = DiagnosticSink()
      return try? Compilation.compile(
        vm, on: host, dialect: dialect, objective: objective, into: &sink
      ).plan
    }

    /// The world after a change that this test can make by itself; `nil` after others.
    func after(_ deed: WayOut.Deed) -> World? {
      var other = self
      switch deed {
      case .findOut(let devices):
        let places = devices.map { vm.devices[$0].place }
        for index in host.devices.indices
        where places.contains(.address(host.devices[index].address)) {
          other.host.devices[index].noSnoopCapable = .no
        }
      case .forbid(let devices):
        for index in devices { other.vm.devices[index].noSnoop = .forbidden }
      case .leaveKVMAlone: other.vm.kvm.incoherentDMA = .auto
      case .objective(let name):
        other.objective = Objective.presets.first { $0.name == name }?.objective ?? objective
      case .target(let name): other.dialect = Dialects.named(name) ?? dialect
      case .leaveOut(let devices):
        for index in devices.sorted(by: >) { other.vm.devices.remove(at: index) }
      case .state, .boot, .kernel, .move: return nil
      }
      return other
    }
  }

  /// Random worlds with a plan, on every target.
  private static func forEachPlan(
    _ seeds: ClosedRange<UInt64>, _ body: (World, CompiledPlan, String) -> Void
  ) {
    for seed in seeds {
      let small = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        for (name, objective) in Objective.presets {
          var sink = DiagnosticSink()
          let compiled = try? Compilation.compile(
            small.vm(), on: small.host, dialect: dialect, objective: objective, into: &sink)
          guard let compiled else { continue }
          let world = World(
            vm: small.vm(), host: small.host, dialect: dialect, objective: objective)
          body(world, compiled, "seed \(seed) \(dialect.name) \(name)\n\(small)")
        }
      }
    }
  }

  @Test func eachWayLeadsWhereItSaysAndThatIsBetter() {
    var seen: Set<Int> = []
    Self.forEachPlan(1...400) { world, compiled, label in
      let old = compiled.plan.metrics
      for way in WaysOut(of: compiled).ways {
        let new = way.metrics
        #expect(
          new.wbinvd < old.wbinvd || new.incoherentDevices < old.incoherentDevices, "\(label)")
        #expect(new.wbinvd <= old.wbinvd && new.incoherentDevices <= old.incoherentDevices)
        seen.insert(way.deed.effort)
        guard let other = world.after(way.deed) else { continue }
        #expect(other.plan?.metrics == new, "\(label)\n\(way)")
      }
    }
    #expect(seen.count >= 7, "only these kinds of ways were seen: \(seen.sorted())")
  }

  @Test func aCoherentVMNeedsNoWayOut() {
    Self.forEachPlan(1...200) { _, compiled, label in
      let metrics = compiled.plan.metrics
      guard metrics.wbinvd == 0, metrics.incoherentDevices == 0 else { return }
      let found = WaysOut(of: compiled)
      #expect(found.ways.isEmpty && found.tried == 0, "\(label)")
    }
  }

  /// Whatever one device's departure, prohibition or test gives is offered, or something as good.
  @Test func whatHelpsAsAWholeIsOffered() {
    Self.forEachPlan(1...200) { world, compiled, label in
      let effective = compiled.plan.devices.indices.filter {
        compiled.plan.devices[$0].isEffective
      }
      let deeds = effective.flatMap { device -> [WayOut.Deed] in
        [.leaveOut([device]), .forbid([device]), .findOut([device])]
      }
      let helps = deeds.contains { deed in
        if case .findOut(let devices) = deed,
          compiled.plan.devices[devices[0]].noSnoopFact != .unknown
        {
          return false
        }
        guard let other = world.after(deed), !other.vm.devices.isEmpty,
          let plan = other.plan
        else { return false }
        return plan.metrics.wbinvd == 0 && plan.metrics.incoherentDevices == 0
      }
      guard helps else { return }
      #expect(WaysOut(of: compiled).ways.contains { $0.isWhole }, "\(label)")
    }
  }

  @Test func theOtherAnswerToAnUnknownFactMakesNothingBetter() {
    Self.forEachPlan(1...200) { world, compiled, label in
      for index in world.host.devices.indices
      where world.host.devices[index].noSnoopCapable == .unknown {
        var other = world
        other.host.devices[index].noSnoopCapable = .yes
        guard let plan = other.plan else { continue }
        #expect(
          plan.metrics.incoherentDevices >= compiled.plan.metrics.incoherentDevices, "\(label)")
      }
    }
  }

  @Test func noWayChangesMoreDevicesThanAnotherThatLeadsAsFar() {
    Self.forEachPlan(1...200) { _, compiled, label in
      let ways = WaysOut(of: compiled).ways
      for (way, other) in ways.flatMap({ way in ways.map { (way, $0) } }) {
        #expect(!way.isNeedless(beside: other), "\(label)\n\(way.text), \(other.text)")
      }
    }
  }

  @Test func waysAreSortedByWhatStaysAndThenByEffort() {
    Self.forEachPlan(1...200) { _, compiled, label in
      let ways = WaysOut(of: compiled).ways
      let keys = ways.map { ($0.isWhole ? 0 : $0.metrics.incoherentDevices + 1, $0.deed.effort) }
      for (left, right) in zip(keys, keys.dropFirst()) { #expect(left <= right, "\(label)") }
    }
  }
}

/// How much a search does.
struct WaysOutLimitTests {
  /// Devices that all no-snoop and can't be kept from it, behind a number of units.
  private static func plan(devices: Int, units: Int) throws -> CompiledPlan {
    let world = SmallWorld(
      devices: (0..<devices).map { SmallWorld.Device(group: $0, enforceSnoop: .no) })
    var (vm, host) = (world.vm(), world.host)
    for index in 0..<devices {
      vm.devices[index].place = .address(PlanSketch.address(256 + 8 * index))
      host.devices[index].address = PlanSketch.address(256 + 8 * index)
    }
    for index in 0..<units {
      host.iommus.append(
        HostIOMMU(name: "more\(index)", type: "kind\(index)", enforceSnoop: .yes))
    }
    var sink = DiagnosticSink()
    return try Compilation.compile(vm, on: host, into: &sink)
  }

  @Test(arguments: [(1, 10), (3, 40), (3, 400), (300, 4), (1000, 4)])
  func howMuchIsTriedHangsOnTheSizeOnly(devices: Int, units: Int) throws {
    let plan = try Self.plan(devices: devices, units: units)
    let found = WaysOut(of: plan)
    #expect(found.tried <= WayOutSearch.mostTries && found.tried <= found.candidates)
    #expect(found.tried * (devices + units) <= WayOutSearch.mostWork)
    #expect((found.remark == nil) == (found.tried == found.candidates))
    #expect(WaysOut(of: plan) == found)
  }

  @Test func whatWasNotTriedIsSaid() throws {
    let found = WaysOut(of: try Self.plan(devices: 8, units: 200))
    #expect(found.remark == "\(found.tried) of \(found.candidates) changes tried")
  }
}

/// What is offered fits the case.
struct WaysOutFitTests {
  /// A world of one device behind a unit that can't enforce, and its one plan.
  private static func ways(_ change: (inout HostDescription) -> Void) throws -> [WayOut] {
    let world = SmallWorld(
      devices: [.init(group: 0, enforceSnoop: .no, noSnoopCapable: .unknown), .init(group: 1)])
    var host = world.host
    change(&host)
    var sink = DiagnosticSink()
    return WaysOut(of: try Compilation.compile(world.vm(), on: host, into: &sink)).ways
  }

  private static func isMove(_ way: WayOut) -> Bool {
    if case .move = way.deed { true } else { false }
  }

  @Test func theTestOfAVirtualFunctionIsOneOfItsPhysicalFunction() throws {
    let physical = try #require(BDF("0000:75:00.0"))
    let way = try #require(try Self.ways { $0.devices[0].physicalFunction = physical }.first)
    #expect(way.command == "vfioplan host --test-no-snoop \(physical)")
    #expect(way.outcome == "coherent if it can't no-snoop")
  }

  @Test func aVirtualFunctionIsNoCardToPutElsewhere() throws {
    #expect(try Self.ways { _ in }.contains(where: Self.isMove))
    let physical = try #require(BDF("0000:75:00.0"))
    let ways = try Self.ways { $0.devices[0].physicalFunction = physical }
    #expect(!ways.contains(where: Self.isMove))
  }

  @Test func theCheapestComesFirst() throws {
    let efforts = try Self.ways { _ in }.map(\.deed.effort)
    #expect(efforts == efforts.sorted() && efforts.count >= 3, "\(efforts)")
  }
}
