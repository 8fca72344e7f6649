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
    for row in policy.rows { PolicyKeys.row.write(row, to: &writer) }
    writer.endArray()
    writer.member("require", policy.requirements.map(\.what.name))
    writer.endObject()
  }
}
