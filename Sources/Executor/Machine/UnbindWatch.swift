import Parser
import Planner

/// Who could keep drivers from letting their devices go; looked at before, since what a driver has
/// taken down already can't be found any more.
public struct UnbindWatch {
  private let plan: CompiledPlan
  private let holders: [BDF: [DeviceHolders.Holder]]

  /// Looks at the devices whose drivers a plan changes.
  public init(for plan: CompiledPlan) {
    self.plan = plan
    let nodes = NodeUse(.machine, OpenFiles())
    var holders: [BDF: [DeviceHolders.Holder]] = [:]
    for case .unbind(let address, _) in plan.program.driverChanges {
      holders[address] = nodes.opened(of: address).flatMap(\.holders)
    }
    self.holders = holders
  }

  /// Errors for devices whose drivers have not answered within some seconds.
  public func findings(for stuck: [BDF], within seconds: Int) -> [Diagnostic] {
    stuck.map { address in
      let device = plan.plan.devices.first { $0.address == address }
      let name = device.map { "device '\($0.name)' (\(address))" } ?? "\(address)"
      let user = DeviceHolders().holder(of: address).map { [$0] } ?? []
      return MachineDiagnostics.stuck(
        name, within: seconds, holders[address, default: []] + user, device?.origin)
    }
  }
}
