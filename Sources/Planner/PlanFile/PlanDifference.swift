import Parser

/// What changes from one compiled plan to another: a pure value, in a stable order.
///
/// Devices are matched by address, page tables by their devices. Places in files, the order of
/// files, the names of page tables and the wording of explanations are not differences.
public struct PlanDifference: Hashable, Sendable {
  /// What a change is about.
  public enum Subject: String, CaseIterable, Hashable, Sendable {
    /// The plan as a whole: VM, target, objective.
    case plan
    /// One of the four metrics.
    case metric
    /// What KVM is told.
    case kvm
    /// A page table.
    case ioasid
    /// A row or a requirement of the policy.
    case policy
    /// A device.
    case device
    /// A region of guest memory.
    case memory
    /// A mapping of an address space.
    case mapping
  }

  /// How a subject changes.
  public enum Kind: String, Hashable, Sendable {
    /// Only the later plan has it.
    case added
    /// Only the earlier plan has it.
    case removed
    /// Both have it, with different properties.
    case changed
  }

  /// A property that differs; `nil` where the subject does not exist.
  public struct Facet: Hashable, Sendable {
    /// The property's key in plan files.
    public var key: String
    /// Its value in the earlier plan.
    public var before: String?
    /// Its value in the later plan.
    public var after: String?
  }

  /// One subject that changes.
  public struct Change: Hashable, Sendable {
    /// What it is.
    public var subject: Subject
    /// Its name; for memory and mappings where it starts.
    public var name: String
    /// How it changes.
    public var kind: Kind
    /// The properties that differ, or all that matter of what was added or removed.
    public var facets: [Facet]
    /// The facts about a device that nobody knows in the plan that has it last.
    public var unknown: [Diagnostic.OpenFact] = []
  }

  /// Everything but steps, by subject in declaration order.
  public private(set) var changes: [Change] = []
  /// The steps that come and go.
  public let steps: StepDifference
  /// What follows for the VM and its host, the worst first.
  public let consequences: [Consequence]
  private let matching: PlanMatching
  private let inputs: InputChanges

  /// Whether the two plans are the same, steps included.
  public var isEmpty: Bool { changes.isEmpty && steps.isEmpty }

  /// Whether the same was decided: what differs are names, orders, steps, or what it costs.
  public var isDecisionEqual: Bool { consequences.allSatisfy { $0.kind == .cost } }

  /// What the files say otherwise that a consequence comes from; none if that can't be told.
  public func causes(of consequence: Consequence) -> [InputChange] {
    inputs.causes(of: consequence)
  }

  /// Compares two plans; linear in their size, but for a logarithm over moved steps.
  public init(from before: CompiledPlan, to after: CompiledPlan) {
    steps = StepDifference(from: before.program, to: after.program)
    matching = PlanMatching(before.plan, after.plan)
    inputs = InputChanges(from: before, to: after, matching)
    consequences = ConsequenceAnalysis.consequences(from: before, to: after, matching)
    comparePlans(before, after)
    compareMetrics(before.plan.metrics, after.plan.metrics)
    compareKVM(before, after)
    comparePageTables(before.plan, after.plan)
    compare(.policy, Self.statements(before.policy), Self.statements(after.policy), name: \.name) {
      $0.compare("noSnoop", $1?.intent, $2?.intent)
      $0.compare("row", $1?.row, $2?.row)
      $0.compare("reason", $1?.reason, $2?.reason)
    }
    compareDevices(before, after)
    noteUnknown(before.plan, after.plan)
    compare(.memory, before.vm.memory, after.vm.memory, name: { hexText($0.gpa) }) {
      $0.add(VMKeys.region.differences(from: $1, to: $2, besides: ["gpa"]))
    }
    compare(.mapping, Self.mappings(before), Self.mappings(after), name: \.name) {
      $0.compare("size", $1.map { hexText($0.size) }, $2.map { hexText($0.size) })
      $0.compare("gpa", $1.map { hexText($0.gpa) }, $2.map { hexText($0.gpa) })
    }
  }
}

// MARK: - Comparing

/// Collects the properties that differ.
private struct FacetList {
  var facets: [PlanDifference.Facet] = []

  /// Adds a property if it differs; makes text only then.
  mutating func compare<Value: Equatable>(_ key: String, _ before: Value?, _ after: Value?) {
    guard before != after else { return }
    facets.append(
      .init(key: key, before: before.map { "\($0)" }, after: after.map { "\($0)" }))
  }

  /// Adds what a table of keys finds.
  mutating func add(_ differences: [(key: String, before: String?, after: String?)]) {
    facets += differences.map { .init(key: $0.key, before: $0.before, after: $0.after) }
  }
}

extension PlanDifference {

