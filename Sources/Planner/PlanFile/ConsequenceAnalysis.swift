import Parser

/// Finds what follows for the VM and its host from one plan being in another's place.
///
/// What gets worse is looked for in both directions; what gets better is the other way round what
/// gets worse. So the consequences of a way back are always the opposite of those of the way there.
struct ConsequenceAnalysis {
  private let before: CompiledPlan
  private let after: CompiledPlan
  private let matching: PlanMatching
  private var found: [Consequence] = []

  /// All consequences, the worst first, those of a kind by device; linear in both plans but for
  /// the sorting.
  static func consequences(
    from before: CompiledPlan, to after: CompiledPlan, _ matching: PlanMatching
  ) -> [Consequence] {
    var there = ConsequenceAnalysis(before: before, after: after, matching: matching)
    var back = ConsequenceAnalysis(before: after, after: before, matching: matching.reversed)
    there.findLosses()
    back.findLosses()
    there.findRest()
    let gains = back.found.map(\.opposite).map { there.named($0) }
    let all = there.found + gains
    return all.sorted { $0.kind.rank < $1.kind.rank }
  }

  /// A gain under the name that the device has in the later plan, if it is there.
  private func named(_ gain: Consequence) -> Consequence {
    guard let device = partners[gain.address] else { return gain }
    var gain = gain
    gain.device = device.name
    gain.address = device.address
    return gain
  }

  /// The later plan's device for each address of the earlier one.
  private let partners: [BDF?: PlannedDevice]
  private let tables: Tables

  /// The first devices of each page table of the later plan that are in the earlier one, and those
  /// of them that stay on it.
  private struct Tables {
    var known: [Int: [Int]] = [:]
    var staying: [Int: [Int]] = [:]

    init(_ before: IOASIDPlan, _ after: IOASIDPlan, _ matching: PlanMatching) {
      for (index, device) in after.devices.enumerated() {
        guard let earlier = matching.earlier[index] else { continue }
        let table = device.pageTable
        Self.add(index, to: &known[table, default: []])
        guard matching.earlierHome[table] == before.devices[earlier].pageTable else { continue }
        Self.add(index, to: &staying[table, default: []])
      }
    }

    /// One more than is named, as the device that is told of is none of its own mates.
    private static func add(_ device: Int, to list: inout [Int]) {
      if list.count < 9 { list.append(device) }
    }
  }

  private init(before: CompiledPlan, after: CompiledPlan, matching: PlanMatching) {
    (self.before, self.after, self.matching) = (before, after, matching)
    tables = Tables(before.plan, after.plan, matching)
    partners = Dictionary(
      matching.later.enumerated().compactMap { index, later in
        later.map { (before.plan.devices[index].address, after.plan.devices[$0]) }
      }, uniquingKeysWith: { first, _ in first })
  }
}

// MARK: - What has an opposite

extension ConsequenceAnalysis {
  private mutating func findLosses() {
    for (index, device) in after.plan.devices.enumerated() {
      guard let earlier = matching.earlier[index] else {
        appendNew(device)
        continue
      }
      findLosses(of: device, from: before.plan.devices[earlier])
    }
    findJoins()
    if before.plan.metrics.wbinvd < after.plan.metrics.wbinvd {
      var carriedOut = Consequence(.wbinvdCarriedOut)
      carriedOut.others = after.plan.coherency.proof.map { [after.plan.devices[$0].name] } ?? []
      carriedOut.what = after.plan.isKVMKnown ? nil : "unknown"
      found.append(carriedOut)
    }
    findCompanions()
  }

  private mutating func appendNew(_ device: PlannedDevice) {
    var new = Consequence(device.isEffective ? .nonCoherentComes : .comes, device)
    new.others = names(of: tables.known[device.pageTable], besides: device)
    new.unknown = device.isEffective ? device.unknown : []
    found.append(new)
  }

  private mutating func findLosses(of now: PlannedDevice, from then: PlannedDevice) {
    if now.isEffective, !then.isEffective {
      var loss = Consequence(.nonCoherent, now)
      loss.unknown = now.unknown
      found.append(loss)
    }
    if isEnforced(then, before), !isEnforced(now, after) {
      found.append(Consequence(.notEnforced, now))
    }
    if then.resolved.isPromise, !now.resolved.isPromise {
      append(.promiseWithdrawn, now, nil, then.resolved.rawValue, now.resolved.rawValue)
    }
    for (what, old, new) in Self.facts(then, now) where old != .unknown && new == .unknown {
      append(.factUnknown, now, what.rawValue, old.rawValue, new.rawValue)
    }
    if isToldByFiles, now.isKnownToKVM, !then.isKnownToKVM { found.append(Consequence(.told, now)) }
  }

  /// Whether KVM is told of each device in both plans, not of one that proves the need for all.
  private var isToldByFiles: Bool {
    before.plan.dialect?.registersFiles == true && after.plan.dialect?.registersFiles == true
  }

  private func isEnforced(_ device: PlannedDevice, _ compiled: CompiledPlan) -> Bool {
    compiled.plan.pageTables[device.pageTable].snoopPolicy == .enforced
  }

  private static func facts(
    _ then: PlannedDevice, _ now: PlannedDevice
  ) -> [(Diagnostic.OpenFact, Fact, Fact)] {
    [
      (.canNoSnoop, then.noSnoopFact, now.noSnoopFact),
      (.canEnforceSnoop, then.enforcementFact, now.enforcementFact),
    ]
  }

