import Parser
import Planner

/// What a scheduler needs to know of a host, as labels of a Kubernetes node: `key=value` lines of a
/// feature file of node-feature-discovery (`/etc/kubernetes/node-feature-discovery/features.d`).
///
/// A key has at most 63 letters, digits, dots, dashes and underscores, a value as many. There are
/// no comments: older releases of the reader take them for labels.
struct NodeLabels {
  private let host: HostDescription
  private let groups: HostGroups
  private let areUsesKnown: Bool

  /// Takes a host and what it uses devices for; `nil` if nobody looked.
  init(_ host: HostDescription, uses: [BDF: [String]]?) {
    self.host = host
    groups = HostGroups(host, uses: uses)
    areUsesKnown = uses != nil
  }

  /// The lines, each ended.
  func text() -> String {
    labels.map { "vfioplan-\($0.key)=\($0.value)\n" }.joined()
  }

  private typealias Label = (key: String, value: String)

  private var labels: [Label] { kernel + rules + units + ofGroups + ofDevices }

  private var kernel: [Label] {
    let kernel = host.kernel
    let version = kernel.version?.description ?? Self.word(.unknown)
    let nodes: [(key: String, value: Fact)] = [
      ("iommufd", kernel.iommufd), ("vfio-cdev", kernel.vfioCdev), ("type1", kernel.type1),
      ("kvm", kernel.kvm),
    ]
    return [("kernel.version", version)]
      + nodes.map { ("kernel." + $0.key, Self.word($0.value)) }
      + [("kernel.unsafe-interrupts", Self.word(Fact(kernel.allowUnsafeInterrupts)))]
  }

  private var rules: [Label] {
    KernelRules.all.map { ("rule." + $0.name, Self.word(host.kernel.rules.answer($0))) }
  }

  private var units: [Label] {
    let facts = host.iommus.map { $0.enforcement(by: host.kernel.rules) }
    return [("iommu.count", "\(facts.count)")]
      + Self.counts("iommu.enforces-snoop", facts)
      + [("iommu.isolates-interrupts", "\(host.iommus.count(where: \.isolatedMSI))")]
  }

  private var ofGroups: [Label] {
    let free = groups.all.filter { $0.verdict.answer == .yes }
    let used = groups.all.count { $0.verdict.answer == .used }
    return [
      ("group.whole", "\(free.count)"),
      ("group.in-use", areUsesKnown ? "\(used)" : Self.word(.unknown)),
      ("group.refused", "\(groups.all.count { $0.verdict.answer == .no })"),
      ("group.on-vfio", "\(groups.all.count(where: \.isReady))"),
    ] + Self.counts("group.whole.coherent", free.map(\.verdict.coherence))
  }

  /// The devices of each kind in groups that can be given away whole; labels that would be 0 are
  /// left out, as those of kinds that are not there.
  private var ofDevices: [Label] {
    var facts: [String: [Fact]] = [:]
    for group in groups.all where group.verdict.answer == .yes {
      for device in group.devices {
        let ids = [device.vendor, device.device].map { hexDigits(UInt64($0), 4) }
        facts["device." + ids.joined(separator: "-"), default: []].append(group.verdict.coherence)
      }
    }
    return facts.sorted { $0.key < $1.key }.flatMap { key, facts in
      [(key, "\(facts.count)")] + Self.counts(key + ".coherent", facts).filter { $0.value != "0" }
    }
  }

  /// How many facts hold, do not hold, and are unknown.
  private static func counts(_ key: String, _ facts: [Fact]) -> [Label] {
    [("", Fact.yes), ("-not", .no), ("-unknown", .unknown)].map { ending, wanted in
      (key + ending, "\(facts.count { $0 == wanted })")
    }
  }

  private static func word(_ fact: Fact) -> String { fact.rawValue }
}