  /// Compares two lists by name; the second of two of a name is the second of that name there.
  private mutating func compare<Element>(
    _ subject: Subject, _ before: [Element], _ after: [Element], name: (Element) -> String,
    _ compareFacets: (inout FacetList, Element?, Element?) -> Void
  ) {
    var positions: [String: [Int]] = [:]
    for index in after.indices.reversed() {
      positions[name(after[index]), default: []].append(index)
    }
    let later = before.map { positions[name($0)]?.popLast() }
    compare(subject, before, after, later, name: name, compareFacets)
  }

  /// Compares two lists whose elements are matched: what goes in the order of the first, then the
  /// rest in the order of the second.
  private mutating func compare<Element>(
    _ subject: Subject, _ before: [Element], _ after: [Element], _ later: [Int?],
    name: (Element) -> String, _ compareFacets: (inout FacetList, Element?, Element?) -> Void
  ) {
    var earlier = [Int?](repeating: nil, count: after.count)
    for (index, partner) in later.enumerated() {
      if let partner {
        earlier[partner] = index
        continue
      }
      var list = FacetList()
      compareFacets(&list, before[index], nil)
      changes.append(
        Change(subject: subject, name: name(before[index]), kind: .removed, facets: list.facets))
    }
    for (element, partner) in zip(after, earlier) {
      var list = FacetList()
      compareFacets(&list, partner.map { before[$0] }, element)
      if partner != nil, list.facets.isEmpty { continue }
      let kind = partner == nil ? Kind.added : .changed
      changes.append(
        Change(subject: subject, name: name(element), kind: kind, facets: list.facets))
    }
  }

  private mutating func comparePageTables(_ before: IOASIDPlan, _ after: IOASIDPlan) {
    let later = before.pageTables.indices.map(matching.laterTable)
    compare(.ioasid, before.pageTables, after.pageTables, later, name: \.name) {
      facets, one, two in
      Self.compare(one.map { ($0, before) }, two.map { ($0, after) }, &facets)
    }
  }

  /// Keys of a device that what was decided of it tells, or the steps; a token is a secret.
  private static let decidedKeys = [
    "name", "address", "noSnoop", "addressSpace", "driver", "vfToken",
  ]

  private mutating func compareDevices(_ earlier: CompiledPlan, _ later: CompiledPlan) {
    let matching = matching
    let (before, after) = (earlier.plan, later.plan)
    let registers = [before, after].contains { $0.dialect?.registersFiles == true }
    compare(
      .device, Array(zip(before.devices, earlier.vm.devices)),
      Array(zip(after.devices, later.vm.devices)), matching.later, name: { $0.0.name }
    ) { facets, old, new in
      let (one, two) = (old?.0, new?.0)
      if one != nil, two != nil { facets.compare("name", one?.name, two?.name) }
      facets.compare("address", one?.address, two?.address)
      let table = one.flatMap { matching.laterTable($0.pageTable) }
      if two == nil || table != two?.pageTable {
        facets.compare(
          "ioasid", one.map { before.pageTables[$0.pageTable].name },
          two.map { after.pageTables[$0.pageTable].name })
      }
      Self.compare(one, two, &facets)
      facets.add(VMKeys.differences(from: old?.1, to: new?.1, besides: Self.decidedKeys))
      // Elsewhere KVM is told of one device, which the order of the file decides.
      guard registers || one == nil || two == nil else { return }
      facets.compare("registeredWithKVM", one?.isKnownToKVM, two?.isKnownToKVM)
    }
  }

  /// Says of devices which facts their properties rest on that nobody knows.
  private mutating func noteUnknown(_ before: IOASIDPlan, _ after: IOASIDPlan) {
    var facts: [String: [Diagnostic.OpenFact]] = [:]
    facts.reserveCapacity(before.devices.count)
    for devices in [before.devices, after.devices] {
      for device in devices { facts[device.name] = device.unknown }
    }
    for index in changes.indices where changes[index].subject == .device {
      changes[index].unknown = facts[changes[index].name] ?? []
    }
  }

  private mutating func comparePlans(_ before: CompiledPlan, _ after: CompiledPlan) {
    var list = FacetList()
    list.compare("vm", before.vm.name, after.vm.name)
    list.compare("host", before.host.name, after.host.name)
    list.compare("target", before.plan.target, after.plan.target)
    list.compare("objective", before.plan.objective.words, after.plan.objective.words)
    let others = ["name", "objective", "kvm", "addressSpaces"]
    list.add(VMKeys.differences(from: before.vm, to: after.vm, besides: others))
    appendChange(.plan, "plan", list)
  }

