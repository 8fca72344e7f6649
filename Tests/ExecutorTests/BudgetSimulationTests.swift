import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// What a plan says of limits, against a kernel that has them.
struct BudgetSimulationTests {
  private static func host(limit: Int?) -> HostDescription {
    var host = LabHost.mixed()
    host.kernel.mappingLimit = limit
    return host
  }

  private static func compile(_ mappings: Int, on host: HostDescription) throws -> CompiledPlan {
    let vm = VMDescription(
      name: "vm",
      memory: (0..<mappings).map { MemoryRegion(gpa: UInt64($0) << 21, size: 1 << 20) },
      devices: [AssignedDevice(name: "nic", address: LabHost.c1)])
    var sink = DiagnosticSink()
    return try Compilation.compile(vm, on: host, target: "type1", into: &sink)
  }

  @Test func aPlanIsRefusedForItsNumberOfMappingsExactlyWhereAContainerRefusesThem() throws {
    for limit in 0...3 {
      for count in 1...4 {
        let plan = try Self.compile(count, on: Self.host(limit: nil))
        var interpreter = Interpreter(
          program: plan.program, kernel: SimulatedKernel(Self.host(limit: limit)))
        let isAccepted = interpreter.run().isSuccess
        let compiled = try? Self.compile(count, on: Self.host(limit: limit))
        #expect(isAccepted == (compiled != nil), "\(count) mappings, \(limit) are taken")
        #expect(isAccepted == (count <= limit))
      }
    }
  }

  @Test func whatAPlanSaysItLocksIsLockedWhileItHoldsAndNothingAfter() throws {
    let plan = try LabHost.compile(
      [("igd", LabHost.n1, .required), ("nic", LabHost.c1, .forbidden)], on: LabHost.mixed())
    let kernel = SimulatedKernel(LabHost.mixed())
    var interpreter = Interpreter(program: plan.program, kernel: kernel)
    #expect(interpreter.run().isSuccess)
    #expect(kernel.state().lockedBytes == plan.plan.lockedBytes)
    #expect(interpreter.undo().isComplete && kernel.state().lockedBytes == 0)
  }
}
