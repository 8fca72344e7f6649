import Parser
import Planner

/// Whether this machine has the memory that a plan pins, before any of it is taken.
public struct MemoryPreflight {
  private let tree: SysfsTree
  private let lockLimit: UInt64?

  /// Looks at this machine, as this process may use it.
  public init() {
    self.init(.machine, lockLimit: SystemCalls.lockLimit)
  }

  /// Looks at a copy; `lockLimit` is RLIMIT_MEMLOCK in bytes, `nil` without a limit.
  init(_ tree: SysfsTree, lockLimit: UInt64?) {
    self.tree = tree
    self.lockLimit = tree.mayLockMemory ? nil : lockLimit
  }

  /// What is missing: huge pages of each size, and the right to lock memory.
  public func findings(for plan: CompiledPlan) -> [Diagnostic] {
    hugePages(for: plan) + lockedMemory(for: plan)
  }

  /// Memory files take huge pages from the pool, and what the pool may grow by
  /// (`Documentation/admin-guide/mm/hugetlbpage.rst`).
  private func hugePages(for plan: CompiledPlan) -> [Diagnostic] {
    var needed: [UInt64: UInt64] = [:]
    for case .memory(let memory, _, _) in plan.program.steps.lazy.map(\.action) {
      guard let bytes = memory.hugePageBytes, bytes > 0 else { continue }
      needed[bytes, default: 0] &+= memory.size / bytes
    }
    return needed.sorted { $0.key < $1.key }.compactMap { bytes, count in
      let pool = "/sys/kernel/mm/hugepages/hugepages-\(bytes >> 10)kB"
      let free = number(pool + "/free_hugepages")
      let reserved = number(pool + "/resv_hugepages")
      let overcommitted = number(pool + "/nr_overcommit_hugepages")
      let available = (free < reserved ? 0 : free - reserved) &+ overcommitted
      if count <= available { return nil }
      let origin = plan.vm.memory.first { $0.hugePageBytes == bytes }?.span
      return MachineDiagnostics.hugePages(
        bytes, needed: count, available: available, pool: pool, origin)
    }
  }

  private func lockedMemory(for plan: CompiledPlan) -> [Diagnostic] {
    let needed = plan.plan.lockedBytes
    guard let lockLimit, needed > lockLimit else { return [] }
    let first = plan.plan.addressSpaces.lazy.flatMap(\.mappings).first
    return [MachineDiagnostics.lockLimit(lockLimit, needed: needed, first?.origin)]
  }

  private func number(_ path: String) -> UInt64 { tree.text(path).flatMap(UInt64.init) ?? 0 }
}

extension SysfsTree {
  /// Whether the process has CAP_IPC_LOCK, so that RLIMIT_MEMLOCK does not count
  /// (`linux/capability.h`: number 14).
  fileprivate var mayLockMemory: Bool {
    let lines = (text("/proc/self/status") ?? "").split(separator: "\n")
    let effective = lines.first { $0.hasPrefix("CapEff:") }?.split { $0 == "\t" || $0 == " " }.last
    return effective.flatMap { Hex.number($0) }.map { $0 & 1 << 14 != 0 } ?? false
  }
}
