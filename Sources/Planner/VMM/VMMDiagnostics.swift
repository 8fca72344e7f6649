import Parser

/// What a VMM that attaches devices by itself makes otherwise than planned: codes VP3020 and on.
public enum VMMDiagnostics {
  /// Every code of this file, in order.
  public static let all = [
    otherGrouping, otherKVM, oneAddressSpace, cannotRun, tokenNotShown, forbiddenBroken,
    requiredBroken,
  ]

  static let otherGrouping = DiagnosticCode(
    "VP3020", .warning, "the VMM can't reach the planned grouping",
    """
    A VMM attaches one device after another, each to a page table that accepts it, and takes no \
    page table from vfioplan. In some orders of the devices that gives what was planned; here no \
    order does. The message says what it gives instead: `vfioplan compile --as` shows all of it. \
    Change the intents, use a VMM on another interface, or let vfioplan attach the devices.
    """)

  static let otherKVM = DiagnosticCode(
    "VP3021", .warning, "the VMM makes KVM carry out WBINVD, which the plan avoids",
    """
    KVM takes a device for non-coherent whenever its IOMMU can't enforce snoop, even if the device \
    can't no-snoop. The plan leaves such devices out of KVM's VFIO device, so that KVM ignores the \
    guest's WBINVD; VMMs register every device, and each WBINVD then empties caches that the host \
    and its other guests use. No option of theirs changes that.
    """)

  static let oneAddressSpace = DiagnosticCode(
    "VP3022", .warning, "the VMM has one address space only",
    """
    The description gives a device an address space of its own. QEMU and cloud-hypervisor give \
    every device the whole of the guest's memory, unless the guest has a virtual IOMMU, which is \
    the guest's to set up. The device could then reach memory that the description keeps from it.
    """)

  static let cannotRun = DiagnosticCode(
    "VP3023", .warning, "the VMM has no interface to VFIO on the host",
    """
    The VMM attaches devices by a container, and the host has no /dev/vfio/vfio: the kernel was \
    built without it, or nobody loaded the module. VMMs that know iommufd can run there where the \
    host has it: QEMU from 8.2, libvirt from 12.2, cloud-hypervisor from 53.
    """)

  /// Says so if a VMM finds no interface on the host.
  static func cannotRun(_ compiled: CompiledPlan, _ rule: VMMRule) -> Diagnostic? {
    guard !rule.canRun(on: compiled.host.kernel) else { return nil }
    return Diagnostic(
      cannotRun,
      "\(rule.title) can't run on host \(PlannerDiagnostics.quote(compiled.host.name)), which has "
        + "no /dev/vfio/vfio", at: compiled.host.kernel.span,
      help: "use a VMM with iommufd, or load the module vfio")
  }

  static let tokenNotShown = DiagnosticCode(
    "VP3024", .warning, "the VMM does not show the token of a virtual function",
    """
    While its physical function is on vfio-pci, a virtual function is opened with a token only, \
    else the kernel answers EACCES. QEMU has 'vf-token' for it, and passes it on where it opens \
    the device through its group, not to VFIO_DEVICE_BIND_IOMMUFD. libvirt and cloud-hypervisor \
    have no such option. Use QEMU on type1, or let vfioplan attach the devices.
    """)

  /// The devices of a plan whose token a VMM does not show; of any VMM nothing is known.
  ///
  /// `program` is what starts the VMM, if it is not the VMM itself.
  public static func unshown(
    _ plan: IOASIDPlan, by rule: VMMRule, from program: VMMProgram? = nil
  ) -> [PlannedDevice] {
    guard let program = program ?? rule.program,
      program != .qemu || rule.interface == .iommufd
    else { return [] }
    return plan.devices.filter { $0.vfToken != nil }
  }

  private static func notShown(_ devices: [PlannedDevice], by title: String) -> Diagnostic {
    Diagnostic(
      tokenNotShown,
      "\(title) opens \(PlannerDiagnostics.list(devices.map(\.name))) without "
        + "'vfToken': the kernel refuses that with EACCES", at: devices.first?.origin,
      help: "use '--target type1 --format qemu', or let vfioplan attach the devices")
  }

  /// What a VMM makes otherwise than a plan, in the best order of its devices; `program` starts it,
  /// if it is not the VMM itself.
  public static func findings(
    for compiled: CompiledPlan, with rule: VMMRule, from program: VMMProgram? = nil
  ) -> [Diagnostic] {
    let plan = compiled.plan
    let rule = rule.settled(on: compiled.host.kernel, besides: plan.dialect)
    if let finding = cannotRun(compiled, rule) { return [finding] }
    var findings: [Diagnostic] = []
    let other = plan.devices.filter { plan.pageTables[$0.pageTable].addressSpace != 0 }
    if plan.addressSpaces.count > 1, let first = other.first {
      findings.append(
        Diagnostic(
          oneAddressSpace,
          "\(rule.title) gives \(PlannerDiagnostics.list(other.map(\.name))) the guest's memory "
            + "instead of an address space of its own", at: first.origin,
          help: "let vfioplan attach the devices, or leave out 'addressSpace'; the configuration "
            + "has no virtual IOMMU (for QEMU '-device intel-iommu'), whose guest makes such "
            + "spaces"))
    } else if VMMGrouping.reaching(plan, on: compiled.host, as: rule) == nil {
      findings.append(otherGrouping(compiled, rule))
    } else if let finding = dependsOnStage(compiled, rule) {
      findings.append(finding)
    }
    let unshown = unshown(plan, by: rule, from: program)
    if !unshown.isEmpty {
      findings.append(notShown(unshown, by: program?.title ?? rule.title))
    }
    if compiled.host.kernel.kvm != .no, compiled.host.hasIncoherentMode,
      !plan.coherency.allowsIncoherentDMA,
      let cause = plan.devices.first(where: { $0.enforcementFact == .no })
        ?? plan.devices.first(where: { !$0.canEnforceSnoop })
    {
      findings.append(otherKVM(rule, because: cause))
    }
    return findings
  }

