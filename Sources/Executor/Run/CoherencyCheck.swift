import Parser
import Planner

/// What KVM believes against what the page tables do: the check no kernel makes.
public enum CoherencyCheck {
  /// A disagreement.
  public enum Mismatch: Hashable, Sendable {
    /// A device's no-snoop DMA reaches memory, but a VM takes all DMA for coherent: the guest could
    /// read stale data.
    case staleData(BDF)
    /// KVM carries out the guest's WBINVD although no device needs it.
    case needlessFlushes
  }

  /// Every disagreement in a state, in the host's order of devices.
  ///
  /// A VM that KVM was told nothing about counts as coherent, also if the program does not make it.
  /// On a host without KVM, or where that has no non-coherent mode, there is nothing to disagree
  /// with.
  public static func mismatches(in state: SimulatorState) -> [Mismatch] {
    guard state.hasKVM, state.hasIncoherentMode else { return [] }
    let effective = state.devices.filter(\.isEffective)
    if state.vms.contains(where: \.allowsIncoherentDMA) {
      return effective.isEmpty ? [.needlessFlushes] : []
    }
    return effective.map { .staleData($0.address) }
  }

  /// The warnings for the disagreements that a plan, if there is one, did not ask for.
  public static func diagnostics(
    _ state: SimulatorState, plan: IOASIDPlan?
  ) -> [Diagnostic] {
    mismatches(in: state).compactMap { mismatch in
      switch mismatch {
      case .staleData(let address):
        let device = plan?.devices.first { $0.address == address }
        return ExecutorDiagnostics.staleData(device?.name ?? address.description, device?.origin)
      case .needlessFlushes:
        if plan?.coherency.reason == .override { return nil }  // the planner has said so already
        return ExecutorDiagnostics.needlessFlushes()
      }
    }
  }
}
