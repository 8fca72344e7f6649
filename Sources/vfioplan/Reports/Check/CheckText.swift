import Executor
import Parser
import Planner

/// A check as people read it: the verdict, what is wrong, what is fine.
struct CheckText {
  /// How many lines of a kind are shown.
  private static let maximumOfAKind = DiagnosticSink.maximumOfAKind

  private let report: CheckReport
  private let status: Int32
  private let positions: [SourceID: LineTable]
  private let verdicts: [CheckReport.Verdict]

  /// Prepares the text of a report that ends with a status.
  init(_ report: CheckReport, status: Int32) {
    self.report = report
    self.status = status
    verdicts = report.vms.indices.map(report.verdict)
    let shown = Set(report.clashes.prefix(Self.maximumOfAKind).flatMap { $0.vms.prefix(4) })
    let sources = Set(shown.map { report.vms[$0].source })
    positions = report.files.reduce(into: [:]) { tables, file in
      if sources.contains(file.id) { tables[file.id] = LineTable(file) }
    }
  }

  /// The verdict first, then a line for each thing that is wrong, then the VMs that are fine.
  func page(_ screen: Screen) -> TextPage {
    var page = TextPage(screen)
    page.line(verdict, hanging: 2)
    if let rule = report.rule { page.line("as \(rule.title)", indent: 2) }
    page.table(rows, indent: 0)
    for line in totals + skipped { page.line(line, hanging: 2) }
    page.line(count, hanging: 2)
    return page
  }

  private func count(of verdict: CheckReport.Verdict) -> Int { verdicts.count { $0 == verdict } }
}

// MARK: - The verdict

extension CheckText {
  /// Whether the VMs can run on the host, in one sentence.
  var verdict: StyledText {
    let problems = problems
    if problems.isEmpty {
      let all = report.vms.count == 1 ? "the VM is" : "all \(report.vms.count) VMs are"
      let warnings = report.diagnostics.isEmpty ? "" : ", with warnings"
      return "\("\(all) ready", .good) for host \(report.host, .strong)\(warnings)"
    }
    return "\(problems.joined(separator: ", "), .error): not ready for host \(report.host, .strong)"
  }

  private var problems: [String] {
    let broken = report.vms.reduce(0) { sum, vm in vm.isBroken ? sum + vm.errors.count : sum }
    let clashing = count(of: .clash)
    let failing = count(of: .error)
    let hasLittle = report.clashes.contains { $0.kind == .hugePages || $0.kind == .memory }
    let isWarned = report.isStrict && status == ExitCode.changesFound.rawValue
    return [
      broken > 0 ? "\(counted(broken, "promise")) broken" : nil,
      failing > 0 ? "\(counted(failing, "VM")) can't be compiled" : nil,
      clashing > 0 ? "\(counted(clashing, "VM")) \(clashing == 1 ? "clashes" : "clash")" : nil,
      hasLittle ? "memory is short" : nil,
      isWarned ? "\(counted(report.diagnostics.count, "warning"))" : nil,
    ].compactMap { $0 }
  }

  /// How many VMs fare how.
  var count: StyledText {
    let words: [(CheckReport.Verdict, String)] = [
      (.ok, "fine"), (.broken, "broken"), (.error, "can't be compiled"), (.clash, "clash"),
      (.warned, "with warnings"),
    ]
    let parts = words.map { (count(of: $0.0), $0.1) }.filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    return "\(counted(report.vms.count, "VM")): \(parts); status \(Int(status))"
  }

  /// What all VMs take of the host's memory, next to what it has.
  var totals: [StyledText] {
    let totals = report.totals
    guard totals.lockedBytes > 0 || !totals.pools.isEmpty else { return [] }
    let size = totals.hostBytes.map { byteSizeText($0) } ?? "unknown"
    var parts = ["\(byteSizeText(totals.lockedBytes)) locked (host: \(size))"]
    parts += totals.pools.map { pool in
      let present = pool.present.map { "\($0)" } ?? "unknown"
      return "\(pool.needed) huge pages of \(byteSizeText(pool.pageBytes)) (host: \(present))"
    }
    let account = totals.isAccountedByUser ? "; locked memory is charged to the VMs' user" : ""
    return ["together: \(parts.joined(separator: ", "))\(account)"]
  }

