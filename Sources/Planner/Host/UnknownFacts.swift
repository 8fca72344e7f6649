import Parser

/// How a fact that nobody knows is said, and what settles it.
public enum UnknownFacts {
  /// The command that finds out whether a device can no-snoop; root runs it, on an idle device.
  public static func noSnoopTest(_ address: BDF) -> String {
    "'vfioplan host --test-no-snoop \(address)'"
  }

  /// Whether a device can no-snoop, as a clause.
  public static func noSnoop(of device: PlannedDevice) -> String {
    switch device.noSnoopFact {
    case .yes: "the device can no-snoop"
    case .no: "the device can't no-snoop"
    case .unknown: "the device may no-snoop (unknown, counted as yes)"
    }
  }

  /// Whether a device's IOMMU can enforce snoop, as a clause.
  public static func enforcement(for device: PlannedDevice) -> String {
    if let cause = device.heldBack { return "its IOMMU \(device.iommu) \(cause)" }
    return switch device.enforcementFact {
    case .yes: "its IOMMU \(device.iommu) can enforce snoop"
    case .no: "its IOMMU \(device.iommu) can't enforce snoop"
    case .unknown: "its IOMMU \(device.iommu) may enforce snoop (unknown, counted as no)"
    }
  }

  /// What settles the facts of a device of a plan that nobody knows; `nil` if all are known, or if
  /// nothing that could be said settles them.
  public static func remedy(
    for device: PlannedDevice, of plan: IOASIDPlan, on host: HostDescription
  ) -> String? {
    var ways: [String] = []
    if device.noSnoopFact == .unknown {
      ways.append("\(noSnoopTest(device.address)) finds out about the device")
    }
    if device.enforcementFact == .unknown { ways += remedies(for: device, plan, host) }
    return ways.isEmpty ? nil : ways.joined(separator: "; ")
  }

  /// What settles whether a device's IOMMU enforces, either way.
  private static func remedies(
    for device: PlannedDevice, _ plan: IOASIDPlan, _ host: HostDescription
  ) -> [String] {
    guard host.iommus.count <= EnforcementRemedies.mostUnits else {
      return ["say 'enforceSnoop' of \(device.iommu) in the host description if you know it"]
    }
    guard let dialect = plan.dialect,
      let unit = host.iommus.firstIndex(where: { $0.name == device.iommu })
    else { return [] }
    let remedies = EnforcementRemedies(host: host, dialect: dialect, index: unit)
    return remedies.openFacts.map {
      "say 'enforceSnoop' of \($0) in the host description if you know it"
    } + remedies.openRules.map { "state the kernel's rule '\($0)' if you know it" }
  }
}
