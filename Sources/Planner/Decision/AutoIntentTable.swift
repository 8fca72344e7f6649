import Parser

/// One row of the table that resolves `noSnoop: auto`.
public struct AutoIntentRow: Hashable, Sendable {
  /// Which devices it is about.
  public let devices: DevicePattern
  /// What `auto` becomes where the target can express it.
  public let intent: NoSnoopIntent
  /// For a built-in row what kind of device this is, for one of a policy the reason it gives.
  public let title: String?
  /// Where the knowledge comes from; for a row of a policy its file and line.
  public let source: String
  /// Where the row stands in a policy; `nil` if it is built in.
  let span: SourceSpan?

  /// A row that is built in.
  init(_ devices: DevicePattern, _ intent: NoSnoopIntent, title: String, source: String) {
    (self.devices, self.intent, self.title, self.source) = (devices, intent, title, source)
    span = nil
  }

  /// A row of a policy.
  init(_ row: Policy.Row) {
    (devices, intent, title, source) = (row.devices, row.intent, row.reason, row.place)
    span = row.span
  }
}

/// The table that resolves `noSnoop: auto`; the first row that matches decides.
public struct AutoIntentTable: Hashable, Sendable {
  /// The rows; a device that none of them matches is `allowed`.
  public let rows: [AutoIntentRow]

  /// The most rows a policy may have: each device may be compared with all of them.
  static let maximumPolicyRows = 1000

  /// The rows of a policy, as many as there may be, before those that are built in.
  public init(_ policy: Policy = Policy()) {
    rows = policy.rows.prefix(Self.maximumPolicyRows).map { AutoIntentRow($0) } + Self.builtIn
  }

  /// The rows that are there without a policy.
  static let builtIn = [
    AutoIntentRow(
      DevicePattern(vendor: 0x8086, classCode: ClassPattern(base: 0x03), bus: 0), .required,
      title: "Intel integrated graphics",
      source:
        "step 3 of the mail of June 2021 (a fixed vendor/class list); its own VT-d unit often "
        + "lacks snoop control (ECAP.SC = 0)")
  ]

  /// The position of the row a host device falls under.
  func row(for device: HostDevice) -> Int? { rows.firstIndex { $0.devices.matches(device) } }
}

/// How the intent of a device was found.
public enum IntentResolution: Hashable, Sendable {
  /// The user wrote it.
  case stated
  /// `auto`, and no row of the table matches: `allowed`.
  case noRow
  /// `auto`, and the row at this position decided.
  case row(Int)
  /// `auto`; the row at this position requires, but the target can't express it: `allowed`.
  case notExpressible(row: Int)
  /// `auto`; the row at this position requires, but its IOMMU is not known to be unable to enforce
  /// snoop, and the target has it enforce wherever it can: `allowed`.
  case uncertain(row: Int)
  /// `auto`; the row at this position requires, but the device can't no-snoop: `allowed`.
  case needless(row: Int)
  /// `auto`; the row at this position requires, but KVM must never allow it: `allowed`.
  case yieldsToNever(row: Int)
  /// `auto`; the row at this position requires, but no-snoop is forbidden to a device of the same
  /// IOMMU group, given by its position in the description: `allowed`.
  case yieldsToForbidden(row: Int, mate: Int)
  /// `auto`; the row at this position forbids, but the IOMMU group can't be enforced: `allowed`.
  case unblockable(row: Int)
  /// `auto`; the row at this position forbids, but no-snoop is required of a device of the same
  /// IOMMU group, given by its position in the description: `allowed`.
  case yieldsToRequired(row: Int, mate: Int)

  /// The position of the row that matches; `nil` if the table was not asked, or has none.
  var row: Int? {
    switch self {
    case .stated, .noRow: nil
    case .row(let row), .notExpressible(let row), .uncertain(let row), .needless(let row),
      .yieldsToNever(let row), .yieldsToForbidden(let row, _), .unblockable(let row),
      .yieldsToRequired(let row, _):
      row
    }
  }
}
