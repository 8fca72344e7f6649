import Parser

/// The part of a host that a plan rests on, and that a saved plan therefore carries.
///
/// Those are the kernel's interfaces, the devices of every IOMMU group the plan touches (assigned
/// or not: an unassigned mate decides whether the group may be used), what those hang on, what
/// hangs on a device that loses its driver, and the IOMMU units of all these. Anything else may
/// change without making the plan wrong.
public struct RelevantFacts: Hashable, Sendable {
  /// Positions in `HostDescription.devices`, ascending.
  public let devices: [Int]
  /// Positions in `HostDescription.iommus`, ascending.
  public let iommus: [Int]

  /// Finds what a plan rests on in the host it was compiled for; linear in the host's size.
  public init(to plan: IOASIDPlan, in host: HostDescription) {
    self.init(
      groups: plan.devices.lazy.map(\.group),
      addresses: HostRelatives(of: plan, in: host).addresses, in: host)
  }

  /// Finds the devices of some groups or at some addresses, and their units.
  init(groups: some Sequence<Int>, addresses: [BDF], in host: HostDescription) {
    let groups = Set(groups)
    let addresses = Set(addresses)
    let devices = host.devices.indices.filter { index in
      if let group = host.devices[index].group, groups.contains(group) { return true }
      return !addresses.isEmpty && addresses.contains(host.devices[index].address)
    }
    var units: Set<String> = []
    var last: String?
    for index in devices where host.devices[index].iommu != last {
      last = host.devices[index].iommu
      if let last { units.insert(last) }
    }
    self.devices = devices
    iommus = host.iommus.indices.filter { units.contains(host.iommus[$0].name) }
  }
}
