import Executor
import Parser
import Planner

/// The decision part of a plan's text: who is on which page table and why, KVM, the cost.
struct DecisionText {
  private let compiled: CompiledPlan
  private let explanation: PlanExplanation
  private var plan: IOASIDPlan { compiled.plan }

  /// Prepares the text of a plan.
  init(_ plan: CompiledPlan) {
    compiled = plan
    explanation = PlanExplanation(plan.plan)
  }

  /// Writes the sections that are wanted.
  func append(_ detail: PlanDetail, to page: inout TextPage) {
    if detail.contains(.reasons) { appendReasons(to: &page) }
    if detail.contains(.warnings) { appendFindings(to: &page) }
  }

  private func appendReasons(to page: inout TextPage) {
    page.blank()
    appendHeader(to: &page)
    appendPageTables(to: &page)
    appendDevices(to: &page)
    appendCompanions(to: &page)
    appendKVM(to: &page)
    BudgetText(compiled).append(to: &page)
    appendCost(to: &page)
    appendNotes(to: &page)
  }

  private func appendHeader(to page: inout TextPage) {
    let host = compiled.host
    let release = host.kernel.release.isEmpty ? "" : " (Linux \(host.kernel.release))"
    page.line(
      "plan for VM \(compiled.vm.name, .strong) on host \(host.name, .strong)\(release)",
      hanging: 2)
    let order = plan.objective.order.map(\.rawValue).joined(separator: ", then ")
    let isProposal = plan.dialect?.isProposalOnly ?? false
    let preset = plan.objective.presetName.map { "\($0): " } ?? ""
    var rows: [[StyledText]] = [
      ["target", "\(plan.target)\(isProposal ? ", which no kernel has: for the simulator" : "")"],
      ["objective", "\(preset)least \(order)"],
    ]
    if !compiled.policy.isEmpty { rows.append(["policy", StyledText(policy)]) }
    page.table(rows)
  }

  /// How much a policy says.
  private var policy: String {
    let required = compiled.policy.requirements.map(\.what.name)
    return counted(compiled.policy.rows.count, "row")
      + (required.isEmpty ? "" : "; requires " + nameList(required))
  }

  private func appendPageTables(to page: inout TextPage) {
    page.heading("Page tables")
    page.table(
      plan.pageTables.map { table in
        let format = Self.format(of: table, in: plan)
        let names = nameList(table.devices.map { plan.devices[$0].name })
        return [
          "\(table.name, .strong)", format,
          "\(table.iommus.joined(separator: ", "))", "for \(names)",
        ]
      })
    let policies = Set(plan.pageTables.map(\.snoopPolicy))
    if policies.contains(.enforced) {
      page.line("\("enforced: no-snoop requests are ignored, DMA is coherent", .faint)", indent: 2)
    }
    let open = plan.pageTables.filter { $0.snoopPolicy == .notEnforced }.map(plan.isKnown)
    if open.contains(true) {
      page.line("\("not enforced: no-snoop requests bypass the CPU caches", .faint)", indent: 2)
    }
    if open.contains(false) {
      let meaning = "not known to enforce: no-snoop requests may bypass the CPU caches"
      page.line("\(meaning, .faint)", indent: 2)
    }
    appendAddressSpaces(to: &page)
  }

  /// What a page table does with no-snoop requests, as far as that is known.
  static func format(of table: PageTable, in plan: IOASIDPlan) -> StyledText {
    if table.snoopPolicy == .enforced { return "\("enforced", .good)" }
    return plan.isKnown(table)
      ? "\("not enforced", .warning)" : "\("not known to enforce", .warning)"
  }

  /// One line for each address space: how much it maps, and where.
  private func appendAddressSpaces(to page: inout TextPage) {
    guard !plan.addressSpaces.isEmpty else { return }
    page.heading("Address spaces")
    var tables: [[String]] = Array(repeating: [], count: plan.addressSpaces.count)
    for table in plan.pageTables { tables[table.addressSpace].append(table.name) }
    page.table(
      zip(plan.addressSpaces, tables).map { space, names in
        let size = space.mappings.reduce(0 as UInt64) { $0 &+ $1.size }
        let map = "\(byteSizeText(size)) in \(counted(space.mappings.count, "range"))"
        let places = names.isEmpty ? "no device uses it" : "held by \(nameList(names))"
        return ["\(space.name, .strong)", StyledText(map), StyledText(places)]
      })
  }
}

extension DecisionText {
  private func appendDevices(to page: inout TextPage) {
    page.heading("Devices")
    let headlines = plan.devices.map(headline)
    let columns = TextPage.Columns(headlines, width: page.width)
    for index in plan.devices.indices {
      let device = plan.devices[index]
      page.row(headlines[index], in: columns)
      let unknown: [[StyledText]] =
        UnknownFacts.remedy(for: device, of: plan, on: compiled.host)
        .map { [["unknown", "\($0)"]] } ?? []
      page.table(
        [
          ["wanted", wanted(device)], ["box \(device.box)", box(device)],
          ["why", "\(explanation.why(of: index))"],
        ] + unknown, indent: 6)
    }
  }

