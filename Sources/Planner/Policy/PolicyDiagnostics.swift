import Parser

/// Every message about policies: rows next to each other, and broken requirements.
public enum PolicyDiagnostics {
  /// Every code, by number.
  public static let all: [DiagnosticCode] = [
    rowWithoutEffect, tooManyRows, incoherent, unknownFact, inBox3, otherObjective,
  ]
  /// Those that say that a plan does not keep a requirement.
  static let broken: Set<DiagnosticCode> = [incoherent, unknownFact, inBox3, otherObjective]
}

// MARK: - VP350x: the rows

extension PolicyDiagnostics {
  static let rowWithoutEffect = DiagnosticCode(
    "VP3501", .warning, "a row of a policy never decides",
    """
    The first row that fits a device decides what 'auto' becomes for it. A row before this one \
    fits every device that this one does, so it is never reached. Move the narrower row before the \
    wider one, or remove one of the two.
    """)
  static let tooManyRows = DiagnosticCode(
    "VP3502", .error, "a policy has too many rows",
    """
    A policy may have 1000 rows: every device without an intent of its own may have to be compared \
    with all of them. Say more with one row: keys that are left out fit any device, and \
    '0x03xxxx' fits a whole class.
    """)

  /// Looks at the rows of a policy next to each other.
  static func check(_ policy: Policy, into sink: inout DiagnosticSink) {
    let limit = AutoIntentTable.maximumPolicyRows
    let rows = policy.rows.prefix(limit)
    if policy.rows.count > limit {
      sink.report(
        Diagnostic(
          tooManyRows, "the policy has \(policy.rows.count) rows, at most \(limit) are read",
          at: policy.rows[limit].span, help: "leave out keys, so that one row fits more devices"))
    }
    for (index, row) in rows.enumerated() {
      guard let wider = rows[..<index].first(where: { $0.devices.covers(row.devices) }) else {
        continue
      }
      sink.report(
        Diagnostic(
          rowWithoutEffect, "this row never decides: an earlier one fits all of its devices",
          at: row.span, notes: [.init("the earlier row is here", wider.span)],
          help: "move it before that row, or remove it"))
    }
  }
}

// MARK: - VP351x: broken requirements

extension PolicyDiagnostics {
  static let incoherent = DiagnosticCode(
    "VP3511", .error, "the plan is not coherent, which is required",
    """
    The requirement 'coherent' says that KVM never carries out WBINVD for a VM: each one would \
    empty caches of the host and of its other guests. In this plan the no-snoop DMA of a device is \
    effective, or the description says 'incoherentDMA: always'. 'noSnoop: forbidden' of a device \
    keeps its DMA coherent, or says why that can't be had; else leave the device out.
    """)
  static let unknownFact = DiagnosticCode(
    "VP3512", .error, "a promise rests on an unknown fact, which is not allowed",
    """
    The requirement 'known-facts' says that what is promised is known to hold. A device that is \
    required to no-snoop may turn out not to be able to, or an IOMMU that counts as one that can't \
    enforce snoop may enforce it. Find out and say so in the host description: 'noSnoopCapable' of \
    a device, which `vfioplan host --test-no-snoop` tests, 'enforceSnoop' of an IOMMU. 'forbidden' \
    never rests on an unknown fact.
    """)
  static let inBox3 = DiagnosticCode(
    "VP3513", .error, "a device is in box 3, which is not allowed",
    """
    The requirement 'no-box-3' says that no device is given away that can no-snoop behind an IOMMU \
    that can't enforce snoop: nothing could keep its DMA coherent. What is unknown counts as the \
    worse case. Put the device behind another IOMMU, or leave it out.
    """)
  static let otherObjective = DiagnosticCode(
    "VP3514", .error, "the plan is optimal in another objective than required",
    """
    The requirement 'objective=NAME' says which objective every plan is optimal in. The \
    description, or '--objective', names another one. Name that one, or none if it is 'coherency'.
    """)

  /// How a broken requirement is begun.
  private static func broken(_ what: Requirement, _ why: String) -> String {
    "'\(what.name)' is required, but \(why)"
  }

  private static func places(_ devices: [ResolvedDevice]) -> [Diagnostic.Note] {
    devices.prefix(3).map {
      .init("\(PlannerDiagnostics.quote($0.name)) is given here", $0.$place)
    }
  }

  private static func names(_ devices: [ResolvedDevice]) -> String {
    PlannerDiagnostics.list(devices.map(\.name))
  }

  static func incoherent(
    _ requirement: Policy.StatedRequirement, _ culprits: BrokenRequirements.Culprits,
    _ clause: KVMClause
  ) -> Diagnostic {
    let devices = culprits.devices
    let isSaid = devices.isEmpty
    let verdict =
      culprits.isUncertain
      ? "KVM may carry out WBINVD: the no-snoop DMA of \(names(devices)) counts as effective, as a "
        + "fact is unknown"
      : "KVM carries out WBINVD: the no-snoop DMA of \(names(devices)) is effective"
    return Diagnostic(
      incoherent,
      broken(
        requirement.what,
        isSaid ? "'incoherentDMA: always' makes KVM carry out WBINVD" : verdict),
      at: requirement.span,
      notes: isSaid ? [.init("'always' is said here", clause.$incoherentDMA)] : places(devices),
      help: isSaid
        ? "use 'incoherentDMA: auto'"
        : "with 'noSnoop: forbidden' it is blocked, or you see why not; or leave the device out"
          + culprits.remedy
    ).resting(on: culprits.unknown)
  }

  static func unknownFacts(
    _ requirement: Policy.StatedRequirement, ofDevices devices: [ResolvedDevice]
  ) -> Diagnostic {
    Diagnostic(
      unknownFact,
      broken(requirement.what, "it is not known whether \(names(devices)) can no-snoop"),
      at: requirement.span, notes: places(devices),
      help: (devices.first.map { UnknownFacts.noSnoopTest($0.address) } ?? "a test")
        + " finds out; or say it in the host description: 'noSnoopCapable'"
    ).resting(on: [.canNoSnoop])
  }

  static func inBox3(
    _ requirement: Policy.StatedRequirement, _ culprits: BrokenRequirements.Culprits
  ) -> Diagnostic {
    let devices = culprits.devices
    let isOne = devices.count == 1
    let verdict =
      culprits.isUncertain
      ? "\(isOne ? "counts" : "count") as in it, as a fact is unknown"
      : "\(isOne ? "is" : "are") in it"
    return Diagnostic(
      inBox3, broken(requirement.what, "\(names(devices)) \(verdict)"), at: requirement.span,
      notes: places(devices),
      help: "use another device, or another slot or host" + culprits.remedy
    ).resting(on: culprits.unknown)
  }

  static func otherObjective(
    _ requirement: Policy.StatedRequirement, _ objective: Objective, of vm: ResolvedVM
  ) -> Diagnostic {
    let name = objective.presetName ?? objective.order.map(\.rawValue).joined(separator: ",")
    return Diagnostic(
      otherObjective, broken(requirement.what, "the plan is optimal in '\(name)'"),
      at: requirement.span, notes: [.init("of this VM", vm.$name)],
      help: "change 'objective' of the description, or '--objective'")
  }
}
