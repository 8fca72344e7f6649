import Parser

/// Every message about plan files: what is wrong inside one, and what changed since it was made.
public enum SavedPlanDiagnostics {
  /// Every code, by number.
  public static let all: [DiagnosticCode] = [
    otherFormat, malformedStep, unknownRequest, wrongNumber, unknownValue, duplicateResult,
    wrongArgument, brokenLaw, otherStep, otherDecision, deviceGone, deviceChanged, groupChanged,
    unitChanged, interfaceChanged, otherRelease, otherHost,
  ]
}

// MARK: - VP18xx: the file itself

extension SavedPlanDiagnostics {
  static let otherFormat = DiagnosticCode(
    "VP1801", .error, "the file is no plan of a known format",
    """
    A plan file says 'vfioplan.plan/v1' under 'format'. A file with another value was written by \
    another tool or a newer version. Write it again with `vfioplan compile VM -o FILE`.
    """)
  static let malformedStep = DiagnosticCode(
    "VP1802", .error, "a step of a plan file is none that a plan may have",
    """
    The steps of a plan are a closed set: open of a device node that vfioplan knows, ioctl, memory, \
    sysfs for three driver attributes, expect and close, numbered from 1. Anything else is refused \
    before a step is run. Plan files are not meant to be edited: compile the description again.
    """)
  static let unknownRequest = DiagnosticCode(
    "VP1803", .error, "a step issues a request that is not known",
    """
    An ioctl of a plan is named by the kernel's own name, and only the requests that vfioplan needs \
    are known, so that a plan file can't make it do anything else. Requests that only undo a step \
    are no steps either. Compile the description again.
    """)
  static let wrongNumber = DiagnosticCode(
    "VP1804", .error, "a request's number is not the one of its name",
    """
    The number of an ioctl follows from its name; it is in the file for people. A file where the \
    two disagree was changed, or written for another architecture. Compile the description again.
    """)
  static let unknownValue = DiagnosticCode(
    "VP1805", .error, "a step uses a value that no earlier step makes",
    """
    Values are referred to by the name their step gives them, and a step can only use values of \
    steps before it. A name that is not known there is misspelt, made later, or its step was \
    removed. Compile the description again.
    """)
  static let duplicateResult = DiagnosticCode(
    "VP1806", .error, "two steps of a plan file make a value of the same name",
    """
    The name of a value says which step made it, so a name is given once. A second step with the \
    same name would silently change what all later steps work on. Compile the description again.
    """)
  static let wrongArgument = DiagnosticCode(
    "VP1807", .error, "an argument of a step does not fit its member",
    """
    Each member of a request takes a number, the names of its bits or values, the name of a value \
    made earlier, or a PCI address. Numbers of 64 bits are written as text in hexadecimal. Compile \
    the description again.
    """)
  static let brokenLaw = DiagnosticCode(
    "VP1808", .error, "the program in a plan file breaks a law of programs",
    """
    Every program is checked before it is run: values are of the kind their member takes, devices \
    are bound before they are attached, required members are given, and so on. The message names \
    the law. Compile the description again.
    """)
  static let otherStep = DiagnosticCode(
    "VP1809", .error, "the steps of a plan file do not carry out its decision",
    """
    The program of a plan follows from its decision alone. When a plan file is read, the program \
    is made again and must be the same, step by step; so nobody can add, drop, reorder or change a \
    step, and what was reviewed is what runs. Compile the description again.
    """)
  static let otherDecision = DiagnosticCode(
    "VP1810", .error, "the decision in a plan file does not follow from its facts",
    """
    When a plan file is read, the decision is made again from the description and host facts in \
    the same file and must be the same. It differs if either was changed, or if another version of \
    vfioplan decides otherwise. Compile the description again and compare with `vfioplan diff`.
    """)

  /// The file says another format, or none.
  static func format(_ found: String?, at span: SourceSpan) -> Diagnostic {
    let what = found.map(QuotedText.quote) ?? "none"
    return Diagnostic(
      otherFormat, "expected format '\(SavedPlan.format)', found \(what)", at: span,
      help: "write plan files with `vfioplan compile VM -o FILE`")
  }

  /// Something inside a step, or a step as a whole.
  static func step(_ code: DiagnosticCode, _ message: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(code, message, at: span, help: recompile)
  }

  /// A value of the decision that is not what the facts give.
  static func decision(
    _ what: String, says found: String, expected: String, at span: SourceSpan
  ) -> Diagnostic {
    Diagnostic(
      otherDecision, "'\(what)' says \(found), but the facts in this file give \(expected)",
      at: span, help: recompile)
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
    may no-snoop. One of them is different now, so the decision or the driver changes may be wrong. \
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
    Nothing in a plan depends on the release itself, and every fact the plan rests on still holds. \
    The warning is there because kernels differ in ways that no description shows.
    """)
  static let otherHost = DiagnosticCode(
    "VP4917", .warning, "the plan was compiled for a host with another name",
    """
    Every fact the plan rests on is compared one by one, so a plan may be used on a second machine \
    that is the same. The warning is there in case the wrong machine or plan was meant.
    """)

  /// A fact that is not what it was.
  static func changed(_ code: DiagnosticCode, _ message: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      code, message, at: span,
      help: code.severity == .error ? "compile the description again for this host" : nil)
  }
}
