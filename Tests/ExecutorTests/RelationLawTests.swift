import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// No plan makes a device vanish that is assigned, or that somebody uses.
struct RelationLawTests {
  /// Worlds are dealt out to this many tests, so that they run side by side.
  private static let slices = 4
  private static let worlds: UInt64 = 12_000
  private static let tokens = [7, 9].map { VFToken(bytes: [UInt8](repeating: $0, count: 16)) }

  /// A world in which devices hang on others at random, some of them assigned.
  private struct World: CustomStringConvertible {
    var vm: VMDescription
    var host: HostDescription
    let dialect: any Dialect

    init(seed: UInt64) {
      var random = SeededNumbers(seed: seed ^ 0x5eed)
      let world = SmallWorlds.random(seed: seed)
      vm = world.vm()
      host = world.host
      host.kernel.release = Self.pick(["5.15", "6.12", "6.17", "6.18", "7.3.4"], &random)
      dialect = Dialects.all[Int.random(in: 0..<Dialects.all.count, using: &random)]
      vm.companions = Bool.random(using: &random) ? .bind : .refuse
      relate(&random)
      let isGiven = vm.devices.map { _ in Int.random(in: 0..<3, using: &random) > 0 }
      vm.devices = zip(vm.devices, isGiven).filter(\.1).map(\.0)
      for index in vm.devices.indices where Bool.random(using: &random) {
        let number = Int.random(in: 0..<8, using: &random) / 7
        vm.devices[index].vfToken = RelationLawTests.tokens[number]
      }
    }

    private static func pick<Element>(_ all: [Element], _ random: inout SeededNumbers) -> Element {
      all[Int.random(in: 0..<all.count, using: &random)]
    }

    var description: String {
      let lines = host.devices.map { device in
        let token = vm.devices.first { $0.place == .address(device.address) }.map {
          $0.vfToken != nil
        }
        return "\(device.address) group \(device.group ?? -1) driver \(device.driver ?? "none") "
          + "vfio \(device.vfioDriver) of \(device.physicalFunction?.description ?? "none") "
          + "behind \(device.behind?.description ?? "none") "
          + (token.map { $0 ? "given with a token" : "given" } ?? "")
      }
      return (["Linux \(host.kernel.release), \(vm.companions)"] + lines).joined(separator: "\n")
    }

    private mutating func relate(_ random: inout SeededNumbers) {
      let drivers: [String?] = [
        "vfio-pci", "vfio-pci", "igb", "nvme", "vmd", "pcieport", "nvidia", nil, nil,
      ]
      for index in host.devices.indices {
        host.devices[index].driver = Self.pick(drivers, &random)
        if host.devices[index].driver == "nvidia" {
          host.devices[index].vfioDriver = Self.pick(Fact.allCases, &random)
        }
        let other = Self.pick(host.devices, &random).address
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: host.devices[index].physicalFunction = other
        case 2: host.devices[index].behind = other
        default: break
        }
      }
    }
  }

  @Test(arguments: 0..<slices)
  func noPlanMakesADeviceVanishThatIsAssignedOrUsedNorFailsForAToken(slice: Int) {
    var (feasible, related) = (0, 0)
    for seed in stride(from: UInt64(slice), to: Self.worlds, by: Self.slices) {
      let world = World(seed: seed)
      var sink = DiagnosticSink()
      guard
        let compiled = try? Compilation.compile(
          world.vm, on: world.host, dialect: world.dialect, into: &sink)
      else { continue }
      feasible += 1
      if world.host.devices.contains(where: { $0.physicalFunction != nil || $0.behind != nil }) {
        related += 1
      }
      if let failure = Self.failure(compiled, on: world.host) {
        Issue.record("seed \(seed), target \(world.dialect.name): \(failure)\n\(world)")
        return
      }
    }
    #expect(feasible > 200 && related > 100, "\(feasible) plans, \(related) with relations")
  }

  /// What a run of a plan does that it must not; `nil` if nothing.
  private static func failure(_ compiled: CompiledPlan, on host: HostDescription) -> String? {
    let kernel = SimulatedKernel(host)
    var interpreter = Interpreter(program: compiled.program, kernel: kernel)
    let report = interpreter.run()
    guard report.isSuccess else {
      return ExecutorDiagnostics.diagnostics(of: report).map(\.message).joined(separator: "\n")
    }
    let own = Set(compiled.plan.devices.map(\.address) + compiled.plan.companions.map(\.address))
    let lost = changes(of: kernel.state()).filter { !own.contains($0.address) }
    if !lost.isEmpty { return "lost are \(lost)" }
    if !interpreter.undo().isComplete { return "the undo is not complete" }
    let state = kernel.state()
    let isClean = state.openFiles.isEmpty && state.objects.isEmpty && changes(of: state).isEmpty
    return isClean ? nil : "after the undo there is \(state)"
  }

  /// Devices on other drivers, or gone, but for those that nobody uses.
  private static func changes(of state: SimulatorState) -> [SimulatorState.DriverChange] {
    state.driverChanges.filter { $0.before != nil && $0.before != "pcieport" || $0.now != nil }
  }

  /// Without its checks a plan would fail or take something: each refusal has its reason.
  @Test func withoutItsChecksAPlanWouldFailOrTakeSomethingEachRefusalHasItsReason() {
    var seen: [String: Int] = [:]
    for seed in 0..<4_000 {
      let world = World(seed: UInt64(seed))
      var sink = DiagnosticSink()
      _ = try? Compilation.compile(
        world.vm, on: world.host, dialect: world.dialect, into: &sink)
      for finding in sink.diagnostics where ["VP4043", "VP4044"].contains(finding.code.name) {
        seen[finding.code.name, default: 0] += 1
        let addresses = Set(world.host.devices.map(\.address.description))
        let named = addresses.filter { finding.message.contains($0) }
        let names = world.vm.devices.filter { finding.message.contains("'\($0.name)'") }
        #expect(named.count + names.count >= 2, "seed \(seed): \(finding.message)")
      }
    }
    #expect(seen.count == 2 && seen.values.allSatisfy { $0 > 50 }, "\(seen)")
  }
}
