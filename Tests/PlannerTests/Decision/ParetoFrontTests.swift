import Parser
import TestSupport
import Testing

@testable import Planner

struct ParetoFrontTests {
  @Test func frontOfRandomWorldsIsThatOfTheBruteForce() {
    for seed in UInt64(1)...3_000 {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        let force = BruteForce(world, target: dialect.name)
        let wanted = BruteForce.front(force.allCosts)
        guard !wanted.isEmpty else { continue }
        var sink = DiagnosticSink()
        let front = try? Compilation.paretoFront(
          world.vm(), on: world.host, target: dialect.name, into: &sink)
        let costs = (front ?? []).map(SmallWorldTests.costs)
        #expect(costs == wanted, "seed \(seed) \(dialect.name)\n\(world)")
        for plan in front ?? [] { SmallWorldTests.check(plan, world, force, "seed \(seed)") }
      }
    }
  }

  @Test func everyOptimumLiesOnTheFront() throws {
    for seed in UInt64(1)...200 {
      let world = SmallWorlds.random(seed: seed)
      var sink = DiagnosticSink()
      guard
        let front = try? Compilation.paretoFront(
          world.vm(), on: world.host, target: "ioasid", into: &sink)
      else { continue }
      let metrics = Set(front.map(\.metrics))
      for (objective, _) in SmallWorldTests.orders {
        let plan = try Compilation.compile(
          world.vm(objective), on: world.host, target: "ioasid", into: &sink
        ).plan
        #expect(metrics.contains(plan.metrics), "seed \(seed)\n\(world)")
      }
    }
  }

  @Test func frontOfOneThousandDevicesIsListedWhole() throws {
    let world = SmallWorld(devices: (0..<1_000).map { SmallWorld.Device(group: $0 / 4) })
    let groups = try #require(problem(of: world))
    let front = try #require(ParetoFront(groups))
    #expect(front.sums == Array(stride(from: 0, through: 1_000, by: 4)))
    #expect(front.choice(1).count(where: { !$0 }) == 1)
  }

  @Test func frontThatCannotBeListedIsRefused() throws {
    let world = SmallWorld(devices: (0..<2_000).map { SmallWorld.Device(group: $0) })
    var sink = DiagnosticSink()
    #expect(throws: DiagnosticsError.self) {
      _ = try Compilation.paretoFront(
        Self.flat(world), on: Self.flatHost(world), target: "ioasid", into: &sink)
    }
    #expect(sink.diagnostics.map(\.code.name) == ["VP3012"])
  }

  private func problem(of world: SmallWorld) -> GroupingProblem? {
    var sink = DiagnosticSink()
    return try? Question.ask(
      Self.flat(world), on: Self.flatHost(world), IOASIDProposalDialect(), nil, into: &sink
    ).problem
  }

  /// The world's VM with an address of its own for each of many devices.
  private static func flat(_ world: SmallWorld) -> VMDescription {
    var vm = world.vm()
    for index in vm.devices.indices { vm.devices[index].place = .address(address(index)) }
    return vm
  }

  private static func flatHost(_ world: SmallWorld) -> HostDescription {
    var host = world.host
    for index in host.devices.indices { host.devices[index].address = address(index) }
    return host
  }

  private static func address(_ index: Int) -> BDF {
    BDF(domain: UInt32(index >> 5), bus: 1, device: UInt8(index & 31), function: 0)
  }
}
