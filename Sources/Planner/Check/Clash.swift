import Parser

/// Something that several VMs can't have at the same time.
public struct Clash: Sendable {
  /// What they have in common; the raw value is the word in JSON.
  public enum Kind: String, CaseIterable, Sendable {
    /// A device.
    case device
    /// An IOMMU group.
    case group
    /// A physical function and its virtual functions.
    case physicalFunction
    /// A device and one that it hangs on.
    case behind
    /// A physical function that takes one token for all.
    case token
    /// A name.
    case name
    /// A pool of huge pages.
    case hugePages
    /// The host's memory.
    case memory
  }

  /// What they have in common.
  public let kind: Kind
  /// The VMs, as positions in the report, ascending.
  public let vms: [Int]
  /// The IOMMU group, if it is one.
  public let group: Int?
  /// The devices, in the order of the VMs.
  public let addresses: [BDF]
  /// What is said.
  public let finding: Diagnostic

  init(
    _ kind: Kind, _ vms: some Sequence<Int>, group: Int? = nil, addresses: [BDF] = [],
    _ finding: Diagnostic
  ) {
    self.kind = kind
    self.vms = Set(vms).sorted()
    self.group = group
    self.addresses = addresses
    self.finding = finding
  }
}

/// Finds what VMs of one host can't have at the same time; linear in the devices of all of them.
struct ClashSearch {
  /// A device that a VM takes.
  private struct Use {
    var vm: Int
    /// Its position in the description; of a companion that of the device it comes with.
    var device: Int
    var isCompanion: Bool
    var address: BDF
    /// Its position on the host; `nil` if it is not there.
    var position: Int?
  }

  private let vms: [CheckedVM]
  private let topology: HostTopology
  private var uses: [Use] = []
  /// The uses of each device by address, and by position on the host, in the order of the VMs.
  private var byAddress: [BDF: [Int]] = [:]
  private var byPosition: [Int: [Int]] = [:]

  /// Prepares for VMs in the order of their report.
  init(_ vms: [CheckedVM], on index: HostIndex) {
    self.vms = vms
    topology = index.topology
    for position in vms.indices { add(position) }
  }

  private mutating func add(_ position: Int) {
    guard let vm = vms[position].vm else { return }
    if let plan = vms[position].compiled?.plan {
      for (index, device) in plan.devices.enumerated() { add(position, index, device.address) }
      for companion in plan.companions {
        add(position, companion.device, companion.address, isCompanion: true)
      }
      return
    }
    var seen: Set<BDF> = []
    for (index, device) in vm.devices.enumerated() {
      guard case .address(let address) = device.place, seen.insert(address).inserted else {
        continue
      }
      add(position, index, address)
    }
  }

  private mutating func add(
    _ vm: Int, _ device: Int, _ address: BDF, isCompanion: Bool = false
  ) {
    let position = topology.device(at: address)
    if let position { byPosition[position, default: []].append(uses.count) }
    // Nobody has a companion; that another VM has it is its group's clash.
    if !isCompanion { byAddress[address, default: []].append(uses.count) }
    uses.append(
      Use(
        vm: vm, device: device, isCompanion: isCompanion, address: address, position: position))
  }

  private func member(_ use: Int) -> ClashDiagnostics.Member {
    let (use, vm) = (uses[use], vms[uses[use].vm])
    return .init(
      vm: vm.name, address: use.address,
      span: vm.vm?.devices[use.device].$place
        ?? SourceSpan(source: vm.source, start: 0, end: 0))
  }

  private func clash(
    _ kind: Clash.Kind, _ found: [Int], group: Int? = nil, _ finding: Diagnostic
  ) -> Clash {
    Clash(
      kind, found.map { uses[$0].vm }, group: group, addresses: found.map { uses[$0].address },
      finding)
  }

  /// Everything that clashes, by kind, then in the order of the VMs.
  func clashes() -> [Clash] { devices() + groups() + relatives() + tokens() + names() }

  private func devices() -> [Clash] {
    uses.indices.compactMap { first in
      guard let found = byAddress[uses[first].address], found.first == first, found.count > 1
      else { return nil }
      return clash(.device, found, ClashDiagnostics.sharedDevice(found.map(member)))
    }
  }

