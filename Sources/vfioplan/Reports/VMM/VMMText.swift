import Executor
import Parser
import Planner

/// A plan next to what a VMM makes of the same devices by itself.
struct VMMText {
  private let compiled: CompiledPlan
  private let other: VMMGrouping
  private let better: VMMGrouping?
  private let canRun: Bool
  private var plan: IOASIDPlan { compiled.plan }

  /// Prepares the text of a plan and a rule.
  init(_ compiled: CompiledPlan, as rule: VMMRule) {
    self.compiled = compiled
    other = VMMGrouping(of: compiled.plan, on: compiled.host, as: rule)
    canRun = other.rule.canRun(on: compiled.host.kernel)
    better = canRun ? VMMGrouping.reaching(compiled.plan, on: compiled.host, as: rule) : nil
  }

  /// Device by device, then what it costs, then what to do.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    page.line(
      "VM \(compiled.vm.name, .strong) on host \(compiled.host.name, .strong): the plan for "
        + "\(plan.target), next to \(other.rule.title, .strong)", hanging: 2)
    if canRun {
      page.blank()
      page.table(
        [Self.header("device", "address", "plan", other.rule.name, "")]
          + plan.devices.indices.map(row))
      page.blank()
      page.table(
        [Self.header("metric", "plan", other.rule.name)] + Metric.allCases.map(cost))
    }
    page.heading("What that means")
    for remark in remarks { page.line("- \(remark)", indent: 2, hanging: 2) }
    return page
  }

  private static func header(_ words: String...) -> [StyledText] {
    words.map { StyledText($0, .strong) }
  }

  private func row(_ index: Int) -> [StyledText] {
    let device = plan.devices[index]
    let table = plan.pageTables[device.pageTable]
    return [
      "\(device.name, .strong)", StyledText(device.address.description),
      "\(table.name) \(DecisionText.format(of: table, in: plan))",
      text(other.pageTables[other.tableOfDevice[index]]),
      change(of: index),
    ]
  }

  private func text(_ table: PageTable) -> StyledText {
    if table.snoopPolicy == .enforced { return "\(table.name) \("enforced", .good)" }
    return isKnown(table)
      ? "\(table.name) \("not enforced", .warning)"
      : "\(table.name) \("not known to enforce", .warning)"
  }

  /// Whether a page table of the VMM's is known to do as is said of it.
  private func isKnown(_ table: PageTable) -> Bool {
    table.snoopPolicy == .enforced || plan.devices[table.leader].enforcementFact != .unknown
  }

  /// Whether KVM is known to do as is said of it: some unit surely can't enforce, or all can.
  private var isKVMKnown: Bool {
    !other.allowsIncoherentDMA || plan.devices.contains { $0.enforcementFact == .no }
  }

  private func change(of index: Int) -> StyledText {
    let device = plan.devices[index]
    switch (plan.isEnforced(index), other.isEnforced(index)) {
    case (true, false) where device.resolved == .forbidden && device.canNoSnoop:
      return device.noSnoopFact == .unknown
        ? "\("no-snoop is forbidden, but may work", .error)"
        : "\("no-snoop is forbidden, but works", .error)"
    case (true, false): return "\("loses enforced snoop", .warning)"
    case (false, true) where device.resolved == .required:
      return "\("no-snoop is required, but blocked", .error)"
    case (false, true): return "\("no-snoop is blocked", .warning)"
    default: return ""
    }
  }

  private func cost(_ metric: Metric) -> [StyledText] {
    let theirs = other.metrics(of: plan)[metric]
    return [
      StyledText(metric.rawValue), "\(plan.metrics[metric], .strong)",
      theirs > plan.metrics[metric] ? "\(theirs, .warning)" : "\(theirs)",
    ]
  }

  private var remarks: [StyledText] {
    let findings = VMMDiagnostics.findings(for: compiled, with: other.rule)
    var remarks: [StyledText] = other.rule.remark.map { ["\($0)"] } ?? []
    remarks += findings.map { "\($0.code.name, .warning) \($0.message)" as StyledText }
    remarks += plan.devices.filter { !$0.isKnown }.map { device in
      let facts = UnknownFacts.noSnoop(of: device) + ", " + UnknownFacts.enforcement(for: device)
      let remedy = UnknownFacts.remedy(for: device, of: plan, on: compiled.host)
      let end = remedy.map { "; " + $0 } ?? ""
      return "\(device.name, .strong): \(facts)\(end)"
    }
    if !isKVMKnown { remarks.append("KVM may carry out WBINVD with it: a fact is unknown") }
    // What is not opened reaches nothing.
    if !VMMDiagnostics.unshown(plan, by: other.rule).isEmpty { return remarks }
    guard let better else { return remarks }
    let condition =
      VMMDiagnostics.isOpen(for: compiled, with: other.rule)
      ? "if its IOMMUs make second-stage tables: " : ""
    if better.order != other.order {
      let names = nameList(better.order.map { plan.devices[$0].name })
      remarks.append(
        "\(condition)in the order of the file it does not reach the plan; in this one it does: "
          + "\(names)")
    } else {
      remarks.append("\(condition)in the order of the file it reaches the planned page tables")
    }
    return remarks
  }
}

