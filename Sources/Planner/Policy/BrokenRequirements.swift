import Parser

/// Says which requirements a plan breaks, and by which devices.
public struct BrokenRequirements {
  private let plan: IOASIDPlan
  private let vm: VMDescription
  private let host: HostDescription

  /// Prepares for a plan of a VM on a host.
  init(_ plan: IOASIDPlan, of vm: VMDescription, on host: HostDescription) {
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
      return PolicyDiagnostics.incoherent(requirement, devices(where: \.isEffective), vm.kvm)
    case .knownFacts: return unknown(requirement)
    case .noBox3:
      let found = devices { $0.box == 3 }
      return found.isEmpty ? nil : PolicyDiagnostics.inBox3(requirement, found)
    case .objective(let objective):
      guard objective != plan.objective else { return nil }
      return PolicyDiagnostics.otherObjective(requirement, plan.objective, of: vm)
    }
  }

  private func devices(where isMeant: (PlannedDevice) -> Bool) -> [AssignedDevice] {
    plan.devices.indices.filter { isMeant(plan.devices[$0]) }.map { vm.devices[$0] }
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

  private func unknownCapability(of devices: [Int]) -> [AssignedDevice] {
    Set(devices).sorted().filter { plan.devices[$0].noSnoopFact == .unknown }
      .map { vm.devices[$0] }
  }
}
