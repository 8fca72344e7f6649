import Parser
import Planner

/// Which devices can't be reset by themselves, and what a reset of their bus takes along.
///
/// VFIO resets a device when it is opened and closed, so that nothing of one user is left to the
/// next. Where the kernel has no way to reset one function (`pci_reset_fn_methods`,
/// drivers/pci/pci.c, 5.15), `reset` is missing from sysfs.
public struct ResetScope {
  private let tree: SysfsTree

  /// Looks at this machine, or a copy.
  public init(_ tree: SysfsTree = .machine) { self.tree = tree }

  /// A warning for each device of a plan that can't be reset by itself, as far as can be read.
  public func findings(for plan: CompiledPlan) -> [Diagnostic] {
    let directory = "/sys/bus/pci/devices"
    let stuck = plan.plan.devices.filter { device in
      let path = "\(directory)/\(device.address)"
      return (tree.exists(path) || tree.isUnreadable(path)) && !tree.exists(path + "/reset")
    }
    if stuck.isEmpty { return [] }
    let assigned = Set(plan.plan.devices.map(\.address))
    let all = tree.names(in: directory).compactMap { BDF($0) }
    return stuck.compactMap { device in
      let onBus = all.filter {
        $0.domain == device.address.domain && $0.bus == device.address.bus
      }
      let neighbours = onBus.filter { !assigned.contains($0) }
      // Nothing resets what is on a root bus.
      if onBus.contains(where: { $0.device == 0 && tree.isHostBridge($0) }) {
        return MachineDiagnostics.noReset(device, taking: [])
      }
      // A card that is given whole is reset with its bus by the VMM; for a function that is alone
      // on it the kernel would have done so, if that were possible.
      if neighbours.isEmpty, onBus.count > 1 { return nil }
      return MachineDiagnostics.noReset(device, taking: neighbours)
    }
  }
}

extension SysfsTree {
  /// Whether a device is the bridge from a root bus to the processor.
  fileprivate func isHostBridge(_ address: BDF) -> Bool {
    hex("/sys/bus/pci/devices/\(address)/class").map { $0 >> 8 == 0x0600 } ?? false
  }
}