  private func groups() -> [Clash] {
    var groups: [HostGroupIndex: [Int]] = [:]
    var order: [HostGroupIndex] = []
    for (index, use) in uses.enumerated() where !use.isCompanion {
      guard let position = use.position, !topology.groupOfDevice[position].isNone else { continue }
      let group = topology.groupOfDevice[position]
      if groups[group] == nil { order.append(group) }
      groups[group, default: []].append(index)
    }
    return order.compactMap { group in groups[group].flatMap { self.group($0) } }
  }

  /// That several VMs have devices of a group, unless one device is in all of them.
  private func group(_ found: [Int]) -> Clash? {
    let owners = Set(found.map { uses[$0].vm })
    let isOneDevice = found.contains { use in
      Set(byAddress[uses[use].address, default: []].map { uses[$0].vm }).isSuperset(of: owners)
    }
    guard owners.count > 1, !isOneDevice, let position = uses[found[0]].position else { return nil }
    let bind = owners.sorted().filter { vms[$0].vm?.companions == .bind }.map { vms[$0].name }
    let number = topology.host.devices[position].group ?? 0
    return clash(
      .group, found, group: number,
      ClashDiagnostics.sharedGroup(number, found.map(member), bind: bind))
  }

  /// What a VM takes from its driver, and another one has something that hangs on it.
  private func relatives() -> [Clash] {
    guard !topology.relations.isEmpty else { return [] }
    return uses.indices.flatMap { first -> [Clash] in
      guard let position = uses[first].position, let holders = byPosition[position],
        holders.first == first
      else { return [] }
      let found = topology.relations.descendants(of: position).flatMap { byPosition[$0] ?? [] }
        .filter { use in !uses[use].isCompanion && holders.contains { isOutside(use, of: $0) } }
        .sorted()
      let functions = found.filter { isFunction($0, of: position) }
      let others = found.filter { !isFunction($0, of: position) }
      return [
        relative(.physicalFunction, functions, of: holders, ClashDiagnostics.functionAndPhysical),
        relative(.behind, others, of: holders, ClashDiagnostics.deviceBehind),
      ].compactMap { $0 }
    }
  }

  /// What hangs on a device of other VMs, if anything does.
  private func relative(
    _ kind: Clash.Kind, _ found: [Int], of holders: [Int],
    _ say: (ClashDiagnostics.Member, [ClashDiagnostics.Member]) -> Diagnostic
  ) -> Clash? {
    let takers = holders.filter { holder in found.contains { isOutside($0, of: holder) } }
    guard let taker = takers.last else { return nil }
    return clash(kind, found + takers, say(member(taker), found.map(member)))
  }

  private func isFunction(_ use: Int, of physical: Int) -> Bool {
    uses[use].position.flatMap { topology.relations.physicalFunction[$0] } == physical
  }

  /// Whether a device is another VM's, and of another group, whose clash would say it.
  private func isOutside(_ use: Int, of holder: Int) -> Bool {
    guard uses[use].vm != uses[holder].vm, let one = uses[use].position,
      let other = uses[holder].position
    else { return false }
    let group = topology.groupOfDevice[one]
    return group.isNone || group != topology.groupOfDevice[other]
  }

  /// Virtual functions whose physical function VFIO has and takes one token for all.
  private func tokens() -> [Clash] {
    var functions: [Int: [Int]] = [:]
    for (index, use) in uses.enumerated() where !use.isCompanion {
      guard let position = use.position,
        let physical = topology.relations.physicalFunction[position],
        topology.host.devices[physical].hasVFIODriver, byPosition[physical] == nil
      else { continue }
      functions[physical, default: []].append(index)
    }
    return functions.sorted { $0.key < $1.key }.compactMap { physical, found in
      let tokens = Set(found.map { vms[uses[$0].vm].vm?.devices[uses[$0].device].vfToken })
      guard Set(found.map { uses[$0].vm }).count > 1, tokens.count > 1 else { return nil }
      return clash(
        .token, found,
        ClashDiagnostics.differentTokens(
          topology.host.devices[physical].address, found.map(member)))
    }
  }

  private func names() -> [Clash] {
    var named: [String: [Int]] = [:]
    for (index, vm) in vms.enumerated() {
      if let vm = vm.vm { named[vm.name, default: []].append(index) }
    }
    return named.filter { $0.value.count > 1 }.sorted { $0.value[0] < $1.value[0] }.map {
      Clash(
        .name, $0.value,
        ClashDiagnostics.sharedName($0.key, $0.value.compactMap { vms[$0].vm?.$name }))
    }
  }
}
