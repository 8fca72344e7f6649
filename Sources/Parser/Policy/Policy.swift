/// What a site says about all of its VMs: what `auto` is to mean, and what every plan has to keep.
public struct Policy: Hashable, Sendable {
  /// What `auto` becomes for some devices.
  public struct Row: Hashable, Sendable {
    /// Which devices.
    public var devices: DevicePattern
    /// What `auto` becomes where nothing that was said stands against it; never `auto`.
    public var intent: NoSnoopIntent
    /// Why, in its author's words.
    public var reason: String?
    /// Where the row was written, for reports: file and line.
    public var place: String
    /// Where the row stands in the file that was read.
    public var span: SourceSpan

    /// Makes a row.
    public init(
      _ devices: DevicePattern, _ intent: NoSnoopIntent, reason: String? = nil, place: String,
      span: SourceSpan
    ) {
      self.devices = devices
      self.intent = intent
      self.reason = reason
      self.place = place
      self.span = span
    }
  }

  /// A requirement, and where it was stated.
  public struct StatedRequirement: Hashable, Sendable {
    /// What is required.
    public var what: Requirement
    /// Where it was stated; `nil` for the command line.
    public var span: SourceSpan?

    /// States a requirement.
    public init(_ what: Requirement, span: SourceSpan? = nil) {
      self.what = what
      self.span = span
    }
  }

  /// The rows, in file order; the first that fits a device decides.
  public var rows: [Row]
  /// What every plan has to keep, in file order.
  public var requirements: [StatedRequirement]

  /// Makes a policy; without rows and requirements it says nothing.
  public init(rows: [Row] = [], requirements: [StatedRequirement] = []) {
    self.rows = rows
    self.requirements = requirements
  }

  /// Whether it says nothing.
  public var isEmpty: Bool { rows.isEmpty && requirements.isEmpty }
}

/// What every plan has to keep, one of a few by name.
public enum Requirement: Hashable, Sendable {
  /// KVM does not carry out WBINVD.
  case coherent
  /// No fact that a promise rests on is unknown.
  case knownFacts
  /// No device can no-snoop behind an IOMMU that can't enforce snoop.
  case noBox3
  /// The plan is optimal in this objective, which is a preset.
  case objective(Objective)

  /// All of them with their names, in the order they are documented.
  public static let named: [(name: String, what: Requirement)] =
    [("coherent", .coherent), ("known-facts", .knownFacts), ("no-box-3", .noBox3)]
    + Objective.presets.map { ("objective=" + $0.name, .objective($0.objective)) }

  /// Its name in files and on the command line.
  public var name: String { Self.named.first { $0.what == self }?.name ?? "" }
}
