import Parser
import Planner
import TestSupport
import Testing

/// The order of what is in the files.
struct FileOrderTests {
  @Test(arguments: Example.all)
  func theOrderOfAHostsUnitsDevicesAndRangesChangesNothing(example: Example) throws {
    for target in Example.targets {
      guard let compiled = try? SavedPlanSample(example, target).compiled else { continue }
      for seed in 1...5 as ClosedRange<UInt64> {
        var random = SeededNumbers(seed: seed)
        var host = compiled.host
        host.iommus.shuffle(using: &random)
        host.devices.shuffle(using: &random)
        for index in host.devices.indices { host.devices[index].reserved.shuffle(using: &random) }
        let other = try compile(compiled.vm.described, host, target)
        let label = "\(example.name) on \(target), seed \(seed)"
        #expect(PlanDifference(from: compiled, to: other).isEmpty, "\(label)")
        #expect(
          other.program.steps.map(\.action) == compiled.program.steps.map(\.action), "\(label)")
      }
    }
  }

  @Test func theOrderOfMemoryChangesNoDecision() throws {
    for target in Example.targets {
      let compiled = try SavedPlanSample(Example.named("igd-and-nic"), target).compiled
      var vm = compiled.vm.described
      try #require(vm.memory.count > 1)
      vm.memory.reverse()
      let other = try compile(vm, compiled.host, target)
      #expect(other.plan.coherency == compiled.plan.coherency)
      #expect(other.plan.pageTables == compiled.plan.pageTables)
      #expect(other.plan.devices == compiled.plan.devices)
      #expect(other.program.steps.count == compiled.program.steps.count)
    }
  }

  private func compile(
    _ vm: VMDescription, _ host: HostDescription, _ target: String
  ) throws -> CompiledPlan {
    var sink = DiagnosticSink()
    return try Compilation.compile(vm, on: host, target: target, into: &sink)
  }
}
