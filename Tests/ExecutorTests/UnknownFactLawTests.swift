import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// What a plan promises holds for every way the facts can be that nobody knows.
struct UnknownFactLawTests {
  @Test(arguments: Dialects.all.map(\.name))
  func everyPromiseHoldsWhateverTheFactsAre(target: String) throws {
    let dialect = try #require(Dialects.named(target))
    var (plans, ways, refused) = (0, 0, 0)
    for seed in UInt64(1)...1_000 {
      let world = UnknownWorld(seed: seed)
      guard let compiled = world.compiled(for: dialect) else { continue }
      plans += 1
      for host in world.possibleHosts {
        ways += 1
        guard let broken = Self.brokenPromise(of: compiled, on: host) else {
          refused += 1
          continue
        }
        #expect(broken == "", "seed \(seed)\n\(world.small)\n\(host.devices)\n\(host.iommus)")
      }
    }
    #expect(plans > 130 && ways > 5 * plans, "only \(plans) plans, \(ways) ways")
    // Only KVM of the proposal asks for a proof, and refuses a device that can't no-snoop.
    #expect(dialect.isProposalOnly || refused == 0, "\(refused) of \(ways) runs were refused")
  }

  /// The law finds what a promise would come to that rests on an unknown fact.
  @Test(arguments: ["type1", "iommufd"])
  func aPromiseThatRestsOnAnUnknownFactIsBroken(target: String) throws {
    let dialect = try #require(Dialects.named(target))
    let world = SmallWorld(devices: [SmallWorld.Device(enforceSnoop: .unknown)])
    var sink = DiagnosticSink()
    var compiled = try Compilation.compile(
      world.vm(), on: world.host, dialect: dialect, into: &sink)
    compiled.plan.devices[0].resolved = .required
    var host = world.host
    for (fact, broken) in [(Fact.no, ""), (.yes, "d0 is blocked")] {
      for index in host.iommus.indices { host.iommus[index].enforceSnoop = fact }
      #expect(Self.brokenPromise(of: compiled, on: host) == broken)
    }
  }

  /// The first promise that a run breaks: empty if none; `nil` if the run was refused and undone.
  private static func brokenPromise(
    of compiled: CompiledPlan, on host: HostDescription
  ) -> String? {
    let kernel = SimulatedKernel(host)
    var interpreter = Interpreter(program: compiled.program, kernel: kernel)
    guard interpreter.run().isSuccess else {
      return kernel.state().isPristine ? nil : "a refused run left \(kernel.state())"
    }
    let state = kernel.state()
    let believes = state.vms.contains(where: \.allowsIncoherentDMA)
    let real = Dictionary(uniqueKeysWithValues: state.devices.map { ($0.address, $0) })
    for planned in compiled.plan.devices {
      guard let device = real[planned.address] else { return "\(planned.name) is not attached" }
      if !planned.isEffective, device.isEffective { return "\(planned.name) is not coherent" }
      switch planned.resolved {
      case .forbidden where device.isEffective: return "\(planned.name) is forbidden"
      case .required where device.canNoSnoop == .yes && !device.isEffective:
        return "\(planned.name) is blocked"
      case .required where device.canNoSnoop == .yes && !believes && state.hasIncoherentMode:
        return "KVM does not know of \(planned.name)"
      default: break
      }
    }
    if !compiled.plan.coherency.allowsIncoherentDMA, believes { return "KVM was told" }
    let isStale = CoherencyCheck.mismatches(in: state).contains { $0 != .needlessFlushes }
    return isStale ? "the guest can read stale data" : ""
  }
}

/// A small world in which nobody knows most of the facts.
private struct UnknownWorld {
  let small: SmallWorld
  private let host: HostDescription

  /// A random world with up to 6 facts that are unknown.
  init(seed: UInt64) {
    var random = SeededNumbers(seed: seed)
    var world = SmallWorlds.random(seed: seed)
    for index in world.devices.indices {
      if Bool.random(using: &random) { world.devices[index].noSnoopCapable = .unknown }
      if Bool.random(using: &random) { world.devices[index].enforceSnoop = .unknown }
    }
    var unknown = 0
    for index in world.devices.indices where world.devices[index].noSnoopCapable == .unknown {
      unknown += 1
      if unknown > 4 { world.devices[index].noSnoopCapable = .yes }
    }
    small = world
    host = world.host
  }

  func compiled(for dialect: any Dialect) -> CompiledPlan? {
    var sink = DiagnosticSink()
    return try? Compilation.compile(small.vm(), on: host, dialect: dialect, into: &sink)
  }

  /// The host in every way it can be; what is known stays.
  var possibleHosts: [HostDescription] {
    let used = Set(host.devices.compactMap(\.iommu))
    let units = host.iommus.indices.filter {
      host.iommus[$0].enforceSnoop == .unknown && used.contains(host.iommus[$0].name)
    }
    let devices = host.devices.indices.filter { host.devices[$0].noSnoopCapable == .unknown }
    return (0..<1 << (units.count + devices.count)).map { way in
      var host = host
      for (bit, unit) in units.enumerated() {
        host.iommus[unit].enforceSnoop = Fact(way >> bit & 1 == 1)
      }
      for (bit, device) in devices.enumerated() {
        host.devices[device].noSnoopCapable = Fact(way >> (bit + units.count) & 1 == 1)
      }
      return host
    }
  }
}
