import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// Whether a machine has the memory that a plan pins.
struct MemoryPreflightTests {
  private let copy: SysfsCopy
  private let pool = "sys/kernel/mm/hugepages/hugepages-2048kB/"

  init() throws {
    copy = try SysfsCopy()
    try copy.write("proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\n")
  }

  /// The codes and messages for one region of 1 GiB.
  private func findings(hugePageBytes: UInt64? = nil, limit: UInt64?) throws -> [String] {
    var sink = DiagnosticSink()
    let host = LabHost.mixed()
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: 0, size: 1 << 30, hugePageBytes: hugePageBytes)],
      devices: [AssignedDevice(name: "nic", address: LabHost.c1)])
    let plan = try Compilation.compile(vm, on: host, target: "type1", objective: nil, into: &sink)
    return MemoryPreflight(copy.tree, lockLimit: limit).findings(for: plan)
      .map { "\($0.code.name) \($0.message)" }
  }

  @Test func withoutALimitNothingIsMissing() throws {
    #expect(try findings(limit: nil).isEmpty)
    #expect(try findings(limit: 1 << 30).isEmpty)
  }

  @Test func aLimitOnePageTooLowIsFound() throws {
    #expect(
      try findings(limit: 1 << 30 - 4096)
        == ["VP4034 the plan locks 1 GiB, RLIMIT_MEMLOCK is 1048572 KiB"])
    try copy.write("proc/self/status", "CapEff:\t0000000000004000\n")
    #expect(try findings(limit: 0).isEmpty)
  }

  @Test func whatPageTablesShareCountsOnceWhereItIsRegistered() throws {
    let plan = try LabHost.compile(
      [("igd", LabHost.n1, .required), ("nic", LabHost.c1, .forbidden)], on: LabHost.mixed())
    #expect(plan.plan.pageTables.count == 2)
    let messages = [UInt64(1 << 20), 1 << 20 - 4096].map { limit in
      MemoryPreflight(copy.tree, lockLimit: limit).findings(for: plan).map(\.message)
    }
    #expect(messages == [[], ["the plan locks 1 MiB, RLIMIT_MEMLOCK is 1020 KiB"]])
  }

  @Test func thePoolCountsWithoutWhatIsReservedAndWithWhatItMayGrowBy() throws {
    let missing = "VP4033 the plan needs 512 huge pages of 2 MiB, "
    #expect(try findings(hugePageBytes: 2 << 20, limit: nil) == [missing + "0 can be had"])
    try copy.write(pool + "free_hugepages", "512\n")
    #expect(try findings(hugePageBytes: 2 << 20, limit: nil).isEmpty)
    try copy.write(pool + "resv_hugepages", "3\n")
    #expect(try findings(hugePageBytes: 2 << 20, limit: nil) == [missing + "509 can be had"])
    try copy.write(pool + "nr_overcommit_hugepages", "3\n")
    #expect(try findings(hugePageBytes: 2 << 20, limit: nil).isEmpty)
  }
}
