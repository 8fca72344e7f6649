import Parser

/// How each of many VMs is looked at by itself.
public struct VMCheck: Sendable {
  private let index: HostIndex
  /// The name of the target; `nil` for the best that the host has.
  public var target: String?
  /// What to optimise; `nil` for what each description says.
  public var objective: Objective?
  /// The policy that all of them are under.
  public var policy = Policy()
  /// What else every plan has to keep.
  public var requirements: [Policy.StatedRequirement] = []
  /// The VMM that attaches the devices; `nil` if vfioplan does.
  public var rule: VMMRule?
  /// Whether each VM is attached as the configuration has it that it was made from.
  public var isAsConfigured = false

  /// Prepares for a host.
  public init(on index: HostIndex) { self.index = index }

  /// Compiles a description that was read with some warnings.
  public func checked(_ vm: VMDescription, warnings: [Diagnostic]) -> CheckedVM {
    let part = index.part(for: vm)
    var result = compiled(vm, on: part, warnings)
    if case .failure = result, part.devices.count < index.host.devices.count {
      // What a missing device may have been, or what would help, is seen on the whole host.
      result = compiled(vm, on: index.host, warnings)
    }
    var checked = CheckedVM(vm: vm)
    switch result {
    case .success(let compiled):
      // A slot is all devices in it.
      checked.vm = compiled.vm.described
      finish(&checked, compiled, compiled.diagnostics)
    case .failure(let error): checked.diagnostics = error.diagnostics
    }
    return checked
  }

  /// Looks at a saved plan, which is for this host if nothing of what it rests on differs.
  public func checked(_ plan: CompiledPlan) -> CheckedVM {
    var checked = CheckedVM(vm: plan.vm.described)
    checked.isSavedPlan = true
    let kept = BrokenRequirements(plan).findings(policy.requirements)
    finish(
      &checked, plan,
      plan.diagnostics + HostDifference.findings(of: plan, on: index.host) + kept)
    return checked
  }

  private func compiled(
    _ vm: VMDescription, on host: HostDescription, _ warnings: [Diagnostic]
  ) -> Result<CompiledPlan, DiagnosticsError> {
    var sink = DiagnosticSink()
    sink.report(warnings)
    do throws(DiagnosticsError) {
      return .success(
        try Compilation.compile(
          vm, on: host, target: target, objective: objective, policy: policy, into: &sink))
    } catch {
      return .failure(error)
    }
  }

  /// Adds what else is asked of a plan.
  private func finish(_ checked: inout CheckedVM, _ plan: CompiledPlan, _ found: [Diagnostic]) {
    checked.compiled = plan
    var sink = DiagnosticSink()
    sink.report(found)
    sink.report(BrokenRequirements(plan).findings(requirements))
    if let rule = isAsConfigured ? VMMRule.configured(by: plan.vm.vmm) : rule {
      let outcome = VMMDiagnostics.outcome(of: plan, as: rule)
      checked.grouping = outcome.grouping
      sink.report(outcome.findings)
    }
    checked.diagnostics = sink.diagnostics
  }
}

/// What came of looking at one VM by itself.
public struct CheckedVM: Sendable {
  /// The file that describes it, as it was named.
  public var path = ""
  /// The file's number.
  public var source = SourceID.vm
  /// The description; `nil` if it can't be read.
  public var vm: VMDescription?
  /// Its plan; `nil` if it can't be compiled.
  public var compiled: CompiledPlan?
  /// Whether the file holds a saved plan.
  public var isSavedPlan = false
  /// What the VMM makes of the devices, if one is asked about.
  public var grouping: VMMGrouping?
  /// What was found, those about the host or the policy left out.
  public var diagnostics: [Diagnostic] = []
  /// Whether something of the host or of the policy keeps it from being compiled.
  public var isStoppedByHost = false
  /// Whether the file could not even be read.
  public var isUnreadable = false

  /// Starts with a description.
  public init(vm: VMDescription?) { self.vm = vm }

  /// What it is called: the VM's name, else the file's.
  public var name: String { vm?.name ?? path }

  /// The errors among the findings.
  public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

  /// Whether nothing is wrong with it but promises and requirements that are broken.
  public var isBroken: Bool {
    compiled != nil && !errors.isEmpty
      && errors.allSatisfy { CheckReport.promiseCodes.contains($0.code) }
      || !errors.isEmpty && errors.allSatisfy { PolicyDiagnostics.broken.contains($0.code) }
  }

  /// The positions of the devices whose no-snoop DMA reaches memory, or may.
  public var effectiveDevices: [Int] {
    guard let plan = compiled?.plan else { return [] }
    return plan.devices.indices.filter { index in
      guard let grouping else { return plan.devices[index].isEffective }
      return plan.devices[index].canNoSnoop && !grouping.isEnforced(index)
    }
  }

  /// Whether all DMA of it is coherent; unknown if a fact may change that.
  public var isCoherent: Fact {
    guard let plan = compiled?.plan else { return .unknown }
    let effective = effectiveDevices
    if effective.isEmpty { return .yes }
    return effective.contains { plan.devices[$0].isKnown } ? .no : .unknown
  }
}
