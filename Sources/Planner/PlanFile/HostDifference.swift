import Parser

/// The facts a plan rests on that no longer hold on a host.
///
/// Facts of devices the plan does not touch do not matter. What is said of an assigned device and
/// of its IOMMU unit must be equal, be it better or worse: the decision would have been another
/// one. Of the unassigned members of its group only what decides whether the group may be used
/// counts.
public struct HostDifference {
  private let saved: CompiledPlan
  private let now: HostDescription
  private let positions: [BDF: Int]
  private let units: [String: Int]
  private var findings: [Diagnostic] = []

  /// One finding for every fact that differs, in the order of the plan's host; linear in both
  /// hosts.
  ///
  /// An error each, except that another kernel release or host name only is a warning.
  public static func findings(
    of saved: CompiledPlan, on now: HostDescription
  ) -> [Diagnostic] {
    var difference = HostDifference(saved, now)
    difference.compareHost()
    difference.compareUnits()
    difference.compareDevices()
    return difference.findings
  }

  private init(_ saved: CompiledPlan, _ now: HostDescription) {
    self.saved = saved
    self.now = now
    positions = Dictionary(
      now.devices.indices.map { (now.devices[$0].address, $0) }, uniquingKeysWith: { $1 })
    units = Dictionary(
      now.iommus.indices.map { (now.iommus[$0].name, $0) }, uniquingKeysWith: { $1 })
  }

  /// Reports a fact that differs; makes text only then.
  private mutating func compare<Value: Equatable>(
    _ code: DiagnosticCode, _ subject: @autoclosure () -> String, _ fact: String, _ before: Value,
    _ after: Value, at span: SourceSpan, as text: (Value) -> String = { "\($0)" }
  ) {
    guard before != after else { return }
    findings.append(
      SavedPlanDiagnostics.changed(
        code, "\(subject()): \(fact) was \(text(before)), is \(text(after))", at: span))
  }
}

// MARK: - Host and IOMMU units

extension HostDifference {
  private mutating func compareHost() {
    let (before, after) = (saved.host.kernel, now.kernel)
    compare(
      SavedPlanDiagnostics.otherHost, "host", "name", saved.host.name, now.name,
      at: saved.host.nameSpan)
    compareReleases(before, after)
    if let missing = saved.plan.dialect?.missingInterface(on: after) {
      findings.append(
        SavedPlanDiagnostics.changed(
          SavedPlanDiagnostics.interfaceChanged,
          "kernel: \(missing) is gone, target '\(saved.plan.target)' needs it", at: before.span))
    }
    compare(
      SavedPlanDiagnostics.interfaceChanged, "kernel", "kvm", before.kvm, after.kvm,
      at: before.span)
    compareProcessors(before.processor, after.processor, at: before.span)
    compareLimits(before, after)
    // Only where a unit does not isolate interrupts does anything depend on the permission.
    let facts = RelevantFacts(to: saved.plan, in: saved.host)
    guard facts.iommus.contains(where: { !saved.host.iommus[$0].isolatedMSI }) else { return }
    compare(
      SavedPlanDiagnostics.interfaceChanged, "kernel", "allowUnsafeInterrupts",
      before.allowUnsafeInterrupts, after.allowUnsafeInterrupts, at: before.span)
  }

  /// Another release, or other rules, may need other steps: then the plan is refused.
  private mutating func compareReleases(_ before: HostKernel, _ after: HostKernel) {
    guard before.release != after.release || before.statedRules != after.statedRules else { return }
    if let change = ReleaseDifference.firstChange(of: saved, on: after) {
      findings.append(
        SavedPlanDiagnostics.changed(
          SavedPlanDiagnostics.otherProgram,
          "the plan was compiled for \(ReleaseDifference.name(before)); on "
            + "\(ReleaseDifference.name(after)) \(change)", at: before.span))
      return
    }
    compare(
      SavedPlanDiagnostics.otherRelease, "kernel", "release", before.release, after.release,
      at: before.span)
  }

  /// How many mappings there may be, where the plan has some and both hosts say it.
  private mutating func compareLimits(_ before: HostKernel, _ after: HostKernel) {
    guard saved.plan.dialect?.mappingLimit(on: after) != nil, let old = before.mappingLimit,
      let new = after.mappingLimit
    else { return }
    compare(
      SavedPlanDiagnostics.interfaceChanged, "kernel", "dmaEntryLimit", old, new, at: before.span)
  }

