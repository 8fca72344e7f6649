import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Hosts whose CPUs have larger pages than their IOMMUs.
struct PageSizeTests {
  private static let address = BDF(domain: 0, bus: 3, device: 0, function: 0)

  private static func host(pageBytes: UInt64) -> HostDescription {
    var host = HostDescription(
      name: "arm", kernel: HostKernel(release: "6.12.0"),
      iommus: [
        HostIOMMU(
          name: "smmu3.0", type: HostIOMMU.arm, pageSizes: [4 << 10, 2 << 20])
      ])
    host.kernel.statedPageBytes = pageBytes
    host.devices = [HostDevice(address: address, iommu: "smmu3.0", group: 1)]
    return host
  }

  private static func compile(
    gpa: UInt64, hugePages: UInt64? = nil, on host: HostDescription, target: String
  ) -> (plan: CompiledPlan?, codes: [String]) {
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: gpa, size: 32 << 30, hugePageBytes: hugePages)],
      devices: [AssignedDevice(name: "d", address: address)])
    var sink = DiagnosticSink()
    let plan = try? Compilation.compile(vm, on: host, target: target, into: &sink)
    return (plan, sink.diagnostics.filter { $0.severity == .error }.map(\.code.name))
  }

  private static func isAccepted(_ plan: CompiledPlan, on host: HostDescription) -> Bool {
    var interpreter = Interpreter(program: plan.program, kernel: SimulatedKernel(host))
    return interpreter.run().isSuccess
  }

  @Test(arguments: ["ioasid", "iommufd", "type1"])
  func memoryIsAlignedToThePagesOfTheCPUs(target: String) throws {
    for pageBytes in [4 << 10, 16 << 10, 64 << 10] as [UInt64] {
      let host = Self.host(pageBytes: pageBytes)
      for gpa in [4 << 10, 16 << 10, 64 << 10, 1 << 20] as [UInt64] {
        let (plan, codes) = Self.compile(gpa: gpa, on: host, target: target)
        let isAligned = gpa % pageBytes == 0
        #expect(codes == (isAligned ? [] : ["VP2014"]), "\(gpa) with pages of \(pageBytes)")
        if let plan { #expect(Self.isAccepted(plan, on: host)) }
        // Compiled for smaller pages: iommufd alone maps parts of the CPUs' pages.
        let other = try #require(
          Self.compile(gpa: gpa, on: Self.host(pageBytes: 4096), target: target).plan)
        #expect(Self.isAccepted(other, on: host) == (isAligned || target == "iommufd"))
      }
    }
  }

  @Test func hugePagesAreThoseThatCPUsHaveWithPagesOfASize() {
    for (pageBytes, sizes) in [
      (4 << 10, [64 << 10, 2 << 20, 32 << 20, 1 << 30]),
      (64 << 10, [2 << 20, 512 << 20, 16 << 30]),
      (16 << 10, [2 << 20, 32 << 20, 1 << 30]),
    ] as [(UInt64, [UInt64])] {
      let host = Self.host(pageBytes: pageBytes)
      for shift in UInt64(16)...34 {
        let codes = Self.compile(gpa: 0, hugePages: 1 << shift, on: host, target: "type1").codes
        let expected = sizes.contains(1 << shift) ? [] : ["VP2020"]
        #expect(codes == expected, "\(pageBytes), \(shift)")
      }
    }
    // Of CPUs that nobody knows nothing is said.
    var unknown = Self.host(pageBytes: 4096)
    unknown.iommus[0].type = "other"
    #expect(Self.compile(gpa: 0, hugePages: 1 << 20, on: unknown, target: "type1").codes == [])
  }

  @Test func aRegisterCountsMoreThanWhatIsStatedAndOneOfAllOnesSaysNothing() {
    for (ecap, known) in [
      (nil, nil), (.max, nil), (0xf0505a, Fact.no), (0xf050da, Fact.yes),
    ] as [(UInt64?, Fact?)] {
      for stated in [Fact.no, .yes, .unknown] {
        var unit = HostIOMMU(name: "dmar0", enforceSnoop: stated)
        unit.ecap = ecap
        let rules = HostKernel(release: "6.12.0").rules
        #expect(unit.enforcement(by: rules) == known ?? stated)
        let simulated = SimulatedUnit.all(
          [unit], by: SimulatedKernel(Self.host(pageBytes: 4096)).facts, isScalable: false,
          pageBytes: 4096)
        #expect(simulated[0].canEnforceSnoop == ((known ?? stated) == .yes))
      }
    }
  }
}
