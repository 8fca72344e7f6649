import Parser

/// Every message about plan files: what is wrong inside one, and what changed since it was made.
public enum SavedPlanDiagnostics {
  /// Every code, by number.
  public static let all: [DiagnosticCode] = [
    otherFormat, otherObjective, otherDecision, otherStep, deviceGone, deviceChanged, groupChanged,
    unitChanged, interfaceChanged, otherRelease, otherHost, otherProgram,
  ]
}

// MARK: - VP18xx: the file itself

extension SavedPlanDiagnostics {
  static let otherFormat = DiagnosticCode(
    "VP1801", .error, "the file is not a plan of a known format",
    """
    A plan file says 'vfioplan.plan/v1' under 'format'. A file with another value was written by \
    another tool or a newer version. Write it again with `vfioplan compile VM -o FILE`.
    """)
  static let otherObjective = DiagnosticCode(
    "VP1802", .error, "the objective in a plan file is not an order of the four metrics",
    """
    A plan file spells its objective out as all four metrics, each once, most important first, \
    because presets may get another meaning. Compile the description again.
    """)
  static let otherDecision = DiagnosticCode(
    "VP1803", .error, "the decision in a plan file does not follow from its facts",
    """
    When a plan file is read, the decision is made again from the description and host facts in \
    the same file and must be the same. It differs if either was changed, or if another version of \
    vfioplan decides otherwise. Compile the description again and compare with `vfioplan diff`.
    """)

  static let otherStep = DiagnosticCode(
    "VP1804", .error, "the steps of a plan file do not carry out its decision",
    """
    The program of a plan follows from its decision alone. When a plan file is read, the program \
    is made again and must be the same, step by step; so nobody can add, drop, reorder or change a \
    step, and what was reviewed is what runs. Compile the description again.
    """)
  /// The file says another format, or none.
  static func format(_ found: String?, at span: SourceSpan) -> Diagnostic {
    let what = found.map(QuotedText.quote) ?? "none"
    return Diagnostic(
      otherFormat, "expected format '\(SavedPlan.format)', found \(what)", at: span,
      help: "write plan files with `vfioplan compile VM -o FILE`")
  }

  /// The objective does not name every metric once.
  static func metrics(at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      otherObjective, "expected each of the four metrics once", at: span, help: recompile)
  }

  /// The first step that is not the one the decision needs; the path is that of a value in it.
  static func step(
    _ number: Int, _ path: String, says found: String, expected: String, at span: SourceSpan
  ) -> Diagnostic {
    let what = path.isEmpty ? "it" : QuotedText.quote(path)
    return Diagnostic(
      otherStep,
      "step \(number) is not what the decision needs: \(what) says \(found), expected \(expected)",
      at: span, help: recompile)
  }

  /// A value of the decision that is not what the facts give.
  static func decision(
    _ what: String, says found: String, expected: String, at span: SourceSpan
  ) -> Diagnostic {
    Diagnostic(
      otherDecision,
      "\(QuotedText.quote(what)) says \(found), but the facts in this file give \(expected)",
      at: span, help: recompile)
  }

  /// What the facts give can't be written down and read back, so nothing can be said.
  static func incomparable(at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      otherDecision, "what the facts in this file give can't be compared with it", at: span,
      help: recompile)
  }

  private static let recompile = "compile the description again; plan files are not for editing"
}

// MARK: - VP491x: the host has changed

extension SavedPlanDiagnostics {
  static let deviceGone = DiagnosticCode(
    "VP4911", .error, "a device of the plan is not on the host",
    """
    The plan gives the VM a PCI device that the host does not have, or no longer has. It may have \
    been removed or have got another address, or the plan is for another machine. Compile the \
    description again for this host.
    """)
  static let deviceChanged = DiagnosticCode(
    "VP4912", .error, "a device is not as the plan was compiled for",
    """
    A plan rests on each device's ids, driver, IOMMU, group, reserved regions and on whether it \
    may no-snoop. One of them is different now, so decision or driver changes may be wrong. \
    Compile the description again for this host.
    """)
  static let groupChanged = DiagnosticCode(
    "VP4913", .error, "an IOMMU group has other members than the plan was compiled for",
    """
    Devices of one IOMMU group can't be isolated from each other, so who else is in the group \
    decides whether it may be given away. Compile the description again for this host.
    """)
  static let unitChanged = DiagnosticCode(
    "VP4914", .error, "an IOMMU unit is not as the plan was compiled for",
    """
    What the units can do decides which devices share a page table, in which format, and what KVM \
    is told. A firmware or kernel setting may have changed it. Compile the description again for \
    this host.
    """)
  static let interfaceChanged = DiagnosticCode(
    "VP4915", .error, "the kernel's interfaces are not as the plan was compiled for",
    """
    The program uses interfaces that the host had when the plan was compiled. A module may not be \
    loaded, or another kernel was booted. Restore the interface, or compile the description again \
    for this host.
    """)
  static let otherRelease = DiagnosticCode(
    "VP4916", .warning, "the host runs another kernel release than the plan was compiled for",
    """
    The description was compiled again for this release, and the program is the same, step by \
    step. The warning is there because kernels differ in ways that no description shows.
    """)
  static let otherHost = DiagnosticCode(
    "VP4917", .warning, "the plan was compiled for a host with another name",
    """
    Every fact the plan rests on is compared one by one, so a plan may be used on a second machine \
    that is the same. The warning is there in case the wrong machine or plan was meant.
    """)

  static let otherProgram = DiagnosticCode(
    "VP4918", .error, "on the host's kernel the plan's program would be another one",
    """
    Kernels differ in what they accept and in what comes of it: which page table a device may be \
    put on, when a page table is whole, what KVM asks. `vfioplan explain rules` lists how. The \
    description of the plan was compiled again for the release of this host, and the steps are not \
    those that were reviewed. Compile the description again for this host and compare the two with \
    `vfioplan diff`.
    """)

  /// A fact that is not what it was, or what it is said to be.
  static func changed(
    _ code: DiagnosticCode, _ message: String, at span: SourceSpan, _ basis: HostDifference.Basis
  ) -> Diagnostic {
    let help =
      switch basis {
      case .saved: "compile the description again for this host"
      case .stated: "correct the host description, or leave out '--host'"
      }
    return Diagnostic(code, message, at: span, help: code.severity == .error ? help : nil)
  }
}
