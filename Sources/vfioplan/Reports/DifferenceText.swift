import Executor
import Parser
import Planner

/// What changes from one plan to another, for people: the decision first, then the steps.
struct DifferenceText {
  /// What changes of the decision; `nil` if there is none on one side.
  private let changes: [PlanDifference.Change]?
  private let steps: StepDifference
  private let before: Program
  private let after: Program

  /// Compares two plans.
  init(from before: CompiledPlan, to after: CompiledPlan) {
    let difference = PlanDifference(from: before, to: after)
    changes = difference.changes
    steps = difference.steps
    self.before = before.program
    self.after = after.program
  }

  /// Compares two programs, whatever was decided.
  init(from before: Program, to after: Program) {
    changes = nil
    steps = StepDifference(from: before, to: after)
    self.before = before
    self.after = after
  }

  /// Whether nothing changes.
  var isEmpty: Bool { steps.isEmpty && (changes ?? []).isEmpty }

  /// Writes the changes and one summary line.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    appendChanges(to: &page)
    appendSteps(to: &page)
    page.line(summary, hanging: 2)
    return page
  }

  private var summary: StyledText {
    if isEmpty { return "\("diff:", .strong) no changes" }
    let decision = changes.map { counted($0.count, "change") + " of the decision, " } ?? ""
    let gone = steps.edits.count { if case .removed = $0 { true } else { false } }
    let new = steps.edits.count - gone
    return
      "\("diff:", .strong) \(decision)\(gone) steps go, \(new) come, \(steps.keptCount) stay"
  }

  private func appendChanges(to page: inout TextPage) {
    guard let changes, !changes.isEmpty else { return }
    page.line("\("Decision", .strong)")
    page.table(
      changes.map { change in
        [
          Self.sign(of: change.kind), StyledText(Self.noun(of: change.subject)),
          change.subject == .plan || change.subject == .kvm ? "" : "\(change.name, .strong)",
          facets(of: change),
        ]
      })
    page.blank()
  }

  private func facets(of change: PlanDifference.Change) -> StyledText {
    let parts = change.facets.compactMap { facet -> String? in
      let (before, after) = (facet.before.map(Self.words), facet.after.map(Self.words))
      let label = change.subject == .metric ? "" : "\(facet.key): "
      if change.kind == .changed { return label + "\(before ?? "none") -> \(after ?? "none")" }
      return Self.tellsWhole(facet.key, of: change.subject) ? label + (before ?? after ?? "") : nil
    }
    return StyledText((parts + Self.remarks(on: change)).joined(separator: ", "))
  }

  /// That whether a device is effective rests on unknown facts, where it is shown.
  private static func remarks(on change: PlanDifference.Change) -> [String] {
    let isShown = change.facets.contains { $0.key == "effective" }
    guard isShown, !change.unknown.isEmpty else { return [] }
    let facts = change.unknown.map { fact in
      switch fact {
      case .canNoSnoop: "whether it can no-snoop is unknown, counted as yes"
      case .canEnforceSnoop: "whether its IOMMU enforces is unknown, counted as no"
      }
    }
    return ["(" + facts.joined(separator: "; ") + ")"]
  }

  /// Whether a property is shown of a subject that comes or goes as a whole.
  private static func tellsWhole(_ key: String, of subject: PlanDifference.Subject) -> Bool {
    subject != .device || ["address", "ioasid", "noSnoop", "effective"].contains(key)
  }

  /// A length or an address in hexadecimal as a size, if it is a round one; else as it is.
  private static func words(_ value: String) -> String {
    guard value.hasPrefix("0x"), let number = UInt64(value.dropFirst(2), radix: 16) else {
      return value
    }
    let size = byteSizeText(number)
    return size.hasSuffix("bytes") ? value : size
  }

  private func appendSteps(to page: inout TextPage) {
    guard !steps.isEmpty else { return }
    page.line("\("Program", .strong)")
    let (old, new) = (StepText(before), StepText(after))
    let digits = String(max(before.steps.count, after.steps.count)).utf8.count
    for edit in steps.edits {
      let (sign, index, call): (StyledText, Int, StyledText) =
        switch edit {
        case .removed(let index): (Self.sign(of: .removed), index, old.call(index))
        case .added(let index): (Self.sign(of: .added), index, new.call(index))
        }
      page.line(
        call, indent: 2, hanging: 2, label: sign + " " + .number(index + 1, digits: digits) + "  ")
    }
    page.blank()
  }

  private static func sign(of kind: PlanDifference.Kind) -> StyledText {
    switch kind {
    case .added: "\("+", .good)"
    case .removed: "\("-", .error)"
    case .changed: "\("~", .warning)"
    }
  }

  private static func noun(of subject: PlanDifference.Subject) -> String {
    switch subject {
    case .kvm: "KVM"
    case .ioasid: "page table"
    case .plan, .metric, .policy, .device, .memory, .mapping: subject.rawValue
    }
  }
}

extension DifferenceText {
  /// The same changes for programs: `vfioplan.diff/v1`, one change a line.
  func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.diff/v1")
    writer.member("equal", isEmpty)
    if let changes {
      writer.key("changes")
      writer.beginArray(.block)
      for change in changes { Self.write(change, to: &writer) }
      writer.endArray()
    }
    writer.key("steps")
    writeSteps(to: &writer)
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private static func write(_ change: PlanDifference.Change, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("subject", change.subject.rawValue)
    writer.member("name", change.name)
    writer.member("kind", change.kind.rawValue)
    writer.key("facets")
    writer.beginArray()
    for facet in change.facets {
      writer.beginObject()
      writer.member("key", facet.key)
      writer.member("before", facet.before)
      writer.member("after", facet.after)
      writer.endObject()
    }
    writer.endArray()
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