extension VMMText {
  /// The same for programs: `vfioplan.vmm/v1`.
  func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.vmm/v1")
    writer.member("vm", compiled.vm.name)
    writer.member("host", compiled.host.name)
    writer.member("as", other.rule.name)
    writer.member("version", other.rule.version?.description)
    writer.member("backend", other.rule.backend.rawValue)
    writer.member("order", names(other.order))
    writer.member("agrees", canRun && other.hasGrouping(of: plan))
    if let better {
      writer.member("reaching", names(better.order))
    } else {
      writer.member("reaching", nil as String?)
    }
    write(other.metrics(of: plan), other.pageTables, to: &writer, isKnown)
    write(kvm: other.allowsIncoherentDMA, isKnown: isKVMKnown, to: &writer)
    writeDevices(to: &writer, isEnforced: other.isEnforced)
    writer.key("plan")
    writer.beginObject()
    writer.member("target", plan.target)
    write(plan.metrics, plan.pageTables, to: &writer, plan.isKnown)
    write(
      kvm: plan.coherency.allowsIncoherentDMA, isKnown: plan.isKVMKnown, to: &writer)
    writeDevices(to: &writer, isEnforced: plan.isEnforced)
    writer.endObject()
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func names(_ devices: [Int]) -> [String] { devices.map { plan.devices[$0].name } }

  private func write(
    _ metrics: PlanMetrics, _ tables: [PageTable], to writer: inout JSONWriter,
    _ isKnown: (PageTable) -> Bool
  ) {
    writer.member("metrics", metrics)
    writer.key("ioasids")
    writer.beginArray()
    for table in tables {
      writer.beginObject()
      writer.member("name", table.name)
      writer.member("enforceSnoop", table.snoopPolicy == .enforced)
      if !isKnown(table) { writer.member("known", false) }
      writer.member("iommus", table.iommus)
      writer.member("devices", names(table.devices))
      writer.endObject()
    }
    writer.endArray()
  }

  private func write(kvm isIncoherent: Bool, isKnown: Bool, to writer: inout JSONWriter) {
    writer.key("kvm")
    writer.beginObject()
    writer.member("incoherentDMA", isIncoherent)
    if !isKnown { writer.member("known", false) }
    writer.endObject()
  }

  /// What is known of each device, and what that makes of it.
  private func writeDevices(to writer: inout JSONWriter, isEnforced: (Int) -> Bool) {
    writer.key("devices")
    writer.beginArray()
    for (index, device) in plan.devices.enumerated() {
      writer.beginObject()
      writer.member("name", device.name)
      writer.member("address", device.address)
      writer.writeFacts(
        canNoSnoop: device.noSnoopFact, canEnforceSnoop: device.enforcementFact)
      writer.member("box", device.box)
      writer.member("effective", device.canNoSnoop && !isEnforced(index))
      writer.endObject()
    }
    writer.endArray()
  }
}
