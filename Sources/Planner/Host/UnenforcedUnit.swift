import Parser

/// An IOMMU that nobody counts on to enforce snoop, and why, as messages say it.
struct UnenforcedUnit {
  /// The unit.
  let unit: HostIOMMU
  /// Whether it enforces snoop on the target: no, or not known.
  let fact: Fact
  /// What follows the unit's name in a sentence.
  let clause: String
  /// Another unit that keeps this one from enforcing; type1 before 5.19 goes by the weakest.
  let weakest: HostIOMMU?
  private let remedies: EnforcementRemedies

  init(_ index: Int, of host: HostDescription, on dialect: any Dialect, _ fact: Fact) {
    unit = host.iommus[index]
    self.fact = fact
    remedies = EnforcementRemedies(host: host, dialect: dialect, index: index)
    let rules = host.kernel.rules
    let bus = unit.enforcement(by: rules) == .yes ? WeakestUnit(of: host) : nil
    weakest = bus?.unit
    clause =
      bus?.clause(fact) ?? Self.clause(unit, fact, remedies.blamed, on: host.kernel)
  }

  private static func clause(
    _ unit: HostIOMMU, _ fact: Fact, _ rule: KernelRule?, on kernel: HostKernel
  ) -> String {
    let plain = fact == .no ? "can't enforce snoop" : "is not known to enforce snoop"
    switch rule {
    case KernelRules.smmuEnforcesByCANWBS? where fact == .no:
      return plain + " under \(kernel.title), which does not look at CANWBS"
    case KernelRules.amdSecondFormat?, KernelRules.amdTableWidthByHATS?:
      return plain
        + " under \(kernel.title), where VFIO may get page tables of AMD's second format (v2)"
    default: return plain
    }
  }

  /// What to do about it, beside what is said of the device.
  func help(_ otherwise: String) -> String {
    let ways = remedies.ways(to: .yes)
    if ways.isEmpty, fact == .no { return otherwise + "; no target can block it" }
    return ([otherwise] + ways).joined(separator: "; or ")
  }

  /// Where the units are described.
  var notes: [Diagnostic.Note] {
    [unit, weakest].compactMap { $0 }.map {
      .init("\(QuotedText.quote($0.name)) is described here", $0.span)
    }
  }
}

/// The unit that others go by where type1 asks the bus of Intel's units, or may ask it.
struct WeakestUnit {
  /// The unit.
  let unit: HostIOMMU
  private let fact: Fact
  private let rule: Fact
  private let kernel: HostKernel

  /// Finds the unit: one that can't enforce before one of which nobody knows; `nil` without any.
  init?(of host: HostDescription) {
    let rules = host.kernel.rules
    let intel = host.iommus.lazy.filter { $0.type == HostIOMMU.intel }
    let found =
      intel.first { $0.enforcement(by: rules) == .no }
      ?? intel.first { $0.enforcement(by: rules) != .yes }
    guard let found else { return nil }
    unit = found
    fact = found.enforcement(by: rules)
    rule = rules.answer(KernelRules.type1EnforcesByTable)
    kernel = host.kernel
  }

  /// What follows the name of a unit that could enforce by itself, for example `enforces no snoop
  /// with type1 of Linux 5.15.0, which goes by the weakest unit, 'dmar0'`.
  func clause(_ whole: Fact) -> String {
    let name = QuotedText.quote(unit.name)
    let start = whole == .no ? "enforces no snoop" : "is not known to enforce snoop"
    let going = rule == .unknown ? "may go" : "goes"
    let doubt = fact == .unknown ? ": nobody knows about \(name)" : ", \(name)"
    return "\(start) with type1 of \(kernel.title), which \(going) by the weakest unit\(doubt)"
  }
}

extension HostTopology {
  /// Why the unit of a device of the host does not count as enforcing.
  func unenforced(of device: Int) -> UnenforcedUnit { unenforced(iommuOfDevice[device].offset) }

  /// Why a unit of the host, by its position, does not count as enforcing.
  func unenforced(_ index: Int) -> UnenforcedUnit {
    UnenforcedUnit(index, of: host, on: dialect, enforcement[index])
  }

  /// Of each unit that could enforce by itself what keeps it from it, as a clause; empty if
  /// nothing keeps any.
  var heldBackUnits: [Int: String] {
    guard dialect.enforcesByBus, let weakest = WeakestUnit(of: host) else { return [:] }
    var clauses: [Int: String] = [:]
    for (index, unit) in host.iommus.enumerated()
    where enforcement[index] != .yes && unit.enforcement(by: rules) == .yes {
      clauses[index] = weakest.clause(enforcement[index])
    }
    return clauses
  }
}