  /// What the CPUs are taken for decides; the other facts count where both hosts say them.
  private mutating func compareProcessors(
    _ before: HostProcessor, _ after: HostProcessor, at span: SourceSpan
  ) {
    let code = SavedPlanDiagnostics.interfaceChanged
    compare(
      code, "kernel", "architecture", saved.host.architecture ?? .x86, now.architecture ?? .x86,
      at: span
    ) { $0.rawValue }
    if let old = before.vendor, let new = after.vendor {
      compare(code, "kernel", "cpuVendor", old, new, at: span) { $0.rawValue }
    }
    for (old, new) in zip(before.facts, after.facts) where old.value != .unknown {
      guard new.value != .unknown else { continue }
      compare(code, "kernel", old.name, old.value, new.value, at: span) { $0.rawValue }
    }
  }

  private mutating func compareUnits() {
    let facts = RelevantFacts(to: saved.plan, in: saved.host)
    for unit in facts.iommus.lazy.map({ [saved] in saved.host.iommus[$0] }) {
      guard let position = units[unit.name] else {
        findings.append(
          SavedPlanDiagnostics.changed(
            SavedPlanDiagnostics.unitChanged, "\(unit.name): the IOMMU unit is gone", at: unit.span)
        )
        continue
      }
      compare(unit, now.iommus[position])
    }
  }

  private mutating func compare(_ before: HostIOMMU, _ after: HostIOMMU) {
    let code = SavedPlanDiagnostics.unitChanged
    let (name, span) = (before.name, before.span)
    compare(code, name, "type", before.type, after.type, at: span)
    compare(code, name, "enforceSnoop", before.enforceSnoop, after.enforceSnoop, at: span) {
      $0.rawValue
    }
    compare(code, name, "isolatedMSI", before.isolatedMSI, after.isolatedMSI, at: span)
    compare(code, name, "addressBits", before.addressBits, after.addressBits, at: span)
    compare(code, name, "pageSizes", before.pageSizes, after.pageSizes, at: span) { sizes in
      "[" + sizes.map(Self.hex).joined(separator: ", ") + "]"
    }
  }

  private static func hex(_ value: some BinaryInteger) -> String {
    "0x" + String(value, radix: 16)
  }
}

// MARK: - Devices and their groups

extension HostDifference {
  private mutating func compareDevices() {
    let facts = RelevantFacts(to: saved.plan, in: saved.host)
    let assigned = Set(saved.plan.devices.map(\.address))
    let groups = Set(saved.plan.devices.map(\.group))
    var known: Set<BDF> = []
    for before in facts.devices.lazy.map({ [saved] in saved.host.devices[$0] }) {
      known.insert(before.address)
      let isAssigned = assigned.contains(before.address)
      guard before.group.map(groups.contains) ?? false else {
        compareRelative(before)
        continue
      }
      guard let position = positions[before.address] else {
        reportGone(before, isAssigned: isAssigned)
        continue
      }
      compare(before, now.devices[position], isAssigned: isAssigned)
    }
    reportNewMembers(known)
    reportNewRelatives(known)
  }

  /// A device outside of the plan's groups that one of them hangs on, or that hangs on one.
  private mutating func compareRelative(_ before: HostDevice) {
    guard let position = positions[before.address] else { return }
    let after = now.devices[position]
    let code = SavedPlanDiagnostics.deviceChanged
    compare(
      code, before.address.description, "driver", before.driver, after.driver, at: before.span,
      as: Self.text)
  }

  /// What hangs on a device of the plan by now, and would go with its driver.
  private mutating func reportNewRelatives(_ known: Set<BDF>) {
    let before = HostRelatives(of: saved.plan, in: saved.host).dependents
    let after = HostRelatives(of: saved.plan, in: now).dependents
    for (address, holder) in after.sorted(by: { $0.key < $1.key })
    where before[address] == nil && !known.contains(address) {
      let place = saved.plan.devices.first { $0.address == holder } ?? saved.plan.devices[0]
      findings.append(
        SavedPlanDiagnostics.changed(
          SavedPlanDiagnostics.deviceChanged, "\(holder): \(address) hangs on it now",
          at: place.origin))
    }
  }

