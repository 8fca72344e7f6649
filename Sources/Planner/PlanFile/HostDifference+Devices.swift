import Parser

extension HostDifference {
  mutating func compareDevices() {
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
      report(
        SavedPlanDiagnostics.deviceChanged,
        "\(holder): \(address) depends on it \(basis == .saved ? "now" : "on this machine")",
        at: place.origin)
    }
  }

  private mutating func reportGone(_ device: HostDevice, isAssigned: Bool) {
    // A mate that left its group takes nothing away, but the group is not what was reviewed.
    let isSaved = basis == .saved
    let message =
      isAssigned
      ? "\(device.address): the device is \(isSaved ? "gone" : "not there")"
      : "group \(device.group ?? 0) \(isSaved ? "no longer contains" : "does not contain") "
        + "\(device.address)"
    let code = isAssigned ? SavedPlanDiagnostics.deviceGone : SavedPlanDiagnostics.groupChanged
    report(code, message, at: device.span)
  }

  private mutating func compare(_ before: HostDevice, _ after: HostDevice, isAssigned: Bool) {
    let code = SavedPlanDiagnostics.deviceChanged
    let span = before.span
    let subject = { before.address.description }
    compare(code, subject(), "class", before.classCode, after.classCode, at: span, as: Self.hex)
    compare(code, subject(), "group", before.group, after.group, at: span, as: Self.text)
    compare(code, subject(), "driver", before.driver, after.driver, at: span, as: Self.text)
    compare(code, subject(), "reserved", before.regions, after.regions, at: span, as: Self.text)
    if isAssigned { compareAssigned(before, after) }
    guard before.driver == after.driver else { return }
    compare(code, subject(), "vfioDriver", before.hasVFIODriver, after.hasVFIODriver, at: span)
  }

  private mutating func compareAssigned(_ before: HostDevice, _ after: HostDevice) {
    let code = SavedPlanDiagnostics.deviceChanged
    let span = before.span
    let subject = { before.address.description }
    compare(code, subject(), "vendor", before.vendor, after.vendor, at: span, as: Self.hex)
    compare(code, subject(), "device", before.device, after.device, at: span, as: Self.hex)
    // Plans of hosts that do not say it pin none.
    if before.subsystem != nil, basis == .saved || after.subsystem != nil {
      compare(
        code, subject(), "subsystem", before.subsystem, after.subsystem, at: span, as: Self.text)
    }
    if basis == .saved {
      compare(code, subject(), "iommu", before.iommu, after.iommu, at: span, as: Self.text)
    }
    compareRelations(before, after)
    // What a write test said once, reading alone does not say again.
    if after.noSnoopCapable != .unknown {
      compareFacts(
        code, subject(), "noSnoopCapable", before.noSnoopCapable, after.noSnoopCapable, at: span)
    }
    // Nor of BARs; and a machine that does not tell contradicts nothing.
    compareIfKnown(code, subject(), "bars", before.bars, after.bars, at: span, as: Self.text)
  }

  /// What a device hangs on; plans of hosts that do not say it pin nothing.
  private mutating func compareRelations(_ before: HostDevice, _ after: HostDevice) {
    let relations = [
      ("physicalFunction", before.physicalFunction, after.physicalFunction),
      ("behind", before.behind, after.behind),
    ]
    for (key, old, new) in relations where old != nil {
      compare(
        SavedPlanDiagnostics.deviceChanged, before.address.description, key, old, new,
        at: before.span
      ) { $0?.description ?? "none" }
    }
  }

  private mutating func reportNewMembers(_ known: Set<BDF>) {
    var places: [Int: SourceSpan] = [:]
    for device in saved.plan.devices where places[device.group] == nil {
      places[device.group] = device.origin
    }
    for device in now.devices {
      guard let group = device.group, let place = places[group], !known.contains(device.address)
      else { continue }
      report(
        SavedPlanDiagnostics.groupChanged,
        "group \(group) \(basis == .saved ? "now also" : "also") contains \(device.address)",
        at: place)
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
