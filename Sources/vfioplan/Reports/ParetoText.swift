import Executor
import Parser
import Planner

/// The Pareto front over the four metrics: plans of which none is better than another in all.
struct ParetoText {
  private let vm: String
  private let host: HostDescription
  private let plans: [IOASIDPlan]
  private let choices: [Choice]

  /// Which orders of the metrics choose a plan.
  private struct Choice {
    var presets: [String] = []
    /// The first order that chooses it; `nil` if none does: it is a compromise.
    var order: [Metric]?
  }

  /// Prepares the text of a front.
  init(_ plans: [IOASIDPlan], vm: String, host: HostDescription) {
    self.plans = plans
    self.vm = vm
    self.host = host
    var choices = Array(repeating: Choice(), count: plans.count)
    for (name, objective) in Objective.presets {
      if let best = Self.best(of: plans, in: objective.order) { choices[best].presets.append(name) }
    }
    for order in Self.orders(of: Metric.allCases) {
      if let best = Self.best(of: plans, in: order), choices[best].order == nil {
        choices[best].order = order
      }
    }
    self.choices = choices
  }

  /// The plan that is optimal in an order.
  private static func best(of plans: [IOASIDPlan], in order: [Metric]) -> Int? {
    plans.indices.min { one, other in
      order.lazy.map { plans[one].metrics[$0] }
        .lexicographicallyPrecedes(order.lazy.map { plans[other].metrics[$0] })
    }
  }

  private static func orders(of metrics: [Metric]) -> [[Metric]] {
    if metrics.count < 2 { return [metrics] }
    return metrics.flatMap { first in
      orders(of: metrics.filter { $0 != first }).map { [first] + $0 }
    }
  }

  /// One plan a row, and how to get it.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    let target = plans.first?.target ?? ""
    page.line(
      "Pareto front of VM \(vm, .strong) on host \(host.name, .strong), target \(target): "
        + "\(counted(plans.count, "plan")), none better than another in all metrics", hanging: 2)
    page.blank()
    if page.width < Self.leastTableWidth { appendList(to: &page) } else { appendTable(to: &page) }
    appendUnknown(to: &page)
    return page
  }

  /// On narrower pages the metrics' names have no room beside each other.
  private static let leastTableWidth = 80

  private func appendTable(to page: inout TextPage) {
    let header: [StyledText] =
      ["#"] + Metric.allCases.map { "\($0.rawValue, .strong)" } + ["no-snoop works for"]
    page.table(
      [header]
        + plans.enumerated().map { index, plan in
          [StyledText("\(index + 1)")]
            + Metric.allCases.map { StyledText(String(plan.metrics[$0])) }
            + [effective(plan)]
        })
    page.blank()
    for index in plans.indices {
      page.line(StyledText(wayTo(index)), indent: 2, label: "\(String(index + 1), .strong)  ")
    }
  }

  private func appendList(to page: inout TextPage) {
    for (index, plan) in plans.enumerated() {
      let label: StyledText = "\(String(index + 1), .strong)  "
      let metrics = Metric.allCases.map { "\($0.rawValue) \(plan.metrics[$0])" }
      page.line(StyledText(metrics.joined(separator: ", ")), indent: 2, label: label)
      page.line("no-snoop works for \(effective(plan))", indent: 2 + label.columns, hanging: 2)
      page.line(StyledText(wayTo(index)), indent: 2 + label.columns, hanging: 2)
    }
  }

  private func effective(_ plan: IOASIDPlan) -> StyledText {
    let sure = plan.devices.filter(\.isSurelyEffective).map(\.name)
    let perhaps = Self.perhaps(plan)
    let parts = [
      sure.isEmpty ? nil : nameList(sure), perhaps.isEmpty ? nil : "perhaps " + nameList(perhaps),
    ].compactMap { $0 }
    return StyledText(parts.isEmpty ? "none" : parts.joined(separator: "; "))
  }

  /// The devices that count as effective because of a fact that nobody knows.
  private static func perhaps(_ plan: IOASIDPlan) -> [String] {
    plan.devices.filter { $0.isEffective && !$0.isKnown }.map(\.name)
  }

  /// What "perhaps" rests on, and what settles it; the facts are the same in every plan.
  private func appendUnknown(to page: inout TextPage) {
    let devices = plans.first?.devices ?? []
    let names = Set(plans.flatMap(Self.perhaps))
    guard !names.isEmpty else { return }
    page.blank()
    for device in devices where names.contains(device.name) {
      let facts =
        UnknownFacts.noSnoop(of: device) + ", " + UnknownFacts.enforcement(for: device)
      page.line("perhaps \(device.name, .strong): \(facts)", indent: 2, hanging: 2)
      guard let plan = plans.first,
        let remedy = UnknownFacts.remedy(for: device, of: plan, on: host)
      else { continue }
      page.line("\(remedy)", indent: 4, hanging: 2)
    }
  }

  private func wayTo(_ index: Int) -> String {
    let choice = choices[index]
    if !choice.presets.isEmpty { return "--objective " + choice.presets.joined(separator: " or ") }
    guard let order = choice.order else {
      return "no order of the metrics gives it; state noSnoop for the devices to get it"
    }
    return "--objective " + order.map(\.rawValue).joined(separator: ",")
  }
}

extension ParetoText {
  /// The front for programs: `vfioplan.pareto/v1`, one plan a line.
  func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.pareto/v1")
    writer.member("vm", vm)
    writer.member("host", host.name)
    writer.member("target", plans.first?.target)
    writer.list("plans", of: plans.indices, .block) { write($0, to: &$1) }
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func write(_ index: Int, to writer: inout JSONWriter) {
    let plan = plans[index]
    writer.beginObject()
    writer.member("metrics", plan.metrics)
    writer.member("presets", choices[index].presets)
    writer.member("objective", choices[index].order?.map(\.rawValue) ?? [])
    writer.member("effective", plan.devices.filter(\.isEffective).map(\.name))
    writer.member("unknown", Self.perhaps(plan))
    writer.objects("ioasids", of: plan.pageTables) { table, writer in
      writer.member("name", table.name)
      writer.member("enforceSnoop", table.snoopPolicy == .enforced)
      if !plan.isKnown(table) { writer.member("known", false) }
      writer.member("devices", table.devices.map { plan.devices[$0].name })
    }
    writer.endObject()
  }
}
