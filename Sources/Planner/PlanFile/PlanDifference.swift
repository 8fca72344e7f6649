import Parser

/// What changes from one compiled plan to another: a pure value, in a stable order.
///
/// Page tables, devices and address spaces are matched by name, so a renamed one is removed and
/// added. Places in files and the wording of explanations are no differences.
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

  /// Whether the two plans are the same.
  public var isEmpty: Bool { changes.isEmpty && steps.isEmpty }

  /// Compares two plans; linear in their size, but for a logarithm over moved steps.
  public init(from before: CompiledPlan, to after: CompiledPlan) {
    steps = StepDifference(from: before.program, to: after.program)
    comparePlans(before, after)
    compareMetrics(before.plan.metrics, after.plan.metrics)
    compareKVM(before, after)
    compare(.ioasid, before.plan.pageTables, after.plan.pageTables, name: \.name) {
      facets, one, two in
      Self.compare(one.map { ($0, before.plan) }, two.map { ($0, after.plan) }, &facets)
    }
    compare(.policy, Self.statements(before.policy), Self.statements(after.policy), name: \.name) {
      $0.compare("noSnoop", $1?.intent, $2?.intent)
      $0.compare("row", $1?.row, $2?.row)
      $0.compare("reason", $1?.reason, $2?.reason)
    }
    compare(.device, before.plan.devices, after.plan.devices, name: \.name) { facets, one, two in
      Self.compare(one.map { ($0, before.plan) }, two.map { ($0, after.plan) }, &facets)
    }
    noteUnknown(before.plan, after.plan)
    compare(.memory, before.vm.memory, after.vm.memory, name: { Self.hex($0.gpa) }) {
      $0.compare("size", $1.map { Self.hex($0.size) }, $2.map { Self.hex($0.size) })
      $0.compare("hugepages", $1?.hugePageBytes.map(Self.hex), $2?.hugePageBytes.map(Self.hex))
      $0.compare("populate", $1?.population.rawValue, $2?.population.rawValue)
    }
    compare(.mapping, Self.mappings(before), Self.mappings(after), name: \.name) {
      $0.compare("size", $1.map { Self.hex($0.size) }, $2.map { Self.hex($0.size) })
      $0.compare("gpa", $1.map { Self.hex($0.gpa) }, $2.map { Self.hex($0.gpa) })
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
}

extension PlanDifference {
  private static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  /// Compares two lists by name: what goes in the order of the first, then the rest in the order
  /// of the second.
  private mutating func compare<Element>(
    _ subject: Subject, _ before: [Element], _ after: [Element], name: (Element) -> String,
    _ compareFacets: (inout FacetList, Element?, Element?) -> Void
  ) {
    let old = Dictionary(before.map { (name($0), $0) }, uniquingKeysWith: { first, _ in first })
    let new = Set(after.map(name))
    for element in before where !new.contains(name(element)) {
      var list = FacetList()
      compareFacets(&list, element, nil)
      changes.append(
        Change(subject: subject, name: name(element), kind: .removed, facets: list.facets))
    }
    for element in after {
      let known = old[name(element)]
      var list = FacetList()
      compareFacets(&list, known, element)
      if known != nil, list.facets.isEmpty { continue }
      let kind = known == nil ? Kind.added : .changed
      changes.append(
        Change(subject: subject, name: name(element), kind: kind, facets: list.facets))
    }
  }

  /// Says of devices which facts their properties rest on that nobody knows.
  private mutating func noteUnknown(_ before: IOASIDPlan, _ after: IOASIDPlan) {
    var facts: [String: [Diagnostic.OpenFact]] = [:]
    for device in before.devices + after.devices { facts[device.name] = device.unknown }
    for index in changes.indices where changes[index].subject == .device {
      changes[index].unknown = facts[changes[index].name] ?? []
    }
  }

  private mutating func comparePlans(_ before: CompiledPlan, _ after: CompiledPlan) {
    var list = FacetList()
    list.compare("vm", before.vm.name, after.vm.name)
    list.compare("host", before.host.name, after.host.name)
    list.compare("target", before.plan.target, after.plan.target)
    list.compare("objective", Self.text(before.plan.objective), Self.text(after.plan.objective))
    appendChange(.plan, "plan", list)
  }

  private static func text(_ objective: Objective) -> String {
    objective.presetName ?? objective.order.map(\.rawValue).joined(separator: ",")
  }

  private mutating func compareMetrics(_ before: PlanMetrics, _ after: PlanMetrics) {
    for metric in Metric.allCases {
      var list = FacetList()
      list.compare("value", before[metric], after[metric])
      appendChange(.metric, metric.rawValue, list)
    }
  }

  private mutating func compareKVM(_ before: CompiledPlan, _ after: CompiledPlan) {
    func proof(_ plan: IOASIDPlan) -> String? { plan.coherency.proof.map { plan.devices[$0].name } }
    var list = FacetList()
    list.compare(
      "incoherentDMA", before.plan.coherency.allowsIncoherentDMA,
      after.plan.coherency.allowsIncoherentDMA)
    list.compare("proof", proof(before.plan), proof(after.plan))
    list.compare("asked", before.vm.kvm.incoherentDMA.rawValue, after.vm.kvm.incoherentDMA.rawValue)
    list.compare("owner", before.vm.kvm.owner.rawValue, after.vm.kvm.owner.rawValue)
    list.compare("reason", before.plan.coherency.reason.code, after.plan.coherency.reason.code)
    appendChange(.kvm, "kvm", list)
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
      "iommus", before?.value.iommus.joined(separator: ","),
      after?.value.iommus.joined(separator: ","))
    list.compare("devices", before?.value.devices.count, after?.value.devices.count)
  }

  private static func compare(
    _ before: InPlan<PlannedDevice>?, _ after: InPlan<PlannedDevice>?, _ list: inout FacetList
  ) {
    func table(_ device: InPlan<PlannedDevice>) -> String {
      device.plan.pageTables[device.value.pageTable].name
    }
    let (one, two) = (before?.value, after?.value)
    list.compare("address", one?.address, two?.address)
    list.compare("ioasid", before.map(table), after.map(table))
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
    list.compare("registeredWithKVM", one?.isKnownToKVM, two?.isKnownToKVM)
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
          name: "\(space.name) \(hex(mapping.iova))", size: mapping.size,
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