  private static func otherKVM(_ rule: VMMRule, because cause: PlannedDevice) -> Diagnostic {
    let isKnown = cause.enforcementFact == .no
    return Diagnostic(
      otherKVM,
      "\(rule.title) tells KVM of \(PlannerDiagnostics.quote(cause.name)), whose IOMMU "
        + (isKnown ? "can't enforce snoop" : "is not known to enforce snoop")
        + ": KVM then carries out WBINVD, which no device needs",
      at: cause.origin, help: "let vfioplan attach the devices and tell KVM"
    ).resting(on: isKnown ? [] : [.canEnforceSnoop])
  }

  private static func otherGrouping(_ compiled: CompiledPlan, _ rule: VMMRule) -> Diagnostic {
    let plan = compiled.plan
    let other = VMMGrouping(of: plan, on: compiled.host, as: rule)
    let differing = plan.devices.indices.filter { plan.isEnforced($0) != other.isEnforced($0) }
    let names = PlannerDiagnostics.list(differing.map { plan.devices[$0].name })
    let change =
      differing.isEmpty
      ? "shares page tables otherwise than planned"
      : other.isEnforced(differing[0])
        ? "enforces snoop for \(names), which the plan does not"
        : "leaves \(names) without enforced snoop"
    let unchecked =
      mayBeMixed(compiled, rule) ? uncheckedStage(compiled.host.kernel) : ""
    return Diagnostic(
      otherGrouping,
      "\(rule.title) reaches the planned page tables in no order of the devices; in that of the "
        + "file it \(change)\(unchecked)",
      at: (differing.first ?? plan.devices.indices.first).flatMap { plan.devices[$0].origin },
      help: "see 'vfioplan compile --as \(rule.name)'")
  }

  /// What kernels do not look at, by the rule where the host states it or nothing tells.
  private static func uncheckedStage(_ kernel: HostKernel) -> String {
    let rule = KernelRules.firstStageIsUnchecked
    let isStated = kernel.statedRules[rule.name] != nil
    let (subject, verb) =
      isStated
      ? ("\(kernel.title), of which the rule '\(rule.name)' is stated,", "does not look")
      : kernel.rules.answer(rule) == .unknown
        ? ("\(kernel.title), of which the rule '\(rule.name)' is unknown,", "may not look")
        : ("Linux \(rule.since) and later", "do not look")
    return "; \(subject) \(verb) at snoop control before a device is put on a first-stage table"
  }

  /// Whether some unit makes first-stage tables that take any device.
  private static func mayBeMixed(_ compiled: CompiledPlan, _ rule: VMMRule) -> Bool {
    let situation = VMMSituation(compiled.plan, compiled.host, rule)
    return rule.choice != .ownFormat && situation.isFirstStageUnchecked
      && situation.devices.contains { $0.isFirstStage }
  }

  /// Whether what a VMM makes of a plan depends on what nothing tells of units.
  public static func isOpen(for compiled: CompiledPlan, with rule: VMMRule) -> Bool {
    let rule = rule.settled(on: compiled.host.kernel, besides: compiled.plan.dialect)
    return dependsOnStage(compiled, rule) != nil
  }

  /// Says so if whether an order leads to the plan depends on what nothing tells of units.
  private static func dependsOnStage(
    _ compiled: CompiledPlan, _ rule: VMMRule
  ) -> Diagnostic? {
    let plan = compiled.plan
    let rules = compiled.host.kernel.rules
    let used = Set(plan.devices.lazy.map(\.iommu))
    let open = compiled.host.iommus.filter { unit in
      used.contains(unit.name) && unit.isScalable == .yes && unit.firstStage(by: rules) == .unknown
    }
    guard let unit = open.first,
      VMMGrouping.reaching(
        plan, VMMSituation(plan, compiled.host, rule, assumingFirstStage: true)) == nil
    else { return nil }
    return Diagnostic(
      otherGrouping,
      "whether \(rule.title) reaches the planned page tables is unknown: nothing tells whether "
        + "\(PlannerDiagnostics.quote(unit.name)) makes first-stage tables"
        + uncheckedStage(compiled.host.kernel),
      at: plan.devices.first { $0.iommu == unit.name }?.origin,
      help: "say firstStage for the unit in the host description")
  }
}
