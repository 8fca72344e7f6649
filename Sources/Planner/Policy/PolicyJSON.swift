import Parser

/// Writes a policy as JSON, in the form that the reader of policies takes.
///
/// For plan files: rows say where they were written, and what has no value is left out.
public enum PolicyJSON {
  /// Writes a policy where a value is expected.
  public static func write(_ policy: Policy, to writer: inout JSONWriter) {
    writer.beginObject(.block)
    writer.member("apiVersion", DescriptionReader.apiVersion)
    writer.member("kind", "Policy")
    writer.key("intents")
    writer.beginArray(.block)
    for row in policy.rows { write(row, to: &writer) }
    writer.endArray()
    writer.member("require", policy.requirements.map(\.what.name))
    writer.endObject()
  }

  private static func write(_ row: Policy.Row, to writer: inout JSONWriter) {
    let devices = row.devices
    writer.beginObject()
    if let vendor = devices.vendor { writer.member("vendor", hex: UInt64(vendor), digits: 4) }
    if let device = devices.device { writer.member("device", hex: UInt64(device), digits: 4) }
    if let code = devices.classCode { writer.member("class", code.description) }
    if let ids = devices.subsystem { writer.member("subsystem", ids.description) }
    if let bus = devices.bus { writer.member("bus", hex: UInt64(bus), digits: 2) }
    writer.member("noSnoop", row.intent.rawValue)
    if let reason = row.reason { writer.member("reason", reason) }
    writer.member("place", row.place)
    writer.endObject()
  }
}
