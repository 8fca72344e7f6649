import Parser

/// Says which requirements a plan breaks, and by which devices.
public struct BrokenRequirements {
  private let plan: IOASIDPlan
  private let vm: ResolvedVM
  private let host: HostDescription

  /// Prepares for a plan of a VM on a host.
  init(_ plan: IOASIDPlan, of vm: ResolvedVM, on host: HostDescription) {
    (self.plan, self.vm, self.host) = (plan, vm, host)
  }

  /// Prepares for a plan that is compiled or was read.
  public init(_ compiled: CompiledPlan) {
    self.init(compiled.plan, of: compiled.vm, on: compiled.host)
  }

  /// An error for every requirement that is broken, in the order given; one that is stated twice is
  /// looked at once.
  public func findings(_ requirements: [Policy.StatedRequirement]) -> [Diagnostic] {
    var seen: Set<Requirement> = []
    return requirements.compactMap { seen.insert($0.what).inserted ? finding($0) : nil }
  }

  private func finding(_ requirement: Policy.StatedRequirement) -> Diagnostic? {
    switch requirement.what {
    case .coherent:
      guard plan.metrics.wbinvd > 0 else { return nil }
      return PolicyDiagnostics.incoherent(requirement, broken(where: \.isEffective), vm.kvm)
    case .knownFacts: return unknown(requirement)
    case .noBox3:
      let found = broken { $0.box == 3 }
      return found.devices.isEmpty ? nil : PolicyDiagnostics.inBox3(requirement, found)
    case .objective(let objective):
      guard objective != plan.objective else { return nil }
      return PolicyDiagnostics.otherObjective(requirement, plan.objective, of: vm)
    }
  }

  /// The devices that break a requirement: if some surely do, these alone.
  private func broken(where isMeant: (PlannedDevice) -> Bool) -> Culprits {
    let meant = plan.devices.indices.filter { isMeant(plan.devices[$0]) }
    let sure = meant.filter { plan.devices[$0].isKnown }
    let named = sure.isEmpty ? meant : sure
    return Culprits(
      devices: named.map { vm.devices[$0] }, facts: named.map { plan.devices[$0] },
      settling: named.lazy.compactMap {
        UnknownFacts.remedy(for: plan.devices[$0], of: plan, on: host)
      }.first)
  }

  /// Devices that break a requirement, with what is known of them.
  struct Culprits {
    /// As they are given.
    let devices: [ResolvedDevice]
    /// As they are planned.
    let facts: [PlannedDevice]
    /// What settles the facts of the first one of which nobody knows some.
    let settling: String?

    /// Whether none of them surely does.
    var isUncertain: Bool { !facts.isEmpty && !facts.contains(where: \.isKnown) }

    /// The facts that would clear them.
    var unknown: [Diagnostic.OpenFact] {
      guard isUncertain else { return [] }
      return (facts.contains { $0.noSnoopFact == .unknown } ? [.canNoSnoop] : [])
        + (facts.contains { $0.enforcementFact == .unknown } ? [.canEnforceSnoop] : [])
    }

    /// What settles the facts of the first one, as the end of a help line.
    var remedy: String {
      isUncertain ? settling.map { "; " + $0 } ?? "" : ""
    }
  }

  /// What is promised and could turn out otherwise: that a required device no-snoops, and, on a
  /// target that is told with a proof, that the proof of 'always' can.
  ///
  /// 'forbidden' and what is left out of KVM take the unknown for the worse, so nothing that turns
  /// out can break them. Promises that would rest on a unit that nobody knows are refused.
  private func unknown(_ requirement: Policy.StatedRequirement) -> Diagnostic? {
    let required = plan.devices.indices.filter { plan.devices[$0].resolved == .required }
    let proofs = plan.coherency.reason == .override ? [plan.coherency.proof].compactMap { $0 } : []
    guard let dialect = plan.dialect else { return nil }
    let isChosen = dialect.snoopChoice(by: host.kernel.rules) == .free
    let capable = unknownCapability(of: isChosen ? required + proofs : required)
    return capable.isEmpty
      ? nil : PolicyDiagnostics.unknownFacts(requirement, ofDevices: capable)
  }

  private func unknownCapability(of devices: [Int]) -> [ResolvedDevice] {
    Set(devices).sorted().filter { plan.devices[$0].noSnoopFact == .unknown }
      .map { vm.devices[$0] }
  }
}
