/// What a machine shows beyond its description, for messages only: no file has it, no decision
/// rests on it.
public struct HostObservations: Hashable, Sendable {
  /// Why the machine has no IOMMU in use and what to do; `nil` if nobody looked.
  public var iommuAdvice: String?
  /// Why its integrated graphics is behind no IOMMU and what to do; `nil` if nothing is known.
  public var graphicsAdvice: String?
  /// What the machine uses devices for, as clauses that follow a device's name.
  public var uses: [BDF: [String]] = [:]

  /// Nothing was looked at.
  public init() {}
}
