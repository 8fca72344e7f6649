import Parser

extension WayOut.Deed {
  /// What a remedy asks of the user; `nil` for another target, which is tried by itself.
  init?(_ remedy: EnforcementRemedy) {
    switch remedy.change {
    case .unit(let name, let fact):
      self = .state("say 'enforceSnoop: \(fact.rawValue)' of \(name) in the host description")
    case .rule(let rule, let holds):
      self = .state("state 'rules: { \(rule.name): \(holds) }' of the host's kernel")
    case .tables: self = .boot(remedy.clause)
    case .kernel:
      self = .kernel(
        remedy.clause.hasPrefix("a kernel") ? "boot \(remedy.clause)" : remedy.clause)
    case .target: return nil
    }
  }
}

extension WayOut {
  /// Says what a change comes to.
  init(
    _ deed: Deed, leadingTo result: IOASIDPlan, from plan: IOASIDPlan, on host: HostDescription
  ) {
    self.deed = deed
    metrics = result.metrics
    text = Self.text(of: deed, plan)
    outcome = Self.outcome(of: deed, result)
    command = Self.command(of: deed, plan, host)
  }

  private static func names(_ devices: [Int], _ plan: IOASIDPlan) -> String {
    EnumeratedNames.text(devices.map { plan.devices[$0].name })
  }

  private static func text(of deed: Deed, _ plan: IOASIDPlan) -> String {
    switch deed {
    case .findOut(let devices):
      return "find out, as root, while no driver has \(names(devices, plan))"
    case .state(let clause): return clause + ", if that is so"
    case .forbid(let devices): return "say 'noSnoop: forbidden' of \(names(devices, plan))"
    case .leaveKVMAlone: return "leave 'kvm: { incoherentDMA: always }' out"
    case .objective(let name): return "compile with --objective \(name)"
    case .target(let name): return "compile with --target \(name)"
    case .boot(let clause), .kernel(let clause): return clause
    case .leaveOut(let devices): return "leave \(names(devices, plan)) out"
    case .move(let device, let units):
      return "put the card of \(plan.devices[device].name) behind "
        + EnumeratedNames.text(units, "or")
    }
  }

  private static func outcome(of deed: Deed, _ result: IOASIDPlan) -> String {
    if case .leaveKVMAlone = deed { return "KVM ignores WBINVD" }
    var condition = ""
    if case .findOut(let devices) = deed {
      condition = devices.count == 1 ? "if it can't no-snoop" : "if none can no-snoop"
    }
    if result.metrics.incoherentDevices == 0 {
      let start = condition.isEmpty ? "coherent" : "coherent " + condition
      return start + (result.metrics.wbinvd == 0 ? "" : ", but KVM carries out WBINVD as told")
    }
    let left = result.devices.filter(\.isEffective)
    let isSure = left.contains(where: result.isSurelyIncoherent)
    let verb = isSure ? left.count == 1 ? "is" : "are" : "may be"
    let names = EnumeratedNames.text(left.map(\.name))
    return (condition.isEmpty ? "" : condition + ", ") + "only \(names) \(verb) non-coherent"
  }

  /// The command of a test; of many devices it is said for the first ones.
  ///
  /// A virtual function does what its physical function may.
  private static func command(
    of deed: Deed, _ plan: IOASIDPlan, _ host: HostDescription
  ) -> String? {
    guard case .findOut(let devices) = deed else { return nil }
    var addresses: [BDF] = []
    for address in devices.prefix(4).map({ plan.devices[$0].address }) {
      let physical = host.devices.first { $0.address == address }?.physicalFunction
      let tested = physical ?? address
      if !addresses.contains(tested) { addresses.append(tested) }
    }
    return "vfioplan host" + addresses.map { " --test-no-snoop \($0)" }.joined()
  }
}
