import Parser

/// An IOMMU that nobody counts on to enforce snoop, and why, as messages say it.
struct UnenforcedUnit {
  /// The unit.
  let unit: HostIOMMU
  /// Whether it enforces snoop on the target: no, or not known.
  let fact: Fact
  /// Another unit that keeps this one from enforcing; type1 before 5.19 goes by the weakest.
  let weakest: HostIOMMU?
  /// The kernel's release.
  let release: String

  /// What follows the unit's name in a sentence.
  var clause: String {
    if let weakest {
      return "enforces no snoop with type1 of Linux \(release), which goes by the weakest unit, "
        + QuotedText.quote(weakest.name)
    }
    return fact == .no ? "can't enforce snoop" : "is not known to enforce snoop"
  }

  /// What to do about it, beside what is said of the device.
  func help(_ otherwise: String) -> String {
    guard weakest != nil else {
      return otherwise
        + (fact == .no
          ? "; no target can block it" : "; or say 'enforceSnoop' of the unit if you know it")
    }
    let release = KernelRules.type1EnforcesByTable.since
    return otherwise + "; or a kernel from Linux \(release) on, which goes by each unit"
  }

  /// Where the units are described.
  var notes: [Diagnostic.Note] {
    [unit, weakest].compactMap { $0 }.map {
      .init("\(QuotedText.quote($0.name)) is described here", $0.span)
    }
  }
}

extension HostTopology {
  /// Why the unit of a device of the host does not count as enforcing.
  func unenforced(of device: Int) -> UnenforcedUnit { unenforced(Int(iommuOfDevice[device])) }

  /// Why a unit of the host, by its position, does not count as enforcing.
  func unenforced(_ index: Int) -> UnenforcedUnit {
    let unit = host.iommus[index]
    let isHeldBack = unit.enforcement(by: rules) == .yes && enforcement[index] != .yes
    let weakest = host.iommus.first {
      $0.type == HostIOMMU.intel && $0.enforcement(by: rules) != .yes
    }
    return UnenforcedUnit(
      unit: unit, fact: enforcement[index], weakest: isHeldBack ? weakest : nil,
      release: host.kernel.release)
  }
}