  private func headline(_ device: PlannedDevice) -> [StyledText] {
    [
      "\(device.name, .strong)", StyledText(device.address.description),
      "group \(device.group)", "on \(plan.pageTables[device.pageTable].name)", verdict(device),
    ]
  }

  private func verdict(_ device: PlannedDevice) -> StyledText {
    if device.isEffective {
      return device.isSurelyEffective
        ? "\("no-snoop works, DMA is not coherent", .warning)"
        : "\("no-snoop may work, DMA may not be coherent", .warning)"
    }
    return device.canNoSnoop
      ? "\("no-snoop blocked, DMA is coherent", .good)"
      : "\("never no-snoops, DMA is coherent", .good)"
  }

  private func wanted(_ device: PlannedDevice) -> StyledText {
    let resolved = device.resolved.rawValue
    let text =
      device.intent == .auto ? "noSnoop: auto, which is \(resolved)" : "noSnoop: \(resolved)"
    return StyledText(text)
  }

  private func box(_ device: PlannedDevice) -> StyledText {
    StyledText(UnknownFacts.noSnoop(of: device) + ", " + UnknownFacts.enforcement(for: device))
  }
}

extension DecisionText {
  private func appendCompanions(to page: inout TextPage) {
    if plan.companions.isEmpty { return }
    page.heading("Companions, taken from their drivers and kept unused")
    page.table(
      plan.companions.map { companion in
        [
          "\(companion.address.description, .strong)", "group \(companion.group)",
          "from \(companion.driver)", "because of \(plan.devices[companion.device].name)",
        ]
      })
  }

  private func appendKVM(to page: inout TextPage) {
    page.heading("KVM")
    var rows: [[StyledText]] = [["why", "\(explanation.kvm)"]]
    if compiled.host.hasIncoherentMode { rows = caching + rows }
    if let proof = plan.coherency.proof {
      rows.append([
        "proof", "\(plan.devices[proof].name) (\(plan.devices[proof].address.description))",
      ])
    }
    let known = plan.devices.filter(\.isKnownToKVM).map(\.name)
    rows.append(["registered", StyledText(known.isEmpty ? "none" : nameList(known))])
    if plan.coherency.allowsIncoherentDMA {
      rows.append([
        "cost",
        plan.isKVMKnown
          ? "each WBINVD of the guest slows the host and its other guests"
          : "each WBINVD of the guest that is carried out slows the host and its other guests",
      ])
    }
    page.table(rows)
  }

  /// What KVM does with the guest's caches; only where it has two ways to.
  private var caching: [[StyledText]] {
    let isAllowed = plan.coherency.allowsIncoherentDMA
    let attributes = GuestCaching(compiled.host).attributes(inIncoherentMode: isAllowed)
    return [
      [
        "WBINVD",
        isAllowed ? carriedOut : "\("ignored", .good)",
      ],
      ["attributes", StyledText(plan.isKVMKnown ? attributes : "if it is, \(attributes)")],
    ]
  }

  private var carriedOut: StyledText {
    let place = ", on every CPU that the vCPU ran on since the last one"
    return plan.isKVMKnown
      ? "\("carried out", .warning)\(place)"
      : "\("may be carried out (a fact is unknown)", .warning)\(place)"
  }

  private func appendCost(to page: inout TextPage) {
    page.heading("Cost, first what the objective puts first")
    page.table(
      plan.objective.order.map { metric in
        let value = plan.metrics[metric]
        return [StyledText(metric.rawValue), "\(value, .strong)", "\(meaning(of: metric), .faint)"]
      })
  }

  private func meaning(of metric: Metric) -> String {
    switch metric {
    case .wbinvd where compiled.host.isX86 && !compiled.host.hasIncoherentMode:
      "always 0: the host has no KVM"
    case .wbinvd where !compiled.host.hasIncoherentMode:
      "always 0: KVM has a non-coherent mode on x86 only"
    case .wbinvd where !plan.isKVMKnown:
      "whether KVM carries out the guest's WBINVD: 1 if it may, as a fact is unknown"
    case .wbinvd: "whether KVM carries out the guest's WBINVD: 1 if it does"
    case .incoherentDevices: "devices whose no-snoop DMA reaches memory"
    case .pageTables: "page tables"
    case .blockedNoSnoop: "devices that can no-snoop, were not told not to, and are blocked"
    }
  }

  private func appendNotes(to page: inout TextPage) {
    let notes = PlanConsequences.notes(for: compiled)
    guard !notes.isEmpty else { return }
    page.heading("Notes")
    for note in notes { page.line("- \(note)", indent: 2, hanging: 2) }
  }

  private func appendFindings(to page: inout TextPage) {
    guard !compiled.diagnostics.isEmpty else { return }
    page.heading("Warnings")
    for finding in compiled.diagnostics {
      page.line("\(finding.code.name, .warning)  \(finding.message)", indent: 2, hanging: 8)
      for note in finding.notes { page.line("note: \(note.message)", indent: 10, hanging: 2) }
      if let help = finding.help { page.line("help: \(help)", indent: 10, hanging: 2) }
    }
  }
}
