import Parser
import Planner

/// The IOMMU groups of a host that devices can be given away of, judged one by one.
struct HostGroups {
  /// A group with more than bridges in it.
  struct Group {
    /// Its number.
    let number: Int
    /// Its devices, bridges left out, in order of addresses.
    let devices: [HostDevice]
    /// Whether it can be given to a VM.
    let verdict: GroupVerdict

    /// Whether VFIO has it: a device is on a driver of VFIO's, and no other driver is in the way.
    var isReady: Bool {
      verdict.answer != .no && devices.contains(where: \.hasVFIODriver)
        && devices.allSatisfy { GroupViability.keepsViable($0) }
    }
  }

  /// The groups, by number.
  let all: [Group]

  /// Judges the groups of a host; `uses` tells what the machine uses devices for, `nil` if nobody
  /// looked.
  init(_ host: HostDescription, uses: [BDF: [String]]?) {
    let context = GroupVerdict.Context(host, uses: uses)
    let groups = Dictionary(grouping: host.devices.filter { $0.group != nil }, by: \.group)
    all = groups.compactMap { number, members -> Group? in
      let devices = members.filter { !PCIClass.isBridge($0.classCode) }
      guard let number, !devices.isEmpty else { return nil }
      return Group(
        number: number, devices: devices.sorted { $0.address < $1.address },
        verdict: GroupVerdict(members, isGroup: true, context))
    }.sorted { $0.number < $1.number }
  }
}
