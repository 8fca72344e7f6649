import Parser

/// A host that many VMs are looked at on: indexed once, handed out in the parts that VMs rest on.
public struct HostIndex: Sendable {
  /// What is indexed.
  public let host: HostDescription
  let topology: HostTopology
  /// What is wrong with the host itself, whatever VM is looked at.
  public let findings: [Diagnostic]

  /// Indexes a host; linear in its size.
  public init(_ host: HostDescription) {
    self.host = host
    var sink = DiagnosticSink()
    topology = HostTopology(host, for: Dialects.automatic(on: host.kernel), into: &sink)
    sink.report(BudgetDiagnostics.repeatedBARs(of: host))
    findings = sink.diagnostics
  }

  /// The host with the devices only that a VM's compilation looks at: the members of its IOMMU
  /// groups, and what these hang on or what hangs on them.
  ///
  /// A compilation that succeeds gives the same as on the whole host, in time that does not depend
  /// on the host's size. What is wrong with one that fails, only the whole host tells.
  public func part(for vm: VMDescription) -> HostDescription {
    // A search for a device, or for another device's driver, goes through all of them.
    var wanted: Set<Int> = []
    for device in vm.devices {
      guard device.driver == nil, case .address(let address) = device.place,
        let position = topology.device(at: address)
      else { return host }
      guard !topology.groupOfDevice[position].isNone else { return host }
      if wanted.contains(position) { continue }
      wanted.formUnion(topology.members(ofGroupOf: position).lazy.map(\.offset))
    }
    addRelatives(to: &wanted)
    var part = host
    part.devices = wanted.sorted().map { host.devices[$0] }
    return part
  }

  /// Adds what hangs on devices, and what they hang on with all that does, too.
  private func addRelatives(to wanted: inout Set<Int>) {
    guard !topology.relations.isEmpty else { return }
    for position in Array(wanted) {
      for root in [position] + topology.relations.holders(of: position) {
        wanted.insert(root)
        wanted.formUnion(topology.relations.descendants(of: root))
      }
    }
    // Who made a domain is told by the groups of what is in it.
    for position in Array(wanted) where !topology.groupOfDevice[position].isNone {
      wanted.formUnion(topology.members(ofGroupOf: position).lazy.map(\.offset))
    }
  }
}
