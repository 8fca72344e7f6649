import Parser

/// One row of the table that resolves `noSnoop: auto`.
public struct AutoIntentRow: Hashable, Sendable {
  /// PCI vendor id.
  public let vendor: UInt16
  /// The class code a device must have, after masking.
  public let classCode: UInt32
  /// Which bits of the 24-bit class code count.
  let classMask: UInt32
  /// The PCI bus, in any domain; `nil` for any bus.
  public let bus: UInt8?
  /// What `auto` becomes where the target can express it.
  public let intent: NoSnoopIntent
  /// What kind of device this is, for reports.
  public let title: String
  /// Where the knowledge comes from.
  public let source: String

  /// Whether a host device falls under this row.
  func matches(_ device: HostDevice) -> Bool {
    device.vendor == vendor && device.classCode & classMask == classCode
      && (bus == nil || device.address.bus == bus)
  }
}

/// The table that resolves `noSnoop: auto`; the first row that matches decides.
public enum AutoIntentTable {
  /// The rows; a device that none of them matches is `allowed`.
  public static let rows = [
    AutoIntentRow(
      vendor: 0x8086, classCode: 0x030000, classMask: 0xFF0000, bus: 0, intent: .required,
      title: "Intel integrated graphics",
      source:
        "step 3 of the mail of June 2021 (a fixed vendor/class list); its own VT-d unit often "
        + "lacks snoop control (ECAP.SC = 0)")
  ]

  /// The position of the row a host device falls under.
  static func row(for device: HostDevice) -> Int? { rows.firstIndex { $0.matches(device) } }
}

/// How the intent of a device was found.
public enum IntentResolution: Hashable, Sendable {
  /// The user wrote it.
  case stated
  /// `auto`, and no row of the table matches: `allowed`.
  case noRow
  /// `auto`, and the row at this position decided.
  case row(Int)
  /// `auto`; the row at this position matches, but the target can't express it: `allowed`.
  case notExpressible(row: Int)
  /// `auto`; the row at this position matches, but the device can't no-snoop: `allowed`.
  case needless(row: Int)
  /// `auto`; the row at this position matches, but KVM must never allow it: `allowed`.
  case yieldsToNever(row: Int)
  /// `auto`; the row at this position matches, but no-snoop is forbidden to a device of the same
  /// IOMMU group, given by its position in the description: `allowed`.
  case yieldsToForbidden(row: Int, mate: Int)
}
