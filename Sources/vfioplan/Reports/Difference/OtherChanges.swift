import Parser
import Planner

/// What differs between two plans and has no consequence: names, what was asked, where things are.
enum OtherChanges {
  /// A row for each.
  static func rows(
    of difference: PlanDifference, _ before: CompiledPlan, _ after: CompiledPlan
  ) -> [ConsequenceRow] {
    var rows = difference.changes.flatMap(rows)
    let releases = [before, after].map(\.host.kernel.release)
    if releases[0] != releases[1] { rows.append(row("release", releases[0], releases[1])) }
    return rows
  }

  private static func rows(of change: PlanDifference.Change) -> [ConsequenceRow] {
    switch change.subject {
    case .plan:
      return change.facets.filter { $0.key != "target" }.map { row($0.key, $0.before, $0.after) }
    case .policy: return [policy(change)]
    case .device where change.kind == .changed:
      let parts = change.facets.compactMap(place)
      let row = ConsequenceRow(
        mark: .other, subject: change.name, text: parts.joined(separator: ", "))
      return parts.isEmpty ? [] : [row]
    default: return []
    }
  }

  private static func row(_ key: String, _ old: String?, _ new: String?) -> ConsequenceRow {
    ConsequenceRow(mark: .other, subject: key, text: "\(shown(old)) -> \(shown(new))")
  }

  private static func shown(_ value: String?) -> String {
    guard let value, !value.isEmpty else { return "none" }
    return value
  }

  private static func policy(_ change: PlanDifference.Change) -> ConsequenceRow {
    switch change.kind {
    case .added: ConsequenceRow(mark: .comes, subject: "policy", text: change.name)
    case .removed: ConsequenceRow(mark: .goes, subject: "policy", text: change.name)
    case .changed:
      ConsequenceRow(
        mark: .other, subject: "policy",
        text: "\(change.name): "
          + change.facets.map { "\($0.key) \(shown($0.before)) -> \(shown($0.after))" }
          .joined(separator: ", "))
    }
  }

  /// What is said of where a device is; the rest is consequences, or the steps show it.
  private static func place(_ facet: PlanDifference.Facet) -> String? {
    switch facet.key {
    case "name": "was called \(shown(facet.before))"
    case "group": "IOMMU group \(shown(facet.before)) -> \(shown(facet.after))"
    case "address", "ioasid", "effective", "noSnoop", "resolved", "reason", "canNoSnoop",
      "canEnforceSnoop", "registeredWithKVM":
      nil
    default: "\(facet.key) \(shown(facet.before)) -> \(shown(facet.after))"
    }
  }
}
