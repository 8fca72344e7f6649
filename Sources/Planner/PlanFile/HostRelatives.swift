import Parser

/// Devices of a host that a plan's devices hang on, and those that hang on a device of the plan.
struct HostRelatives {
  /// What hangs on a device or companion of the plan, each with that one.
  let dependents: [BDF: BDF]
  /// The addresses of all of them.
  let addresses: [BDF]

  /// Looks through a host; linear in its size.
  init(of plan: IOASIDPlan, in host: HostDescription) {
    guard host.hasRelations else {
      (self.dependents, addresses) = ([:], [])
      return
    }
    let own = Set(plan.devices.map(\.address) + plan.companions.map(\.address))
    var dependents: [BDF: BDF] = [:]
    var holders: [BDF] = []
    for (device, parent) in zip(host.devices, host.parents) {
      for holder in [device.physicalFunction, parent].compactMap(\.self) {
        if own.contains(device.address) { holders.append(holder) }
        if own.contains(holder) { dependents[device.address] = holder }
      }
    }
    self.dependents = dependents
    addresses = holders + dependents.keys
  }
}