  /// What was passed over.
  var skipped: [StyledText] {
    let limit = Self.maximumOfAKind
    let files = report.skipped.prefix(limit).map { file in
      "\(file.path) (\(Self.word(for: file.kind)))"
    }
    let rest = report.skipped.count - limit
    let more = rest > 0 ? ["and \(rest) more"] : []
    return files.isEmpty ? [] : ["passed over: \((files + more).joined(separator: ", "))"]
  }

  private static func word(for kind: DocumentKind) -> String {
    switch kind {
    case .host: "Host"
    case .policy: "Policy"
    case .vm, .plan, .unknown: "not vfioplan's"
    }
  }
}

// MARK: - Rows

extension CheckText {
  /// A row for each thing that is wrong, then one for each VM that is fine: a word, names, what.
  var rows: [[StyledText]] {
    let clashes = report.clashes.map(row)
    return limited(rows(of: .broken)) + limited(rows(of: .error)) + limited(clashes)
      + limited(rows(of: .warned)) + limited(rows(of: .ok))
  }

  private func limited(_ rows: [[StyledText]]) -> [[StyledText]] {
    guard rows.count > Self.maximumOfAKind else { return rows }
    let rest = rows.count - Self.maximumOfAKind
    return rows.prefix(Self.maximumOfAKind) + [
      [rows[0][0], "\("...", .faint)", "and \(rest) more"]
    ]
  }

  private func rows(of verdict: CheckReport.Verdict) -> [[StyledText]] {
    report.vms.indices.filter { verdicts[$0] == verdict }.map { index in
      let vm = report.vms[index]
      return [Self.label(verdict), "\(vm.name, .strong)", text(of: vm, verdict)]
    }
  }

  private static func label(_ verdict: CheckReport.Verdict) -> StyledText {
    switch verdict {
    case .broken: "\("BROKEN", .error)"
    case .error: "\("ERROR", .error)"
    case .clash: "\("CLASH", .error)"
    case .warned: "\("WARNING", .warning)"
    case .ok: "\("ok", .good)"
    }
  }

  private func text(of vm: CheckedVM, _ verdict: CheckReport.Verdict) -> StyledText {
    switch verdict {
    case .broken, .error: wrong(with: vm)
    case .warned, .ok, .clash:
      "\(Self.coherency(of: vm)), \(counted(vm.vm?.devices.count ?? 0, "device"))"
        + warnings(of: vm)
    }
  }

  private func warnings(of vm: CheckedVM) -> StyledText {
    vm.diagnostics.isEmpty ? "" : "; \(counted(vm.diagnostics.count, "warning"))"
  }

  /// The first error, what helps against it, and how many more there are.
  private func wrong(with vm: CheckedVM) -> StyledText {
    guard let first = vm.errors.first else { return "the host or the policy: see the findings" }
    let help = vm.isBroken ? first.help.map { "; \($0)" } ?? "" : ""
    let rest = vm.errors.count - 1
    return "\(first.message)\(help)\(rest > 0 ? "; and \(counted(rest, "more error"))" : "")"
  }

  /// Whether a VM's DMA is coherent, and if not because of which devices.
  static func coherency(of vm: CheckedVM) -> StyledText {
    guard let plan = vm.compiled?.plan else { return "not compiled" }
    let effective = vm.effectiveDevices
    let names = nameList(effective.map { plan.devices[$0].name }, limit: 3)
    let isWanted = effective.allSatisfy { plan.devices[$0].resolved == .required }
    switch vm.isCoherent {
    case .yes: return "\("coherent", .good)"
    case .no: return "\("non-coherent", .warning) (\(names))\(isWanted ? ", as wanted" : "")"
    case .unknown: return "\("non-coherent?", .warning) (\(names): a fact is unknown)"
    }
  }

  private func row(_ clash: Clash) -> [StyledText] {
    let names = clash.vms.prefix(3).map { report.vms[$0].name }.joined(separator: ", ")
    let places = (clash.finding.notes.prefix(3).map(\.span) + [clash.finding.span])
      .compactMap { $0.flatMap(place) }.joined(separator: ", ")
    let label: StyledText =
      clash.finding.severity == .error ? Self.label(.clash) : Self.label(.warned)
    return [
      label, "\(names, .strong)\(andMore(clash.vms.count - 3))",
      "\(clash.finding.message)\(places.isEmpty ? "" : " (\(places))")",
    ]
  }

  private func place(_ span: SourceSpan) -> String? {
    guard let table = positions[span.source],
      let vm = report.vms.first(where: { $0.source == span.source })
    else { return nil }
    return "\(vm.path):\(table.position(of: span.start).line)"
  }
}
