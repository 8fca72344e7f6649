import Executor
import Parser
import Planner

/// A plan next to what a VMM makes of the same devices by itself.
struct VMMText {
  let compiled: CompiledPlan
  /// What the VMM makes of the devices in the order of the file.
  let other: VMMGrouping
  /// What it makes of them in the order that leads to the plan; `nil` if none does, or it can't
  /// run.
  let better: VMMGrouping?
  let canRun: Bool
  /// What it makes otherwise than planned; a promise that it breaks is an error.
  let findings: [Diagnostic]
  var plan: IOASIDPlan { compiled.plan }

  /// What a device is called; `nil` if nobody knows.
  private let name: (HostDevice) -> String?

  /// Prepares the text of a plan and a rule; `name` tells what devices are called.
  init(
    _ compiled: CompiledPlan, as rule: VMMRule,
    name: @escaping (HostDevice) -> String? = { _ in nil }
  ) {
    self.compiled = compiled
    self.name = name
    (other, findings) = VMMDiagnostics.outcome(of: compiled, as: rule)
    canRun = other.rule.canRun(on: compiled.host.kernel)
    better = canRun ? VMMGrouping.reaching(compiled.plan, on: compiled.host, as: other.rule) : nil
  }

  /// The verdict, what helps, then device by device, then what it costs.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    if isOfToday, brokenPromises == 0, isAsPlanned { return today(page) }
    if isOfToday { page.line(sentenceOfToday, hanging: 2) }
    page.line(verdict, hanging: 2)
    for remark in remarks { page.line(remark, indent: 2, hanging: 2) }
    guard canRun else { return page }
    page.blank()
    page.table(rows(isNarrow: screen.width < Self.fullWidth), indent: 0)
    page.blank()
    page.table([Self.header("metric", "plan", other.rule.name)] + Metric.allCases.map(cost))
    return page
  }

  /// Whether the description was made from a configuration of this VMM, which can run.
  private var isOfToday: Bool { canRun && other.rule.isStated(by: compiled.vm.vmm) }

  /// Whether the VMM makes exactly what is planned.
  private var isAsPlanned: Bool {
    other.hasGrouping(of: plan)
      && other.allowsIncoherentDMA == plan.coherency.allowsIncoherentDMA
  }

  /// The review of what is in force when the VM is started as it is configured.
  private func today(_ empty: TextPage) -> TextPage {
    var page = empty
    let review = PlanReview(compiled, name: name)
    ReviewText(review, today: .init(title: other.rule.title, remark: other.rule.remark))
      .append(to: &page)
    page.line("\("next: 'vfioplan import' makes a description of it, to change and apply", .faint)")
    return page
  }

  /// The verdict on what the VMM makes otherwise than planned.
  var sentenceOfToday: StyledText {
    let devices = plan.devices.indices.filter {
      plan.devices[$0].canNoSnoop && !other.isEnforced($0)
    }
    let names = nameList(devices.map { plan.devices[$0].name.visible }, limit: 4)
    let dma: StyledText =
      devices.isEmpty
      ? "\("all DMA is coherent", .good)" : "\("DMA of \(names) is NON-COHERENT", .warning)"
    let deed =
      !other.allowsIncoherentDMA
      ? "ignores" : isKVMKnown ? "carries out" : "may carry out"
    return "\(compiled.vm.name, .strong) today, as \(other.rule.title): " + dma
      + ", KVM \(deed) the guest's WBINVD"
  }

  /// How many devices lose what the description promises.
  var brokenPromises: Int {
    canRun ? plan.devices.indices.count { loss(of: $0)?.breaksPromise == true } : 0
  }

  /// What the device at a position loses.
  func loss(of index: Int) -> VMMLoss? { other.loss(of: index, in: plan) }

  private var verdict: StyledText {
    let start: StyledText = "\(compiled.vm.name, .strong) as \(other.rule.title, .strong)"
    let deed: StyledText
    switch (canRun, brokenPromises, other.hasGrouping(of: plan)) {
    case (false, _, _): deed = "\("can't run on this host", .error)"
    case (_, 1..., _): deed = "\("breaks \(counted(brokenPromises, "promise"))", .error)"
    case (_, _, true): deed = "\("reaches the plan", .good) for \(plan.target)"
    case (_, _, false):
      deed = "keeps every promise, \("but not the page tables of the plan", .warning)"
    }
    return "\(start) on host \(compiled.host.name): " + deed
  }

  private static func header(_ words: String...) -> [StyledText] {
    words.map { StyledText($0, .strong) }
  }

  /// The columns that addresses of devices take a place in.
  private static let fullWidth = 80

  /// A row a device; without addresses where they would be broken.
  private func rows(isNarrow: Bool) -> [[StyledText]] {
    let rows =
      [Self.header("", "device", "address", "plan", other.rule.name, "lost")]
      + plan.devices.indices.map(row)
    return isNarrow ? rows.map { Array($0[..<2] + $0[3...]) } : rows
  }

  private func row(_ index: Int) -> [StyledText] {
    let device = plan.devices[index]
    let table = plan.pageTables[device.pageTable]
    return [
      loss(of: index) == nil ? " " : "\("!", .warning)",
      "\(device.name, .strong)", StyledText(device.address.description),
      "\(table.name) \(DecisionText.format(of: table, in: plan))",
      text(other.pageTables[other.tableOfDevice[index]]),
      lost(by: index),
    ]
  }

  private func text(_ table: PageTable) -> StyledText {
    if table.snoopPolicy == .enforced { return "\(table.name) \("enforced", .good)" }
    return isKnown(table)
      ? "\(table.name) \("not enforced", .warning)"
      : "\(table.name) \("not known to enforce", .warning)"
  }

  /// Whether a page table of the VMM's is known to do as is said of it.
  func isKnown(_ table: PageTable) -> Bool {
    table.snoopPolicy == .enforced || plan.devices[table.leader].enforcementFact != .unknown
  }

  /// Whether KVM is known to do as is said of it: some unit surely can't enforce, or all can.
  var isKVMKnown: Bool {
    !other.allowsIncoherentDMA || plan.devices.contains { $0.enforcementFact == .no }
  }

  private func lost(by index: Int) -> StyledText {
    switch loss(of: index) {
    case .forbidden where plan.devices[index].noSnoopFact == .unknown:
      "\("no-snoop is forbidden, but may work", .error)"
    case .forbidden: "\("no-snoop is forbidden, but works", .error)"
    case .enforcement: "\("enforced snoop", .warning)"
    case .required: "\("no-snoop is required, but blocked", .error)"
    case .noSnoop: "\("no-snoop is blocked", .warning)"
    case nil: ""
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
    var remarks: [StyledText] = other.rule.remark.map { ["\($0)"] } ?? []
    if !isKVMKnown { remarks.append("KVM may carry out WBINVD with it: a fact is unknown") }
    remarks += order.map { [$0] } ?? []
    return remarks
      + plan.devices.filter { !$0.isKnown }.map { device in
        let facts = UnknownFacts.noSnoop(of: device) + ", " + UnknownFacts.enforcement(for: device)
        let remedy = UnknownFacts.remedy(for: device, of: plan, on: compiled.host)
        let end = remedy.map { "; " + $0 } ?? ""
        return "\(device.name, .strong): \(facts)\(end)"
      }
  }

  /// Which order leads to the plan; what is not opened reaches nothing.
  private var order: StyledText? {
    guard let better, VMMDiagnostics.unshown(plan, by: other.rule).isEmpty else { return nil }
    let condition =
      VMMDiagnostics.isOpen(for: compiled, with: other.rule)
      ? "if its IOMMUs make second-stage tables: " : ""
    guard better.order != other.order else {
      return "\(condition)in the order of the file it reaches the planned page tables"
    }
    let names = better.order.map { plan.devices[$0].name.visible }.joined(separator: ", ")
    return "\(condition)in the order of the file it does not reach the plan; in this one it does: "
      + "\(names)"
  }
}
