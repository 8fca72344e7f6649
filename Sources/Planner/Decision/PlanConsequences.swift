import Parser

/// What a reader of a plan should know beyond the decision: trust, proofs that must stay, and what
/// tools that leave the choice to the kernel would do with the same devices.
public enum PlanConsequences {
  /// The remarks on a plan, most important first; each one sentence, lower case, no full stop.
  public static func notes(for compiled: CompiledPlan) -> [String] {
    let plan = compiled.plan
    return [
      trust(plan), followers(plan, host: compiled.host), leftOut(plan, host: compiled.host),
      attachOrder(plan, host: compiled.host), registration(plan),
    ].compactMap { $0 }
  }

  /// Non-coherent DMA is a matter of trust.
  private static func trust(_ plan: IOASIDPlan) -> String? {
    guard plan.metrics.incoherentDevices > 0 else { return nil }
    return "trust: through \(list(plan, where: \.isEffective)) the guest may read stale host data "
      + "that the host has zeroed only in its caches"
  }

  /// Effective devices that KVM would take for coherent by themselves.
  private static func followers(_ plan: IOASIDPlan, host: HostDescription) -> String? {
    guard plan.dialect?.snoopChoice(by: host.kernel.rules) == .joinsUnenforceable else {
      return nil
    }
    let isFollower = { (device: PlannedDevice) in device.isEffective && device.canEnforceSnoop }
    guard let first = plan.devices.first(where: isFollower) else { return nil }
    let leader = plan.devices[plan.pageTables[first.pageTable].leader].name
    let limit =
      "\(list(plan, where: isFollower)) can no-snoop only on the page table made for "
      + "'\(leader)' or its like"
    guard plan.coherency.allowsIncoherentDMA else { return limit }
    return limit + "; KVM looks at capabilities, not page tables, so that file must stay "
      + "registered as long as anyone shares the table"
  }

  /// Devices KVM must not see because it would carry out WBINVD that nobody needs.
  private static func leftOut(_ plan: IOASIDPlan, host: HostDescription) -> String? {
    guard host.kernel.kvm != .no, plan.dialect?.registersFiles == true,
      !plan.coherency.allowsIncoherentDMA,
      plan.devices.contains(where: { !$0.isKnownToKVM })
    else { return nil }
    let left = plan.devices.filter { !$0.isKnownToKVM }
    let verb = left.count == 1 ? "stays" : "stay"
    let isKnown = left.contains { $0.enforcementFact == .no }
    return
      "\(list(plan, where: { !$0.isKnownToKVM })) \(verb) out of kvm-vfio: KVM "
      + (isKnown
        ? "would carry out WBINVD for an IOMMU that can't enforce snoop"
        : "might carry out WBINVD for an IOMMU that is not known to enforce snoop")
      + ", although no device behind it can no-snoop"
      + hotPlug(plan, host.kernel)
  }

  /// What undoes that a file is left out, where KVM asks the container of a group or may ask it.
  private static func hotPlug(_ plan: IOASIDPlan, _ kernel: HostKernel) -> String {
    let answer = kernel.rules.answer(KernelRules.kvmAsksDevices)
    guard answer != .yes, plan.dialect?.registersGroups == true else { return "" }
    let spaces = plan.devices.filter { !$0.isKnownToKVM }.map {
      plan.pageTables[$0.pageTable].addressSpace
    }
    let isShared = plan.devices.contains {
      $0.isKnownToKVM && spaces.contains(plan.pageTables[$0.pageTable].addressSpace)
    }
    let asks = answer == .no ? "asks" : "may ask"
    return "; KVM of \(kernel.title) \(asks) the whole container of a group whenever a "
      + "file is added or removed, so "
      + (isShared
        ? "any later add or remove (hot-plug) undoes this"
        : "adding the file of another group of this address space (hot-plug) undoes this")
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

  /// What several page tables map would be accounted for each of them.
  private static func registration(_ plan: IOASIDPlan) -> String? {
    guard !plan.registeredMemory.isEmpty else { return nil }
    return "several page tables map the same guest memory, so it is registered first: "
      + "\(byteSizeText(plan.lockedBytes)) is pinned and accounted, once for all of them"
  }

  /// The names of some devices, `'a', 'b' and 12 more`.
  static func list(_ plan: IOASIDPlan, where isListed: (PlannedDevice) -> Bool) -> String {
    PlannerDiagnostics.list(plan.devices.lazy.filter(isListed).map(\.name))
  }
}
