import Parser

/// What a device loses when a VMM attaches it by itself; the raw value is the word in JSON.
public enum VMMLoss: String, CaseIterable, Hashable, Sendable {
  /// `noSnoop: forbidden` does not hold: its no-snoop DMA works, or may work.
  case forbidden
  /// `noSnoop: required` does not hold: its no-snoop DMA is blocked.
  case required
  /// Its page table was to enforce snoop, and does not.
  case enforcement
  /// Its no-snoop DMA was to work, and is blocked.
  case noSnoop

  /// Whether the description promises otherwise.
  public var breaksPromise: Bool { self == .forbidden || self == .required }
}

extension VMMGrouping {
  /// What the device at a position of the plan loses; `nil` if nothing.
  public func loss(of index: Int, in plan: IOASIDPlan) -> VMMLoss? {
    let device = plan.devices[index]
    switch (plan.isEnforced(index), isEnforced(index)) {
    case (true, false):
      return device.resolved == .forbidden && device.canNoSnoop ? .forbidden : .enforcement
    case (false, true): return device.resolved == .required ? .required : .noSnoop
    case (true, true), (false, false): return nil
    }
  }

  /// Whether the VMM keeps every promise of a plan.
  func keepsPromises(of plan: IOASIDPlan) -> Bool {
    plan.devices.indices.allSatisfy { loss(of: $0, in: plan)?.breaksPromise != true }
  }

  /// The grouping in an order of the devices that keeps every promise of a plan, best the one that
  /// leads to what is planned; `nil` if none of the orders that are tried does.
  static func keepingPromises(
    _ plan: IOASIDPlan, on host: HostDescription, as rule: VMMRule
  ) -> VMMGrouping? {
    let rule = rule.settled(on: host.kernel, besides: plan.dialect)
    let situation = VMMSituation(plan, host, rule)
    if let found = reaching(plan, situation), found.keepsPromises(of: plan) { return found }
    return candidates(plan, situation).first { $0.keepsPromises(of: plan) }
  }
}

extension VMMDiagnostics {
  static let forbiddenBroken = DiagnosticCode(
    "VP3025", .error, "'forbidden' does not hold with the VMM",
    """
    The description says that the no-snoop DMA of a device is blocked, and the plan blocks it by a \
    page table that enforces snoop. The VMM attaches devices by itself, in the order of the file, \
    and puts this one on a page table that does not enforce snoop: guest memory that the CPUs have \
    in their caches may then differ from what the device reads. The help line names an order that \
    keeps the promise, if one does; a VMM on another interface may, too, and vfioplan does.
    """)

  static let requiredBroken = DiagnosticCode(
    "VP3026", .error, "'required' does not hold with the VMM",
    """
    The description says that the no-snoop DMA of a device works, and the plan gives it a page \
    table that does not enforce snoop. The VMM attaches devices by itself, in the order of the \
    file, and puts this one on a page table that enforces snoop: its no-snoop requests are carried \
    out as coherent ones, which costs what the device gains by them. The help line names an order \
    that keeps the promise, if one does; vfioplan does in any order.
    """)

  /// What a VMM makes of a plan in the order of the file: promises that it breaks are errors, one a
  /// page table, and what else it makes otherwise are warnings, as `findings` has them.
  public static func outcome(
    of compiled: CompiledPlan, as rule: VMMRule
  ) -> (grouping: VMMGrouping, findings: [Diagnostic]) {
    let rule = rule.stated(by: compiled.vm.vmm)
    let grouping = VMMGrouping(of: compiled.plan, on: compiled.host, as: rule)
    let others = findings(for: compiled, with: rule)
    guard grouping.rule.canRun(on: compiled.host.kernel) else { return (grouping, others) }
    let promises = BrokenPromises(compiled, grouping)
    let findings = promises.findings
    // That no order leads to the plan is said with what comes of it.
    let rest = others.filter { findings.isEmpty || $0.code != otherGrouping || !promises.coverAll }
    return (grouping, findings + rest)
  }
}

/// The promises of a description that a VMM breaks.
private struct BrokenPromises {
  private let compiled: CompiledPlan
  private let other: VMMGrouping
  private let losses: [VMMLoss?]
  private var plan: IOASIDPlan { compiled.plan }

  init(_ compiled: CompiledPlan, _ other: VMMGrouping) {
    self.compiled = compiled
    self.other = other
    losses = compiled.plan.devices.indices.map { other.loss(of: $0, in: compiled.plan) }
  }

  /// Whether nothing is lost but promises.
  var coverAll: Bool { losses.allSatisfy { $0?.breaksPromise ?? true } }

  /// One finding a promise and page table of the VMM's, in the order of the description.
  var findings: [Diagnostic] {
    let broken = losses.indices.filter { losses[$0]?.breaksPromise == true }
    guard !broken.isEmpty else { return [] }
    let better = VMMGrouping.keepingPromises(plan, on: compiled.host, as: other.rule)
    var seen: [[Int]: Int] = [:]
    var causes: [[Int]] = []
    for index in broken {
      let key = [other.tableOfDevice[index], losses[index] == .forbidden ? 0 : 1]
      if let known = seen[key] {
        causes[known].append(index)
      } else {
        seen[key] = causes.count
        causes.append([index])
      }
    }
    return causes.map { finding(for: $0, better) }
  }

  private func finding(for indices: [Int], _ better: VMMGrouping?) -> Diagnostic {
    let isForbidden = losses[indices[0]] == .forbidden
    let devices = indices.map { plan.devices[$0] }
    let isOpen = isForbidden && devices.allSatisfy { $0.noSnoopFact == .unknown }
    let names = PlannerDiagnostics.list(devices.map(\.name))
    let others = indices.dropFirst().prefix(8).map {
      Diagnostic.Note(
        "and of \(PlannerDiagnostics.quote(plan.devices[$0].name))",
        compiled.vm.devices[$0].$noSnoop)
    }
    return Diagnostic(
      isForbidden ? VMMDiagnostics.forbiddenBroken : VMMDiagnostics.requiredBroken,
      "'\(isForbidden ? "forbidden" : "required")' of \(names) "
        + "\(isOpen ? "may not hold" : "does not hold"): \(cause(of: indices, isForbidden))",
      at: compiled.vm.devices[indices[0]].$noSnoop, notes: Array(others), help: help(better)
    ).resting(on: isOpen ? [.canNoSnoop] : [])
  }

  /// What the VMM does with devices that it puts on one page table.
  private func cause(of indices: [Int], _ isForbidden: Bool) -> String {
    let leader = other.pageTables[other.tableOfDevice[indices[0]]].leader
    let them = indices.count == 1 ? "it" : "them"
    let deed =
      indices.contains(leader)
      ? "gives \(them) a page table that "
      : "puts \(them) on the page table of \(PlannerDiagnostics.quote(plan.devices[leader].name)), "
        + "which "
    return "\(other.rule.title) \(deed)"
      + (isForbidden ? "does not enforce snoop" : "enforces snoop")
  }

  private func help(_ better: VMMGrouping?) -> String {
    guard let better else {
      return "no order of the devices that was tried keeps it; let vfioplan attach the devices, or "
        + "use another VMM or interface"
    }
    let names = better.order.map { plan.devices[$0].name.visible }.joined(separator: ", ")
    return "an order of the devices that keeps it: \(names)"
  }
}