  private mutating func reportGone(_ device: HostDevice, isAssigned: Bool) {
    // A mate that left its group takes nothing away, but the group is not what was reviewed.
    let message =
      isAssigned
      ? "\(device.address): the device is gone"
      : "group \(device.group ?? 0) no longer contains \(device.address)"
    let code = isAssigned ? SavedPlanDiagnostics.deviceGone : SavedPlanDiagnostics.groupChanged
    findings.append(SavedPlanDiagnostics.changed(code, message, at: device.span))
  }

  private mutating func compare(_ before: HostDevice, _ after: HostDevice, isAssigned: Bool) {
    let code = SavedPlanDiagnostics.deviceChanged
    let span = before.span
    let subject = { before.address.description }
    compare(code, subject(), "group", before.group, after.group, at: span, as: Self.text)
    compare(code, subject(), "driver", before.driver, after.driver, at: span, as: Self.text)
    if before.driver == after.driver {
      compare(
        code, subject(), "vfioDriver", before.hasVFIODriver, after.hasVFIODriver, at: span)
    }
    compare(code, subject(), "class", before.classCode, after.classCode, at: span, as: Self.hex)
    compare(code, subject(), "reserved", before.regions, after.regions, at: span, as: Self.text)
    guard isAssigned else { return }
    compare(code, subject(), "vendor", before.vendor, after.vendor, at: span, as: Self.hex)
    compare(code, subject(), "device", before.device, after.device, at: span, as: Self.hex)
    // Plans of hosts that do not say it pin none.
    if before.subsystem != nil {
      compare(
        code, subject(), "subsystem", before.subsystem, after.subsystem, at: span, as: Self.text)
    }
    // Nor do they pin what a device hangs on.
    if before.physicalFunction != nil {
      compare(
        code, subject(), "physicalFunction", before.physicalFunction, after.physicalFunction,
        at: span
      ) { $0?.description ?? "none" }
    }
    if before.behind != nil {
      compare(code, subject(), "behind", before.behind, after.behind, at: span) {
        $0?.description ?? "none"
      }
    }
    // Nor of BARs; and a machine that does not tell contradicts nothing.
    if let old = before.bars, let new = after.bars {
      compare(code, subject(), "bars", old, new, at: span, as: Self.text)
    }
    compare(code, subject(), "iommu", before.iommu, after.iommu, at: span, as: Self.text)
    compare(
      code, subject(), "noSnoopCapable", before.noSnoopCapable, after.noSnoopCapable, at: span
    ) { $0.rawValue }
  }

  private mutating func reportNewMembers(_ known: Set<BDF>) {
    var places: [Int: SourceSpan] = [:]
    for device in saved.plan.devices where places[device.group] == nil {
      places[device.group] = device.origin
    }
    for device in now.devices {
      guard let group = device.group, let place = places[group], !known.contains(device.address)
      else { continue }
      findings.append(
        SavedPlanDiagnostics.changed(
          SavedPlanDiagnostics.groupChanged, "group \(group) now also contains \(device.address)",
          at: place))
    }
  }

  private static func text(_ value: String?) -> String { value ?? "none" }
  private static func text(_ value: Int?) -> String { value.map { "\($0)" } ?? "none" }
  private static func text(_ ids: PCISubsystem?) -> String { ids?.description ?? "unknown" }
  private static func text(_ bars: [BAR]) -> String {
    let shown = bars.map { "\($0.index): \(hex($0.size)) of \($0.bits) bits" }
    return "[" + shown.joined(separator: ", ") + "]"
  }
  private static func text(_ regions: [HostDevice.Region]) -> String {
    let shown = regions.map { "\(hex($0.start))-\(hex($0.end)) \($0.kind.rawValue)" }
    return "[" + shown.joined(separator: ", ") + "]"
  }
}

extension HostDevice {
  /// A reserved region without its place in a file.
  fileprivate struct Region: Equatable {
    var start: UInt64
    var end: UInt64
    var kind: ReservedRegion.Kind
  }

  fileprivate var regions: [Region] {
    reserved.map { Region(start: $0.start, end: $0.end, kind: $0.kind) }
  }
}