  /// Devices whose page table goes on another one's.
  private mutating func findJoins() {
    for (index, device) in after.plan.devices.enumerated() {
      guard let earlier = matching.earlier[index],
        let home = matching.earlierHome[device.pageTable],
        before.plan.devices[earlier].pageTable != home
      else { continue }
      var join = Consequence(.joins, device)
      join.others = names(of: tables.staying[device.pageTable], besides: device)
      found.append(join)
    }
  }

  /// The names of up to 8 others of some devices.
  private func names(of devices: [Int]?, besides device: PlannedDevice) -> [String] {
    let others = (devices ?? []).map { after.plan.devices[$0] }
    return others.filter { $0.address != device.address }.prefix(8).map(\.name)
  }

  private mutating func findCompanions() {
    let known = Set(before.plan.companions.map(\.address))
    for companion in after.plan.companions where !known.contains(companion.address) {
      var loss = Consequence(.hostLoses)
      (loss.address, loss.what) = (companion.address, companion.driver)
      found.append(loss)
    }
  }
}

// MARK: - What is the same in both directions

extension ConsequenceAnalysis {
  private mutating func findRest() {
    var reached: [[Int]: Bool] = [:]
    for (index, now) in after.plan.devices.enumerated() {
      guard let earlier = matching.earlier[index] else { continue }
      let then = before.plan.devices[earlier]
      findRest(of: now, from: then)
      let spaces = [space(of: then, before), space(of: now, after)]
      let isSame = reached[spaces] ?? reachesTheSame(spaces)
      reached[spaces] = isSame
      if !isSame { append(.reach, now, nil, name(spaces[0], before), name(spaces[1], after)) }
    }
    findMemory()
    if before.plan.target != after.plan.target {
      append(.target, nil, nil, before.plan.target, after.plan.target)
    }
    findCosts()
  }

  private mutating func findRest(of now: PlannedDevice, from then: PlannedDevice) {
    if then.address != now.address {
      append(.moved, now, nil, "\(then.address)", "\(now.address)")
    }
    for (what, old, new) in Self.facts(then, now)
    where old != new && old != .unknown && new != .unknown {
      append(.fact, now, what.rawValue, old.rawValue, new.rawValue)
    }
    if then.resolved != now.resolved, then.resolved.isPromise, now.resolved.isPromise {
      append(.promise, now, nil, then.resolved.rawValue, now.resolved.rawValue)
    }
  }

  private mutating func append(
    _ kind: Consequence.Kind, _ device: PlannedDevice?, _ what: String?, _ old: String,
    _ new: String
  ) {
    var consequence = Consequence(kind, device)
    (consequence.what, consequence.before, consequence.after) = (what, old, new)
    found.append(consequence)
  }

  private func space(of device: PlannedDevice, _ compiled: CompiledPlan) -> Int {
    compiled.plan.pageTables[device.pageTable].addressSpace
  }

  private func name(_ space: Int, _ compiled: CompiledPlan) -> String {
    compiled.plan.addressSpaces[space].name
  }

  /// Whether two address spaces map the same; what `gpa` holds is the VM's memory, which is told
  /// once.
  private func reachesTheSame(_ spaces: [Int]) -> Bool {
    let names = [name(spaces[0], before), name(spaces[1], after)]
    let whole = names.map { $0 == VMDescription.guestPhysicalSpace }
    if whole[0] || whole[1] { return whole[0] == whole[1] }
    return Self.map(spaces[0], before) == Self.map(spaces[1], after)
  }

  /// What an address space maps: guest-physical addresses, whichever regions they are in.
  private static func map(
    _ space: Int, _ compiled: CompiledPlan
  ) -> Set<PlannedAddressSpace.Mapping> {
    let mappings = compiled.plan.addressSpaces[space].mappings.map { mapping in
      var mapping = mapping
      mapping.offset &+= compiled.vm.memory[mapping.region].gpa
      (mapping.region, mapping.origin) = (0, .wholeVM)
      return mapping
    }
    return Set(mappings)
  }

  private mutating func findMemory() {
    let regions = [before.vm, after.vm].map(Self.regions)
    guard !regions[0].elementsEqual(regions[1], by: VMKeys.region.isSame) else { return }
    let sizes = [before.vm, after.vm].map { vm in
      byteSizeText(vm.memory.reduce(0) { $0 &+ $1.size })
    }
    append(.memory, nil, nil, sizes[0], sizes[1])
  }

  /// The guest's memory, whatever the order in the file.
  private static func regions(_ vm: ResolvedVM) -> [MemoryRegion] {
    vm.memory.sorted { $0.gpa < $1.gpa }
  }

  private mutating func findCosts() {
    for metric in Metric.allCases where metric != .wbinvd {
      appendCost(metric.rawValue, before.plan.metrics[metric], after.plan.metrics[metric])
    }
    let budgets = (PlanBudget(before), PlanBudget(after))
    appendCost("lockedBytes", budgets.0.lockedBytes, budgets.1.lockedBytes)
    appendCost("mappings", budgets.0.mappings, budgets.1.mappings)
  }

  private mutating func appendCost(
    _ what: String, _ old: some BinaryInteger, _ new: some BinaryInteger
  ) {
    if old != new { append(.cost, nil, what, "\(old)", "\(new)") }
  }
}

extension NoSnoopIntent {
  /// Whether it says what holds, whatever the objective is.
  fileprivate var isPromise: Bool { self == .required || self == .forbidden }
}
