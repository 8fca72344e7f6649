import Parser

/// The facts a plan rests on that no longer hold on a host.
///
/// Facts of devices the plan does not touch do not matter. What is said of an assigned device and
/// of its IOMMU unit must be equal, be it better or worse: the decision would have been another
/// one. Of the unassigned members of its group only what decides whether the group may be used
/// counts.
///
/// A host description that somebody gives for this machine may state what the machine does not
/// know, and leave out what it knows; it may not contradict it.
public struct HostDifference {
  /// What the plan's facts are.
  public enum Basis: Sendable {
    /// Those of the host when the plan was saved: all of them must hold.
    case saved
    /// Those of a description of the host: none may be wrong.
    case stated
  }

  let saved: CompiledPlan
  let basis: Basis
  let now: HostDescription
  let positions: [BDF: Int]
  private let units: [String: Int]
  private var findings: [Diagnostic] = []

  /// One finding for every fact that differs, in the order of the plan's host; linear in both
  /// hosts.
  ///
  /// An error each, except that another kernel release or host name only is a warning.
  public static func findings(
    of saved: CompiledPlan, on now: HostDescription, basis: Basis = .saved
  ) -> [Diagnostic] {
    // A plan without devices touches nothing of a machine; its nodes are looked for before a run.
    if basis == .stated, saved.plan.devices.isEmpty { return [] }
    var difference = HostDifference(saved, now, basis)
    difference.compareHost()
    difference.compareUnits()
    difference.compareDevices()
    return difference.findings
  }

  private init(_ saved: CompiledPlan, _ now: HostDescription, _ basis: Basis) {
    self.saved = saved
    self.basis = basis
    self.now = now
    positions = Dictionary(
      now.devices.indices.map { (now.devices[$0].address, $0) }, uniquingKeysWith: { $1 })
    units = Dictionary(
      now.iommus.indices.map { (now.iommus[$0].name, $0) }, uniquingKeysWith: { $1 })
  }

  /// Reports a fact that differs; makes text only then.
  mutating func compare<Value: Equatable>(
    _ code: DiagnosticCode, _ subject: @autoclosure () -> String, _ fact: String, _ before: Value,
    _ after: Value, at span: SourceSpan, as text: (Value) -> String = { "\($0)" }
  ) {
    guard before != after else { return }
    let values = FactDifference(key: fact, before: text(before), after: text(after))
    report(code, subject(), values, at: span)
  }

  /// Reports a fact that differs.
  mutating func report(
    _ code: DiagnosticCode, _ subject: String, _ fact: FactDifference, at span: SourceSpan
  ) {
    let values =
      switch basis {
      case .saved: "\(fact.key) was \(fact.before), is \(fact.after)"
      case .stated:
        "\(fact.key) is \(fact.before) in the description, \(fact.after) on this machine"
      }
    report(code, "\(subject): \(values)", at: span)
  }

  mutating func report(_ code: DiagnosticCode, _ message: String, at span: SourceSpan) {
    findings.append(SavedPlanDiagnostics.changed(code, message, at: span, basis))
  }

  /// As `compare`, of a fact that may be unknown: it then contradicts nothing that is stated.
  mutating func compareFacts(
    _ code: DiagnosticCode, _ subject: String, _ fact: String, _ before: Fact, _ after: Fact,
    at span: SourceSpan
  ) {
    if basis == .stated, before == .unknown || after == .unknown { return }
    compare(code, subject, fact, before, after, at: span) { $0.rawValue }
  }

  /// As `compare`, of a fact that counts only where both hosts say it.
  mutating func compareIfKnown<Value: Equatable>(
    _ code: DiagnosticCode, _ subject: String, _ fact: String, _ before: Value?, _ after: Value?,
    at span: SourceSpan, as text: (Value) -> String = { "\($0)" }
  ) {
    guard let before, let after else { return }
    compare(code, subject, fact, before, after, at: span, as: text)
  }
}

// MARK: - Host and IOMMU units

extension HostDifference {
  private mutating func compareHost() {
    let (before, after) = (saved.host.kernel, now.kernel)
    compare(
      SavedPlanDiagnostics.otherHost, "host", "name", saved.host.name, now.name,
      at: saved.host.$name)
    compareReleases(before, after)
    if let missing = saved.plan.dialect?.missingInterface(on: after) {
      report(
        SavedPlanDiagnostics.interfaceChanged,
        "kernel: \(missing) is \(basis == .saved ? "gone" : "not there"), target "
          + "'\(saved.plan.target)' needs it", at: before.span)
    }
    compareFacts(
      SavedPlanDiagnostics.interfaceChanged, "kernel", "kvm", before.kvm, after.kvm,
      at: before.span)
    comparePages(before, after)
    compareProcessors(before, after, at: before.span)
    compareLimits(before, after)
    // Only where a unit does not isolate interrupts does anything depend on the permission.
    let facts = RelevantFacts(to: saved.plan, in: saved.host)
    guard facts.iommus.contains(where: { !saved.host.iommus[$0].isolatedMSI }) else { return }
    compare(
      SavedPlanDiagnostics.interfaceChanged, "kernel", "allowUnsafeInterrupts",
      before.allowUnsafeInterrupts, after.allowUnsafeInterrupts, at: before.span)
  }

