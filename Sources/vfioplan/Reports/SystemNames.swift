import Executor
import Glibc
import Parser
import Planner

extension PCINames {
  /// What this system calls the devices of a plan.
  ///
  /// The variable `VFIOPLAN_PCI_IDS` names another file than the system's; empty, none.
  init(ofDevicesIn plan: CompiledPlan) {
    let addresses = Set(plan.plan.devices.lazy.map(\.address))
    self.init(ofDevices: plan.host.devices.filter { addresses.contains($0.address) })
  }

  /// What this system calls the devices of a host.
  init(ofDevicesOf host: HostDescription) { self.init(ofDevices: host.devices) }

  private init(ofDevices devices: [HostDevice]) {
    let stated = getenv("VFIOPLAN_PCI_IDS").map { String(cString: $0) }
    let places = stated.map { $0.isEmpty ? [] : [$0] } ?? Self.places
    self.init(for: devices, in: .machine, at: places)
  }
}

extension HostDevice {
  /// Its ids as `lspci -nn` prints them: `vvvv:dddd`.
  var ids: String { hexDigits(UInt64(vendor), 4) + ":" + hexDigits(UInt64(device), 4) }
}

extension SourceFile {
  /// What the facts of this machine are called in place of a file.
  static let thisMachine = "<this machine>"
}

extension CompiledPlan {
  /// Looks at what this machine, which it is for, uses the devices for that leave their drivers.
  mutating func lookAtUses() {
    let addresses = plan.devices.lazy.filter { !$0.isOnVFIO && $0.driver != nil }.map(\.address)
    host.observations.lookAtUses(of: Array(addresses) + plan.companions.map(\.address))
  }
}
