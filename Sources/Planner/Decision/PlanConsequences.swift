import Parser

/// What a reader of a plan should know beyond the decision: trust, proofs that must stay, and what
/// tools that leave the choice to the kernel would do with the same devices.
public enum PlanConsequences {
  /// The remarks on a plan, most important first; each one sentence, lower case, no full stop.
  public static func notes(for compiled: CompiledPlan) -> [String] {
    let plan = compiled.plan
    return [
      trust(plan), followers(plan), leftOut(plan, host: compiled.host),
      attachOrder(plan, host: compiled.host),
    ].compactMap { $0 }
  }

  /// Non-coherent DMA is a matter of trust.
  private static func trust(_ plan: IOASIDPlan) -> String? {
    guard plan.metrics.incoherentDevices > 0 else { return nil }
    return "trust: through \(list(plan, where: \.isEffective)) the guest may read stale host data "
      + "that the host has zeroed only in its caches"
  }

  /// Effective devices that KVM would take for coherent by themselves.
  private static func followers(_ plan: IOASIDPlan) -> String? {
    guard plan.dialect?.snoopChoice == .joinsUnenforceable else { return nil }
    let isFollower = { (device: PlannedDevice) in device.isEffective && device.canEnforceSnoop }
    guard let first = plan.devices.first(where: isFollower) else { return nil }
    let leader = plan.devices[plan.pageTables[first.pageTable].leader].name
    return "\(list(plan, where: isFollower)) can no-snoop only on the page table made for "
      + "'\(leader)' or its like; KVM looks at capabilities, not page tables, so that file must "
      + "stay registered as long as anyone shares the table"
  }

  /// Devices KVM must not see because it would trap WBINVD for nothing.
  private static func leftOut(_ plan: IOASIDPlan, host: HostDescription) -> String? {
    guard host.kernel.kvm, plan.dialect?.registersFiles == true,
      !plan.coherency.allowsIncoherentDMA,
      plan.devices.contains(where: { !$0.isKnownToKVM })
    else { return nil }
    return
      "\(list(plan, where: { !$0.isKnownToKVM })) stays out of kvm-vfio: KVM would trap WBINVD "
      + "for an IOMMU that can't enforce snoop, although no device behind it can no-snoop"
  }

  /// What attaching by IOAS id, in the order of the file, would do on iommufd.
  private static func attachOrder(_ plan: IOASIDPlan, host: HostDescription) -> String? {
    guard plan.dialect?.hasAddressSpaceObjects == true else { return nil }
    let other = VMMGrouping(of: plan, on: host, as: .cloudHypervisor)
    let hit = plan.devices.indices.filter { plan.isEnforced($0) && !other.isEnforced($0) }
    guard !hit.isEmpty else { return nil }
    return "a VMM that attaches by IOAS id in the order of the file would leave "
      + "\(PlannerDiagnostics.list(hit.map { plan.devices[$0].name })) without enforced snoop and "
      + "say nothing; this plan attaches by HWPT id"
  }

  /// The names of some devices, `'a', 'b' and 12 more`.
  static func list(_ plan: IOASIDPlan, where isListed: (PlannedDevice) -> Bool) -> String {
    PlannerDiagnostics.list(plan.devices.lazy.filter(isListed).map(\.name))
  }
}
