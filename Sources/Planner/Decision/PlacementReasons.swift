import Parser

/// Finds the reason for each group's format: the strongest one that holds.
///
/// Facts come before intents, intents before the KVM line, that before the target's rules, and what
/// nothing else settles was decided by the objective: the reason is then the first metric that
/// would get worse if this group alone changed sides.
struct PlacementReasons {
  /// What settled a group, with the device it is about, if it is about one.
  struct GroupReason {
    var kind: Kind
    var device: DeviceIndex
  }

  /// The kinds of `PlacementReason`, without the device.
  enum Kind {
    case cannotEnforce
    case heldBack
    case required
    case forbidden
    case kvmNever
    case targetEnforces
    case objective(Metric)
    case tie
    case paretoRow
  }

  /// How free choices are explained.
  enum FreeChoice {
    /// By the objective the plan is optimal in.
    case objective(Objective)
    /// The plan is a row of the Pareto front.
    case paretoRow
  }

  let groups: AssignedGroups
  let intents: ResolvedIntents
  let problem: GroupingProblem
  let choice: SnoopChoice
  let freeChoice: FreeChoice

  /// The reason for each group.
  func reasons(isEnforced: [Bool], metrics: PlanMetrics) -> [GroupReason] {
    var reasons = (0..<groups.count).map(settled)
    applyIntents(to: &reasons)
    var tables = [Int32](repeating: 0, count: problem.cells * 2)
    for (group, enforced) in zip(problem.groups, isEnforced) {
      tables[group.cell.offset * 2 + (enforced ? 0 : 1)] += 1
    }
    for group in reasons.indices {
      guard case .tie = reasons[group].kind else { continue }
      reasons[group].kind = free(group, isEnforced[group], tables, metrics)
    }
    return reasons
  }

  /// A reason without intents; `.tie` stands for a free choice until it is looked at.
  private func settled(_ group: Int) -> GroupReason {
    if !groups.canEnforce(group) {
      let device = groups.unenforceable[group]
      return GroupReason(kind: device.isNone ? .heldBack : .cannotEnforce, device: device)
    }
    if !groups.mayLeaveUnenforced(group, choice) {
      return GroupReason(kind: .targetEnforces, device: .none)
    }
    if problem.kvm == .never, groups.capable[group] > 0 {
      return GroupReason(kind: .kvmNever, device: .none)
    }
    return GroupReason(kind: .tie, device: .none)
  }

  private func applyIntents(to reasons: inout [GroupReason]) {
    for device in 0..<groups.devices.count {
      let group = groups.groupOfDevice[device].offset
      switch (intents.resolved[device], reasons[group].kind) {
      case (.allowed, _), (.auto, _), (_, .cannotEnforce), (_, .heldBack), (_, .required),
        (_, .forbidden):
        continue
      case (.required, _):
        reasons[group] = GroupReason(kind: .required, device: DeviceIndex(device))
      case (.forbidden, _) where groups.devices.canNoSnoop[device]:
        reasons[group] = GroupReason(kind: .forbidden, device: DeviceIndex(device))
      case (.forbidden, _): continue
      }
    }
  }

  /// Compares with the plan in which this group alone is on the other side.
  private func free(
    _ index: Int, _ isEnforced: Bool, _ tables: [Int32], _ metrics: PlanMetrics
  ) -> Kind {
    guard case .objective(let objective) = freeChoice else { return .paretoRow }
    let group = problem.groups[index]
    let here = group.cell.offset * 2 + (isEnforced ? 0 : 1)
    var other = metrics
    if tables[here] == 1 { other.pageTables -= 1 }
    if tables[here ^ 1] == 0 { other.pageTables += 1 }
    let sign = isEnforced ? 1 : -1
    other.incoherentDevices += sign * Int(group.capable)
    other.blockedNoSnoop -= sign * Int(group.blockable)
    other.wbinvd = problem.wbinvd(incoherentDevices: other.incoherentDevices)
    return objective.firstDifference(metrics, other).map(Kind.objective) ?? .tie
  }

  /// The reason for one device of a group: about itself if it can be, else about its mate.
  func reason(for device: Int, _ group: GroupReason) -> PlacementReason {
    let intent = intents.resolved[device]
    let mate = group.device.position ?? device
    return switch group.kind {
    case .cannotEnforce: unenforced(groups.devices.canEnforce[device] ? mate : device)
    case .heldBack:
      .heldBack(isKnown: groups.isSurelyHeldBack[groups.groupOfDevice[device].offset])
    case .required: .required(device: intent == .required ? device : mate)
    case .forbidden:
      .forbidden(
        device: intent == .forbidden && groups.devices.canNoSnoop[device] ? device : mate)
    case .kvmNever: .kvmNever
    case .targetEnforces: .targetEnforces
    case .objective(let metric): .objective(metric)
    case .tie: .tie
    case .paretoRow: .paretoRow
    }
  }

  /// That the IOMMU of a device can't enforce, or is not known to.
  private func unenforced(_ device: Int) -> PlacementReason {
    groups.devices.cannotEnforce[device]
      ? .cannotEnforce(device: device) : .notKnownToEnforce(device: device)
  }
}
