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
    let subject = before.address.description
    for ofAssigned in isAssigned ? [false, true] : [false] {
      let facts = HostKeys.device.differences(
        from: before, to: after, isSaved: basis == .saved, ofAssigned: ofAssigned)
      for fact in facts { report(code, subject, fact, at: before.span) }
    }
    guard before.driver == after.driver else { return }
    compare(
      code, subject, "vfioDriver", before.hasVFIODriver, after.hasVFIODriver, at: before.span)
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
}