  /// The size of pages, where both hosts have one: on x86 there is one size.
  private mutating func comparePages(_ before: HostKernel, _ after: HostKernel) {
    let now = after.statedPageBytes ?? (self.now.architecture == .x86 ? after.pageBytes : nil)
    compareIfKnown(
      SavedPlanDiagnostics.interfaceChanged, "kernel", "pageSize", before.statedPageBytes, now,
      at: before.span, as: Self.hex)
  }

  /// Another release, or other rules, may need other steps: then the plan is refused.
  ///
  /// No machine knows rules of its own, so those that are stated hold.
  private mutating func compareReleases(_ before: HostKernel, _ after: HostKernel) {
    var after = after
    if basis == .stated { after.statedRules = before.statedRules }
    if basis == .stated, before.release.isEmpty || after.release.isEmpty { return }
    guard before.release != after.release || before.statedRules != after.statedRules else { return }
    // That the target is gone is a finding of its own, and says it all.
    guard saved.plan.dialect?.missingInterface(on: after) == nil else { return }
    if let change = ReleaseDifference.firstChange(of: saved, on: after) {
      report(
        SavedPlanDiagnostics.otherProgram,
        (basis == .saved ? "the plan was compiled for " : "the host file says ")
          + "\(ReleaseDifference.name(before, unlike: after)); on "
          + "\(ReleaseDifference.name(after, unlike: before)) \(change)", at: before.span)
      return
    }
    compare(
      SavedPlanDiagnostics.otherRelease, "kernel", "release", before.release, after.release,
      at: before.span)
  }

  /// How many mappings there may be, where the plan has some and both hosts say it.
  private mutating func compareLimits(_ before: HostKernel, _ after: HostKernel) {
    guard saved.plan.dialect?.mappingLimit(on: after) != nil else { return }
    compareIfKnown(
      SavedPlanDiagnostics.interfaceChanged, "kernel", "dmaEntryLimit", before.mappingLimit,
      after.mappingLimit, at: before.span)
  }

  /// What the CPUs are taken for decides; the other facts count where both hosts say them.
  private mutating func compareProcessors(
    _ before: HostKernel, _ after: HostKernel, at span: SourceSpan
  ) {
    let code = SavedPlanDiagnostics.interfaceChanged
    let isTold = basis == .saved || now.architecture != nil
    compare(
      code, "kernel", "architecture", saved.host.architecture ?? .x86,
      isTold ? now.architecture ?? .x86 : saved.host.architecture ?? .x86, at: span
    ) { $0.rawValue }
    let facts = HostKeys.kernel.differences(
      from: before, to: after, isSaved: basis == .saved)
    for fact in facts { report(code, "kernel", fact, at: span) }
  }

  private mutating func compareUnits() {
    switch basis {
    case .saved: compareUnitsByName()
    case .stated: compareUnitsByDevice()
    }
  }

  /// Units of a description that somebody writes are what their devices are behind, whatever names
  /// they have there.
  private mutating func compareUnitsByDevice() {
    let facts = RelevantFacts(to: saved.plan, in: saved.host)
    var seen: Set<[String]> = []
    for device in facts.devices.lazy.map({ [saved] in saved.host.devices[$0] }) {
      guard let position = positions[device.address],
        let unit = saved.host.iommus.first(where: { $0.name == device.iommu })
      else { continue }
      guard let name = now.devices[position].iommu, let other = units[name] else {
        report(
          SavedPlanDiagnostics.unitChanged,
          "\(device.address): it is behind no IOMMU on this machine", at: device.span)
        continue
      }
      if seen.insert([unit.name, name]).inserted { compare(unit, now.iommus[other]) }
    }
  }

  private mutating func compareUnitsByName() {
    let facts = RelevantFacts(to: saved.plan, in: saved.host)
    for unit in facts.iommus.lazy.map({ [saved] in saved.host.iommus[$0] }) {
      guard let position = units[unit.name] else {
        report(
          SavedPlanDiagnostics.unitChanged, "\(unit.name): the IOMMU unit is gone", at: unit.span)
        continue
      }
      compare(unit, now.iommus[position])
    }
  }

  private mutating func compare(_ before: HostIOMMU, _ after: HostIOMMU) {
    let facts = HostKeys.unit.differences(from: before, to: after, isSaved: basis == .saved)
    let isTold = basis == .saved || after.tellsItsTables
    for fact in facts where isTold || !["addressBits", "pageSizes"].contains(fact.key) {
      report(SavedPlanDiagnostics.unitChanged, before.name, fact, at: before.span)
    }
  }

  static func hex(_ value: some UnsignedInteger) -> String { hexText(UInt64(value)) }
}

extension HostIOMMU {
  /// Whether a machine's files tell the width and the page sizes of a unit's tables: of units
  /// without registers there they are taken for granted.
  fileprivate var tellsItsTables: Bool {
    type == Self.intel && cap != nil || type == Self.amd && features != nil
  }
}
