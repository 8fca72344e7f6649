import Parser

/// Plans again with one change after another, and keeps those after which less is non-coherent.
struct WayOutSearch {
  /// A change that is to be tried.
  private struct Candidate {
    var vm: VMDescription
    var host: HostDescription
    var dialect: any Dialect
    var objective: Objective
  }

  /// How many plans are made at most.
  static let mostTries = 64
  /// How many devices and ranges all plans together look at, which takes less than 100 ms.
  static let mostWork = 60_000
  /// How many groups of devices are looked at one by one.
  static let mostGroups = 8

  private let plan: IOASIDPlan
  private let policy: Policy
  private let base: Candidate
  /// The devices that are not coherent, by group, in order of first members.
  private let groups: [[Int]]
  private let limit: Int
  private var ways: [WayOut] = []
  private var seen: Set<WayOut.Deed> = []
  private(set) var tried = 0
  private(set) var candidates = 0

  /// Prepares for a plan; `nil` if there is nothing that could become better.
  init?(_ compiled: CompiledPlan) {
    plan = compiled.plan
    guard plan.metrics.wbinvd > 0 || plan.metrics.incoherentDevices > 0,
      let dialect = plan.dialect
    else { return nil }
    policy = compiled.policy
    var host = compiled.host
    host.devices = RelevantFacts(to: plan, in: host).devices.map { compiled.host.devices[$0] }
    base = Candidate(
      vm: compiled.vm.described, host: host, dialect: dialect, objective: plan.objective)
    let work =
      host.devices.count + host.iommus.count + compiled.vm.devices.count + compiled.vm.memory.count
      + compiled.vm.addressSpaces.reduce(0) { $0 + $1.windows.count }
    limit = min(Self.mostTries, Self.mostWork / max(1, work))
    groups = Self.groups(of: plan)
  }

  private static func groups(of plan: IOASIDPlan) -> [[Int]] {
    var (groups, places): ([[Int]], [Int: Int]) = ([], [:])
    for (index, device) in plan.devices.enumerated() where device.isEffective {
      if let place = places[device.group] {
        groups[place].append(index)
      } else {
        places[device.group] = groups.count
        groups.append([index])
      }
    }
    return groups
  }

  /// The ways, in the order of `WaysOut`.
  var sortedWays: [WayOut] {
    let key = { (way: WayOut) in
      (
        way.isWhole ? 0 : 1, way.isWhole ? 0 : way.metrics.incoherentDevices, way.deed.effort
      )
    }
    let needed = ways.filter { way in !ways.contains { way.isNeedless(beside: $0) } }
    return needed.sorted { key($0) < key($1) }
  }

  /// Tries what there is to try: what is about all devices first, then about one group each.
  mutating func run() {
    if plan.coherency.reason == .override {
      attempt(.leaveKVMAlone) { $0.vm.kvm.incoherentDMA = .auto }
    }
    let all = groups.flatMap(\.self)
    tryDevices(all)
    tryHosts()
    tryChoices()
    tryWithout(all)
    guard groups.count > 1 else { return tryUnits() }
    for group in groups.prefix(Self.mostGroups) {
      tryDevices(group)
      tryWithout(group)
    }
    tryUnits()
  }
}

// MARK: - One change

extension WayOutSearch {
  /// Plans with a change, as long as there is room for another plan, and keeps it if it helps.
  @discardableResult
  private mutating func attempt(
    _ deed: WayOut.Deed, _ change: (inout Candidate) -> Void
  ) -> Bool {
    guard let result = result(of: deed, change) else { return false }
    ways.append(WayOut(deed, leadingTo: result, from: plan, on: base.host))
    return true
  }

  /// The plan after a change if it is better, and the change was not tried before.
  private mutating func result(
    of deed: WayOut.Deed, _ change: (inout Candidate) -> Void
  ) -> IOASIDPlan? {
    guard seen.insert(deed).inserted else { return nil }
    candidates += 1
    guard tried < limit else { return nil }
    tried += 1
    var candidate = base
    change(&candidate)
    var sink = DiagnosticSink()
    let decision = try? Compilation.decide(
      candidate.vm, on: candidate.host, dialect: candidate.dialect,
      objective: candidate.objective, policy: policy, into: &sink)
    return decision.flatMap { isBetter($0.1.metrics) ? $0.1 : nil }
  }

  private func isBetter(_ metrics: PlanMetrics) -> Bool {
    let old = plan.metrics
    return metrics.wbinvd <= old.wbinvd && metrics.incoherentDevices <= old.incoherentDevices
      && (metrics.wbinvd, metrics.incoherentDevices) != (old.wbinvd, old.incoherentDevices)
  }
}

// MARK: - What is said of devices

extension WayOutSearch {
  /// That some devices turn out not to no-snoop, or are forbidden to.
  ///
  /// The other answer of a test leads nowhere better, as unknown counts as yes already.
  private mutating func tryDevices(_ devices: [Int]) {
    let unknown = devices.filter { plan.devices[$0].noSnoopFact == .unknown }
    if !unknown.isEmpty {
      let addresses = Set(unknown.map { plan.devices[$0].address })
      attempt(.findOut(unknown)) { candidate in
        for index in candidate.host.devices.indices
        where addresses.contains(candidate.host.devices[index].address) {
          candidate.host.devices[index].noSnoopCapable = .no
        }
      }
    }
    // What can't be enforced can't be forbidden.
    let free = devices.filter {
      plan.devices[$0].resolved != .forbidden && plan.devices[$0].canEnforceSnoop
    }
    guard !free.isEmpty else { return }
    attempt(.forbid(free)) { candidate in
      for index in free { candidate.vm.devices[index].noSnoop = .forbidden }
    }
  }

