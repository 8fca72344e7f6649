import Parser

/// Something that the files say otherwise for the later of two plans.
public struct InputChange: Hashable, Sendable {
  /// The key in the file.
  public var key: String
  /// What it said; `nil` if nothing.
  public var before: String?
  /// What it says now; `nil` if nothing.
  public var after: String?
  /// The device that it is about.
  public var device: BDF?
  /// Where it stands in the later file; of what is no longer there, in the earlier one.
  public var span: SourceSpan?
}

/// What the files of two plans say otherwise: where consequences come from.
struct InputChanges: Hashable, Sendable {
  private(set) var all: [InputChange] = []
  /// Positions in `all` of what is about a device.
  private var byDevice: [BDF: [Int]] = [:]

  /// Compares what two plans were made from; linear in it.
  init(from before: CompiledPlan, to after: CompiledPlan, _ matching: PlanMatching) {
    compareDevices(before, after, matching)
    compareFacts(before, after, matching)
    append("objective", before.plan.objective.words, after.plan.objective.words)
    append(
      "incoherentDMA", before.vm.kvm.incoherentDMA.rawValue, after.vm.kvm.incoherentDMA.rawValue,
      at: after.vm.kvm.$incoherentDMA)
    append(
      "companions", before.vm.companions.rawValue, after.vm.companions.rawValue)
    append("target", before.plan.target, after.plan.target)
    compareMemory(before.vm, after.vm)
    comparePolicies(before.policy, after.policy)
    compareKernels(before.host.kernel, after.host.kernel)
  }

  /// What a consequence comes from: what is said otherwise of its device; else, if that is the
  /// only thing that is otherwise, it.
  func causes(of consequence: Consequence) -> [InputChange] {
    let own: [InputChange]
    switch consequence.kind {
    case .memory: own = all.filter { $0.key == "memory" }
    case .wbinvdCarriedOut, .wbinvdIgnored: own = all.filter { $0.key == "incoherentDMA" }
    case .hostLoses, .hostKeeps: own = all.filter { $0.key == "companions" }
    case .cost, .target: return []
    default: own = consequence.address.flatMap { byDevice[$0] }?.map { all[$0] } ?? []
    }
    return own.isEmpty && all.count == 1 ? all : own
  }

  private mutating func append(
    _ key: String, _ before: String?, _ after: String?, of device: BDF? = nil,
    at span: SourceSpan? = nil
  ) {
    guard before != after else { return }
    if let device { byDevice[device, default: []].append(all.count) }
    all.append(
      InputChange(key: key, before: before, after: after, device: device, span: span))
  }
}

extension InputChanges {
  private mutating func compareDevices(
    _ before: CompiledPlan, _ after: CompiledPlan, _ matching: PlanMatching
  ) {
    for (index, device) in after.vm.devices.enumerated() {
      let place = after.plan.devices[index].address
      guard let earlier = matching.earlier[index].map({ before.vm.devices[$0] }) else {
        append("device", nil, device.name, of: place, at: device.$name)
        continue
      }
      append(
        "noSnoop", earlier.noSnoop.rawValue, device.noSnoop.rawValue, of: place,
        at: device.$noSnoop)
      append(
        "addressSpace", earlier.addressSpace, device.addressSpace, of: place,
        at: device.$addressSpace)
      append(
        "address", "\(earlier.address)", "\(device.address)", of: place, at: device.$place)
    }
    for (index, device) in before.vm.devices.enumerated() where matching.later[index] == nil {
      append(
        "device", device.name, nil, of: before.plan.devices[index].address, at: device.$name)
    }
  }

  /// What the hosts say otherwise of devices that both plans have.
  private mutating func compareFacts(
    _ before: CompiledPlan, _ after: CompiledPlan, _ matching: PlanMatching
  ) {
    let pairs = after.plan.devices.indices.compactMap { index in
      matching.earlier[index].map { (before.plan.devices[$0], after.plan.devices[index]) }
    }.filter {
      $0.noSnoopFact != $1.noSnoopFact || $0.enforcementFact != $1.enforcementFact
    }
    guard !pairs.isEmpty else { return }
    let devices = Dictionary(
      after.host.devices.map { ($0.address, $0.span) }, uniquingKeysWith: { first, _ in first })
    let units = Dictionary(
      after.host.iommus.map { ($0.name, $0.span) }, uniquingKeysWith: { first, _ in first })
    for (then, now) in pairs {
      append(
        "noSnoopCapable", then.noSnoopFact.rawValue, now.noSnoopFact.rawValue, of: now.address,
        at: devices[now.address])
      append(
        "enforceSnoop", then.enforcementFact.rawValue, now.enforcementFact.rawValue,
        of: now.address, at: units[now.iommu])
    }
  }

  private mutating func compareMemory(_ before: ResolvedVM, _ after: ResolvedVM) {
    let old = Set(before.memory.map(\.words))
    let changed = after.memory.filter { !old.contains($0.words) }
    let new = Set(after.memory.map(\.words))
    let gone = before.memory.filter { !new.contains($0.words) }
    guard !changed.isEmpty || !gone.isEmpty else { return }
    append(
      "memory", nameList(gone.map(\.words), limit: 4), nameList(changed.map(\.words), limit: 4),
      at: changed.first?.span ?? gone.first?.span)
  }

  private mutating func comparePolicies(_ before: Policy, _ after: Policy) {
    func text(_ policy: Policy) -> [String] {
      policy.rows.map { "\($0.devices): \($0.intent.rawValue)" }
        + policy.requirements.map { "require \($0.what.name)" }
    }
    let (old, new) = (text(before), text(after))
    guard old != new else { return }
    let (gone, come) = (old.filter { !new.contains($0) }, new.filter { !old.contains($0) })
    append(
      "policy", nameList(gone.isEmpty ? old : gone, limit: 4),
      nameList(come.isEmpty ? new : come, limit: 4))
  }

  private mutating func compareKernels(_ before: HostKernel, _ after: HostKernel) {
    // A release that an option puts in the file's place stands nowhere.
    append(
      "release", before.release, after.release, at: before.span == after.span ? nil : after.span)
  }
}

extension Objective {
  /// The name of the preset, or the metrics in their order.
  public var words: String { presetName ?? order.map(\.rawValue).joined(separator: ",") }
}

extension MemoryRegion {
  /// All that matters of a region: what has no words of its own, as files have it.
  fileprivate var words: String {
    let pages = hugePageBytes.map { " in pages of \(byteSizeText($0))" } ?? ""
    let rest = VMKeys.region.members(self, besides: ["gpa", "size", "hugepages", "populate"])
    return "\(byteSizeText(size)) at \(hexText(gpa))\(pages)"
      + (population == .eager ? " at once" : "") + (rest.isEmpty ? "" : ", " + rest)
  }
}
