/// What a plan costs, to be minimised; the raw value is the name in files.
public enum Metric: String, CaseIterable, Hashable, Sendable {
  /// 1 if KVM carries out the VM's WBINVD, else 0.
  case wbinvd
  /// How many devices do effective no-snoop DMA.
  case incoherentDevices
  /// How many IOASIDs (hardware page tables) there are.
  case pageTables
  /// How many devices that can no-snoop, and were not told not to, are blocked.
  case blockedNoSnoop
}

/// An order over the four metrics, compared lexicographically.
public struct Objective: Hashable, Sendable {
  /// All four metrics, most important first.
  public let order: [Metric]

  /// Makes an objective from an order; `nil` unless every metric is named exactly once.
  public init?(order: [Metric]) {
    guard order.count == Metric.allCases.count, Set(order).count == order.count else { return nil }
    self.order = order
  }

  private init(preset order: [Metric]) { self.order = order }

  /// Keep the VM coherent first; the default.
  public static let coherency = Objective(
    preset: [.wbinvd, .incoherentDevices, .pageTables, .blockedNoSnoop])
  /// Fewest page tables first.
  public static let pageTables = Objective(
    preset: [.pageTables, .wbinvd, .incoherentDevices, .blockedNoSnoop])
  /// Let devices no-snoop first.
  public static let devicePerformance = Objective(
    preset: [.blockedNoSnoop, .pageTables, .wbinvd, .incoherentDevices])

  /// The named orders, in the order they are documented.
  public static let presets: [(name: String, objective: Objective)] = [
    ("coherency", coherency), ("page-tables", pageTables),
    ("device-performance", devicePerformance),
  ]

  /// The name of the preset this order equals, if any.
  public var presetName: String? { Self.presets.first { $0.objective == self }?.name }
}
