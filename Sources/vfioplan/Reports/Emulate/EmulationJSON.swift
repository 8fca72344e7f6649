import Executor
import Parser

/// What a program made of an emulated machine, for programs: `vfioplan.emulate/v1`.
struct EmulationJSON {
  /// The name of the host.
  var host: String
  /// The release it behaved like.
  var release: String
  /// The command and its arguments.
  var command: [String]
  /// How it ended.
  var status: Int32
  /// What was seen.
  var record: EmulationRecord
  /// Where that is not what a plan says; `nil` without one.
  var mismatches: [String]?

  /// The text.
  func bytes() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.emulate/v1")
    writer.member("host", host)
    writer.member("release", release)
    writer.member("command", command)
    writer.member("status", Int(status))
    if let state = record.state {
      writer.key("state")
      state.write(to: &writer)
    }
    writeCalls(to: &writer)
    if let mismatches { writer.member("mismatches", mismatches) }
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func writeCalls(to writer: inout JSONWriter) {
    writer.key("calls")
    writer.beginArray(.block)
    for (request, count) in record.calls.sorted(by: { $0.key < $1.key }) {
      writer.beginObject()
      writer.member("request", request)
      writer.member("count", count)
      writer.endObject()
    }
    writer.endArray()
    writer.key("failures")
    writer.beginArray(.block)
    for failure in record.failures {
      writer.beginObject()
      writer.member("request", failure.request)
      writer.member("errno", failure.errno.description)
      writer.member("count", failure.count)
      writer.endObject()
    }
    writer.endArray()
  }
}