  private mutating func compareMetrics(_ before: PlanMetrics, _ after: PlanMetrics) {
    for metric in Metric.allCases {
      var list = FacetList()
      list.compare("value", before[metric], after[metric])
      appendChange(.metric, metric.rawValue, list)
    }
  }

  private mutating func compareKVM(_ before: CompiledPlan, _ after: CompiledPlan) {
    var list = FacetList()
    list.compare(
      "incoherentDMA", before.plan.coherency.allowsIncoherentDMA,
      after.plan.coherency.allowsIncoherentDMA)
    let proofs = (Self.proof(before.plan), Self.proof(after.plan))
    if !isProofOfBoth(before.plan, after.plan) {
      list.compare("proof", proofs.0?.name, proofs.1?.name)
    }
    list.compare("asked", before.vm.kvm.incoherentDMA.rawValue, after.vm.kvm.incoherentDMA.rawValue)
    let (old, new) = (before.vm.kvm, after.vm.kvm)
    list.add(VMKeys.kvm.differences(from: old, to: new, besides: ["incoherentDMA"]))
    list.compare("reason", before.plan.coherency.reason.code, after.plan.coherency.reason.code)
    appendChange(.kvm, "kvm", list)
  }

  private static func proof(_ plan: IOASIDPlan) -> PlannedDevice? {
    plan.coherency.proof.map { plan.devices[$0] }
  }

  /// Whether the proof of the earlier plan would do in the later one: which of several is taken
  /// depends on their order in the file.
  private func isProofOfBoth(_ before: IOASIDPlan, _ after: IOASIDPlan) -> Bool {
    guard let proof = before.coherency.proof, after.coherency.proof != nil,
      let later = matching.later[proof]
    else { return false }
    return before.devices[proof].isEffective == after.devices[later].isEffective
  }

  private mutating func appendChange(_ subject: Subject, _ name: String, _ list: FacetList) {
    guard !list.facets.isEmpty else { return }
    changes.append(Change(subject: subject, name: name, kind: .changed, facets: list.facets))
  }
}

// MARK: - Facets of one subject

extension PlanDifference {
  private typealias InPlan<Value> = (value: Value, plan: IOASIDPlan)

  private static func compare(
    _ before: InPlan<PageTable>?, _ after: InPlan<PageTable>?, _ list: inout FacetList
  ) {
    func space(_ table: InPlan<PageTable>) -> String {
      table.plan.addressSpaces[table.value.addressSpace].name
    }
    list.compare("addressSpace", before.map(space), after.map(space))
    list.compare(
      "enforceSnoop", before.map { $0.value.snoopPolicy == .enforced },
      after.map { $0.value.snoopPolicy == .enforced })
    list.compare(
      "iommus", before?.value.iommus.sorted().joined(separator: ","),
      after?.value.iommus.sorted().joined(separator: ","))
    list.compare("devices", before?.value.devices.count, after?.value.devices.count)
  }

  private static func compare(
    _ one: PlannedDevice?, _ two: PlannedDevice?, _ list: inout FacetList
  ) {
    list.compare("effective", one?.isEffective, two?.isEffective)
    list.compare("noSnoop", one?.intent.rawValue, two?.intent.rawValue)
    list.compare("resolved", one?.resolved.rawValue, two?.resolved.rawValue)
    list.compare("reason", one?.reason.code, two?.reason.code)
    list.compare("group", one?.group, two?.group)
    list.compare("iommu", one?.iommu, two?.iommu)
    list.compare("driver", one?.driver, two?.driver)
    list.compare("canNoSnoop", one?.noSnoopFact.rawValue, two?.noSnoopFact.rawValue)
    list.compare(
      "canEnforceSnoop", one?.enforcementFact.rawValue, two?.enforcementFact.rawValue)
  }

  /// A mapping under a name that both plans can share.
  private struct NamedMapping {
    var name: String
    var size: UInt64
    var gpa: UInt64
  }

  private static func mappings(_ compiled: CompiledPlan) -> [NamedMapping] {
    compiled.plan.addressSpaces.flatMap { space in
      space.mappings.map { mapping in
        NamedMapping(
          name: "\(space.name) \(hexText(mapping.iova))", size: mapping.size,
          gpa: compiled.vm.memory[mapping.region].gpa &+ mapping.offset)
      }
    }
  }
  /// A row or a requirement of a policy under a name that both can share.
  private struct NamedStatement {
    var name: String
    var intent: String?
    var row: Int?
    var reason: String?
  }

  private static func statements(_ policy: Policy) -> [NamedStatement] {
    policy.rows.enumerated().map { index, row in
      NamedStatement(
        name: row.devices.description, intent: row.intent.rawValue, row: index + 1,
        reason: row.reason)
    } + policy.requirements.map { NamedStatement(name: "require \($0.what.name)") }
  }
}
