/// What a configuration has and a description has no word for, by kind and reason.
public struct LeftOut: Hashable, Sendable {
  /// Why it is left out; the raw value is the end of a sentence about several things.
  public enum Reason: String, CaseIterable, Hashable, Sendable {
    /// The VMM serves it.
    case emulated = "they don't touch the IOMMU"
    /// It is the host's, on another bus.
    case otherBus = "they aren't PCI devices of the host"
    /// The guest's own IOMMU.
    case virtualIOMMU = "the guest then maps memory for the devices"
    /// Memory that is not RAM.
    case otherMemory = "they aren't RAM; QEMU maps them for the devices all the same"
    /// It is behind what is read.
    case notFirst = "only the first one of a file is read"
    /// What has findings of its own.
    case reported = "the findings say why"
  }

  /// What it is, in the singular.
  public var noun: String
  /// Why it is left out.
  public var reason: Reason
  /// How many there are.
  public var count: Int

  /// A line for each reason, such as `3 disks, 1 interface: they don't touch the IOMMU`.
  public static func lines(_ all: [LeftOut]) -> [String] {
    Reason.allCases.compactMap { reason in
      let names = all.filter { $0.reason == reason }.map { counted($0.count, $0.noun) }
      return names.isEmpty ? nil : names.joined(separator: ", ") + ": " + reason.rawValue
    }
  }
}
