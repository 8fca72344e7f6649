import Parser
import Planner

extension DifferenceText {
  /// The same for programs: `vfioplan.diff/v1`, one change and one consequence a line.
  func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.diff/v1")
    writer.member("equal", isEmpty)
    if let decision {
      writer.member("decisionEqual", isDecisionEqual)
      writer.member("verdict", verdict)
      writer.list("consequences", of: decision.consequences, .block) {
        write($0, decision, to: &$1)
      }
      writer.list("changes", of: decision.changes, .block) { Self.write($0, to: &$1) }
    }
    writer.key("steps")
    writeSteps(to: &writer)
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func write(
    _ consequence: Consequence, _ decision: PlanDifference, to writer: inout JSONWriter
  ) {
    let kind = consequence.kind
    writer.beginObject()
    writer.member("kind", kind.rawValue)
    writer.member("effect", kind.isWorse ? "worse" : kind.isBetter ? "better" : "other")
    if let device = consequence.device { writer.member("device", device) }
    if let address = consequence.address { writer.member("address", "\(address)") }
    if !consequence.others.isEmpty { writer.member("others", consequence.others) }
    if let what = consequence.what { writer.member("what", what) }
    if let before = consequence.before { writer.member("before", before) }
    if let after = consequence.after { writer.member("after", after) }
    if !consequence.unknown.isEmpty {
      writer.member("unknown", consequence.unknown.map(\.rawValue))
    }
    let causes = decision.causes(of: consequence)
    if !causes.isEmpty { write(causes, to: &writer) }
    writer.endObject()
  }

  private func write(_ causes: [InputChange], to writer: inout JSONWriter) {
    writer.objects("causes", of: causes) { cause, writer in
      if let place = places?.place(of: cause) {
        writer.member("file", place.file)
        writer.member("line", place.line)
      }
      writer.member("key", cause.key)
      if let before = cause.before { writer.member("before", before) }
      if let after = cause.after { writer.member("after", after) }
    }
  }

  private static func write(_ change: PlanDifference.Change, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("subject", change.subject.rawValue)
    writer.member("name", change.name)
    writer.member("kind", change.kind.rawValue)
    writer.objects("facets", of: change.facets) { facet, writer in
      writer.member("key", facet.key)
      writer.member("before", facet.before)
      writer.member("after", facet.after)
    }
    if !change.unknown.isEmpty { writer.member("unknown", change.unknown.map(\.rawValue)) }
    writer.endObject()
  }

  private func writeSteps(to writer: inout JSONWriter) {
    writer.beginObject(.block)
    writer.member("kept", steps.keptCount)
    for key in ["removed", "added"] {
      writer.key(key)
      writer.beginArray()
      for edit in steps.edits {
        switch edit {
        case .removed(let index) where key == "removed": writer.integer(index + 1)
        case .added(let index) where key == "added": writer.integer(index + 1)
        default: break
        }
      }
      writer.endArray()
    }
    writer.endObject()
  }
}
