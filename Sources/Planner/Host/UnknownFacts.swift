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
    switch device.enforcementFact {
    case .yes: "its IOMMU \(device.iommu) can enforce snoop"
    case .no: "its IOMMU \(device.iommu) can't enforce snoop"
    case .unknown: "its IOMMU \(device.iommu) may enforce snoop (unknown, counted as no)"
    }
  }

  /// What settles the facts of a device that nobody knows; `nil` if all are known.
  public static func remedy(for device: PlannedDevice) -> String? {
    var ways: [String] = []
    if device.noSnoopFact == .unknown {
      ways.append("\(noSnoopTest(device.address)) finds out about the device")
    }
    if device.enforcementFact == .unknown {
      ways.append("say 'enforceSnoop' of \(device.iommu) in the host description if you know it")
    }
    return ways.isEmpty ? nil : ways.joined(separator: "; ")
  }
}