  /// That devices are left out: those alone, else with the VM's others in their groups.
  private mutating func tryWithout(_ devices: [Int]) {
    guard devices.count < plan.devices.count, !devices.isEmpty else { return }
    if tryLeavingOut(devices) { return }
    let groups = Set(devices.map { plan.devices[$0].group })
    let mates = plan.devices.indices.filter { groups.contains(plan.devices[$0].group) }
    guard mates.count > devices.count, mates.count < plan.devices.count else { return }
    tryLeavingOut(mates)
  }

  @discardableResult
  private mutating func tryLeavingOut(_ devices: [Int]) -> Bool {
    let left = Set(devices)
    return attempt(.leaveOut(devices)) { candidate in
      candidate.vm.devices = candidate.vm.devices.enumerated().filter { !left.contains($0.offset) }
        .map(\.element)
    }
  }
}

// MARK: - What is said of the host

extension WayOutSearch {
  /// What would let the units of the devices enforce, as help lines offer it.
  private mutating func tryHosts() {
    var seen: Set<String> = []
    for device in groups.prefix(Self.mostGroups).flatMap(\.self)
    where plan.devices[device].enforcementFact != .yes {
      let name = plan.devices[device].iommu
      guard seen.insert(name).inserted,
        let index = base.host.iommus.firstIndex(where: { $0.name == name })
      else { continue }
      let remedies = EnforcementRemedies(host: base.host, dialect: base.dialect, index: index)
      for remedy in remedies.remedies(to: .yes) {
        guard let deed = WayOut.Deed(remedy) else { continue }
        attempt(deed) { $0.host = $0.host.after(remedy.change) }
      }
    }
  }

  /// Other objectives, and other interfaces that the host is known to have.
  private mutating func tryChoices() {
    for (name, objective) in Objective.presets where objective != plan.objective {
      attempt(.objective(name)) { $0.objective = objective }
    }
    for dialect in Dialects.all
    where !dialect.isProposalOnly && dialect.name != plan.target
      && dialect.isKnown(on: base.host.kernel)
    {
      attempt(.target(dialect.name)) { $0.dialect = dialect }
    }
  }
}

// MARK: - Other units

extension WayOutSearch {
  /// That a card is put behind another unit: of units that are alike one is tried.
  private mutating func tryUnits() {
    let movable = groups.prefix(Self.mostGroups).compactMap { group in
      group.first { isMovable($0) }
    }
    guard !movable.isEmpty else { return }
    let facts = base.host.enforcement(on: base.dialect)
    let (classes, _) = HostTopology.classes(of: base.host.iommus)
    let kinds = Dictionary(grouping: base.host.iommus.indices) { UnitKind(facts[$0], classes[$0]) }
    let alike = kinds.values.sorted { $0[0] < $1[0] }
    for device in movable { tryUnits(alike, for: device) }
  }

  /// Puts the card of a device behind a unit of each kind.
  private mutating func tryUnits(_ alike: [[Int]], for device: Int) {
    let (address, unit) = (plan.devices[device].address, plan.devices[device].iommu)
    var (best, names): (IOASIDPlan?, [String]) = (nil, [])
    for like in alike {
      let others = like.map { base.host.iommus[$0].name }.filter { $0 != unit }
      guard let name = others.first else { continue }
      let found = result(of: .move(device, to: [name])) {
        Self.move(address, behind: name, in: &$0)
      }
      guard let found else { continue }
      if best == nil { best = found }
      if found.metrics.incoherentDevices == best?.metrics.incoherentDevices { names += others }
    }
    guard let best else { return }
    ways.append(WayOut(.move(device, to: names), leadingTo: best, from: plan, on: base.host))
  }

  private struct UnitKind: Hashable {
    var enforces: Fact
    var compatibility: ClassIndex

    init(_ enforces: Fact, _ compatibility: ClassIndex) {
      (self.enforces, self.compatibility) = (enforces, compatibility)
    }
  }

  /// Whether a device may sit in a slot: neither part of the chipset or the CPU, which are on root
  /// buses, nor a function that another device makes.
  private func isMovable(_ index: Int) -> Bool {
    let device = plan.devices[index]
    guard device.enforcementFact != .yes, device.address.bus != 0,
      let fact = base.host.devices.first(where: { $0.address == device.address })
    else { return false }
    return fact.physicalFunction == nil && fact.behind == nil
  }

  /// Puts all functions of a card behind a unit, in groups of their own.
  private static func move(_ address: BDF, behind unit: String, in candidate: inout Candidate) {
    let slot = address.packed >> 3
    let free = (candidate.host.devices.lazy.compactMap(\.group).max() ?? 0) + 1
    var groups: [Int: Int] = [:]
    for index in candidate.host.devices.indices
    where candidate.host.devices[index].address.packed >> 3 == slot {
      guard let old = candidate.host.devices[index].group else { continue }
      let new = groups[old] ?? free + groups.count
      groups[old] = new
      candidate.host.devices[index].group = new
      candidate.host.devices[index].iommu = unit
    }
    for index in candidate.vm.devices.indices {
      candidate.vm.devices[index].expected?.group = nil
    }
  }
}
