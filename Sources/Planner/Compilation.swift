import Parser

/// The straight path from two descriptions to a plan and its program.
public enum Compilation {
  /// Plans a VM on a host and writes the program.
  ///
  /// - Parameters:
  ///   - vm: What the user asked for.
  ///   - host: What there is.
  ///   - target: The name of a dialect; `nil` or `auto` for the best the host has.
  ///   - objective: Overrides that of the description.
  ///   - policy: What goes before the built-in meaning of `auto`, and what the plan has to keep.
  ///   - sink: Holds the warnings of earlier phases; gets those of this one.
  /// - Returns: The plan, with all warnings of the sink.
  /// - Throws: Everything in the sink, if the description can't be compiled.
  public static func compile(
    _ vm: VMDescription, on host: HostDescription, target: String? = nil,
    objective: Objective? = nil, policy: Policy = Policy(), into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> CompiledPlan {
    let dialect = try dialect(named: target, on: host, into: &sink)
    return try compile(
      vm, on: host, dialect: dialect, objective: objective, policy: policy, into: &sink)
  }

  /// As above, for a given dialect.
  public static func compile(
    _ vm: VMDescription, on host: HostDescription, dialect: any Dialect,
    objective: Objective? = nil, policy: Policy = Policy(), into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> CompiledPlan {
    let (vm, plan) = try decide(
      vm, on: host, dialect: dialect, objective: objective, policy: policy, into: &sink)
    let program = dialect.lower(plan, for: vm, on: host)
    // It takes as long as lowering: in release builds only what is run or listed is checked.
    assert(
      ProgramVerifier.verify(
        program, for: dialect, unopened: Set(plan.companions.lazy.map(\.address))
      ).isEmpty, "a program that breaks a law")
    return CompiledPlan(
      vm: vm, host: host, policy: policy, plan: plan, program: program,
      diagnostics: sink.diagnostics)
  }

  /// As above, without a program: the description with addresses in place of selectors, and the
  /// plan.
  static func decide(
    _ vm: VMDescription, on host: HostDescription, dialect: any Dialect, objective: Objective?,
    policy: Policy, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> (ResolvedVM, IOASIDPlan) {
    let question = try Question.ask(vm, on: host, dialect, objective, policy, into: &sink)
    let vm = question.vm
    let plan = question.optimum()
    if plan.coherency.reason == .override { sink.report(PlannerDiagnostics.needless(vm.kvm)) }
    if plan.coherency.reason == .noIncoherentMode, vm.kvm.incoherentDMA == .always {
      sink.report(PlannerDiagnostics.noMode(vm.kvm, on: host))
    }
    if let finding = ContainerTables.finding(for: plan, on: host) {
      sink.report(finding)
      throw DiagnosticsError(sink.diagnostics)
    }
    let broken = BrokenRequirements(plan, of: vm, on: host).findings(policy.requirements)
    sink.report(broken)
    guard broken.isEmpty else { throw DiagnosticsError(sink.diagnostics) }
    let limits = BudgetDiagnostics.findings(of: plan, for: vm, on: host)
    sink.report(limits)
    if limits.contains(where: { $0.severity == .error }) {
      throw DiagnosticsError(sink.diagnostics)
    }
    return (vm, plan)
  }

  /// The addresses of all devices in the IOMMU groups that a VM has devices of.
  public static func groupMembers(of vm: VMDescription, on host: HostDescription) -> [BDF] {
    var ignored = DiagnosticSink()
    guard let vm = DeviceSelection.resolved(vm, on: host, into: &ignored) else { return [] }
    let wanted = Set(vm.devices.map(\.address))
    let groups = Set(host.devices.filter { wanted.contains($0.address) }.compactMap(\.group))
    return host.devices.filter { $0.group.map(groups.contains) ?? false }.map(\.address)
  }

  /// The Pareto front of a VM on a host over all four metrics: one plan per point.
  ///
  /// Parameters as for `compile`; what a policy requires of a plan is not asked of the rows.
  ///
  /// - Returns: Plans by ascending number of effective devices, each one that can be lowered.
  /// - Throws: Everything in the sink, if there is no plan or the front is too large to list.
  public static func paretoFront(
    _ vm: VMDescription, on host: HostDescription, target: String? = nil,
    objective: Objective? = nil, policy: Policy = Policy(), into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> [IOASIDPlan] {
    let dialect = try dialect(named: target, on: host, into: &sink)
    let question = try Question.ask(vm, on: host, dialect, objective, policy, into: &sink)
    let front = ParetoFront(question.problem)
    guard let front, front.sums.count * vm.devices.count <= maximumFrontEntries else {
      sink.report(PlannerDiagnostics.largeFront(vm, rows: front?.sums.count))
      throw DiagnosticsError(sink.diagnostics)
    }
    let assembly = question.assembly(question.problem, .paretoRow)
    return front.sums.indices.map { assembly.plan(isEnforced: front.choice($0)) }
  }

  /// The most devices all rows of a front together may have, about 400 MB.
  static let maximumFrontEntries = 1 << 21

  /// The dialect of a name; `auto` and `nil` take iommufd where the host has it, else type1.
  static func dialect(
    named name: String?, on host: HostDescription, into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> any Dialect {
    guard let name, name != "auto" else {
      let dialect = Dialects.automatic(on: host.kernel)
      reportUnknown(of: Dialects.all, takes: dialect, isAutomatic: true, on: host, into: &sink)
      return dialect
    }
    if let dialect = Dialects.named(name) {
      reportUnknown(of: [dialect], takes: dialect, isAutomatic: false, on: host, into: &sink)
      return dialect
    }
    sink.report(PlannerDiagnostics.noTarget(name, known: Dialects.all.map(\.name)))
    throw DiagnosticsError(sink.diagnostics)
  }
}

extension Compilation {
  /// Says once what a host leaves open of the interfaces of dialects, and of KVM, and what is done.
  private static func reportUnknown(
    of dialects: [any Dialect], takes dialect: any Dialect, isAutomatic: Bool,
    on host: HostDescription, into sink: inout DiagnosticSink
  ) {
    guard !dialect.isProposalOnly else { return }
    let wanted = dialects.filter {
      !$0.isProposalOnly && $0.missingInterface(on: host.kernel) == nil
    }
    let isSettled =
      isAutomatic && dialect.isKnown(on: host.kernel) && wanted.first?.name == dialect.name
    var nodes = isSettled ? [] : wanted.flatMap { $0.unknownInterfaces(on: host.kernel) }
    if host.kernel.kvm == .unknown { nodes.append("/dev/kvm (\(KernelOption.kvm))") }
    guard !nodes.isEmpty else { return }
    sink.report(
      PlannerDiagnostics.interfaceUnknown(
        nodes, target: dialect.name, isAutomatic: isAutomatic, host: host))
  }
}

/// A description that was found sound: what is left is to choose.
struct Question {
  /// What the user asked for, with addresses in place of selectors.
  let vm: ResolvedVM
  let topology: HostTopology
  let groups: AssignedGroups
  let intents: ResolvedIntents
  let maps: AddressSpaceMaps
  let dialect: any Dialect
  let objective: Objective

  /// Runs all checks; throws their findings if one is an error.
  static func ask(
    _ vm: VMDescription, on host: HostDescription, _ dialect: any Dialect,
    _ objective: Objective?, _ policy: Policy = Policy(), into sink: inout DiagnosticSink
  ) throws(DiagnosticsError) -> Question {
    var findings = DiagnosticSink()
    let topology = HostTopology(host, for: dialect, into: &findings)
    let maps = AddressSpaceMaps(vm, into: &findings)
    checkKernel(vm, host, dialect, into: &findings)
    PolicyDiagnostics.check(policy, into: &findings)
    var question: Question?
    if let vm = DeviceSelection.resolved(vm, on: host, into: &findings),
      let devices = DeviceLookup.devices(of: vm, on: topology, into: &findings),
      let groups = AssignedGroups(devices, of: vm, on: topology, into: &findings)
    {
      HostChecks(vm: vm, topology: topology, groups: groups, maps: maps, target: dialect)
        .run(into: &findings)
      let intents = ResolvedIntents(
        of: vm, on: topology, groups, target: dialect, by: AutoIntentTable(policy),
        into: &findings)
      Conflicts(
        vm: vm, topology: topology, groups: groups, intents: intents, target: dialect,
        others: Dialects.all.filter { $0.name != dialect.name }
      ).run(into: &findings)
      question = Question(
        vm: vm, topology: topology, groups: groups, intents: intents, maps: maps,
        dialect: dialect, objective: objective ?? vm.objective)
    }
    findings.sort()
    sink.report(findings.diagnostics)
    guard !findings.hasErrors, let question else { throw DiagnosticsError(sink.diagnostics) }
    return question
  }

  /// The plan that is optimal in the objective.
  func optimum() -> IOASIDPlan { optimum(in: objective) }

  /// The plan that is optimal in some objective.
  func optimum(in objective: Objective) -> IOASIDPlan {
    let problem = problem
    let isEnforced = Grouping(problem: problem, objective: objective).solve()
    var assembly = assembly(problem, .objective(objective))
    assembly.objective = objective
    return assembly.plan(isEnforced: isEnforced)
  }

  /// What the search decides on.
  var problem: GroupingProblem {
    GroupingProblem(
      groups, intents, kvm: vm.kvm.incoherentDMA,
      hasIncoherentMode: topology.hasIncoherentMode, choice: snoopChoice)
  }

  /// Who decides enforcement on the kernel that is planned for.
  private var snoopChoice: SnoopChoice { dialect.snoopChoice(by: topology.rules) }

  /// What turns a choice into a plan.
  func assembly(
    _ problem: GroupingProblem, _ freeChoice: PlacementReasons.FreeChoice
  ) -> PlanAssembly {
    PlanAssembly(
      vm: vm, topology: topology, groups: groups, intents: intents, maps: maps, problem: problem,
      dialect: dialect, choice: snoopChoice, objective: objective,
      freeChoice: freeChoice)
  }

  private static func checkKernel(
    _ vm: VMDescription, _ host: HostDescription, _ dialect: any Dialect,
    into sink: inout DiagnosticSink
  ) {
    checkRelease(host, into: &sink)
    let isTold = host.architecture != nil
    for unit in host.iommus where !HostIOMMU.types.contains(unit.type) {
      sink.report([PlannerDiagnostics.unknownType(unit, isTold: isTold)].compactMap { $0 })
    }
    if let node = dialect.missingInterface(on: host.kernel) {
      let usable = Dialects.all.filter {
        !$0.isProposalOnly && $0.missingInterface(on: host.kernel) == nil
      }
      sink.report(
        PlannerDiagnostics.missingInterface(
          node, target: dialect.name, usable: usable.map(\.name), host: host))
    }
    guard host.kernel.kvm == .no else { return }
    sink.report(
      vm.kvm.incoherentDMA == .always && host.isX86
        ? PlannerDiagnostics.kvmMissing(host, always: vm.kvm)
        : PlannerDiagnostics.kvmMissing(host))
  }

  /// Reports rules that there are not, and a release that was not studied.
  private static func checkRelease(_ host: HostDescription, into sink: inout DiagnosticSink) {
    let rules = host.kernel.rules
    if !rules.isReleaseKnown || !rules.isStudied {
      sink.report(PlannerDiagnostics.unstudiedRelease(host))
    }
    for contradiction in host.kernel.contradictions {
      sink.report(PlannerDiagnostics.contradictory(contradiction, host))
    }
    guard !host.kernel.statedRules.isEmpty else { return }
    let known = KernelRules.names
    for (name, rule) in host.kernel.statedRules.sorted(by: { $0.key < $1.key })
    where !known.contains(name) {
      sink.report(PlannerDiagnostics.unknownRule(name, at: rule.span, known: known))
    }
  }
}
