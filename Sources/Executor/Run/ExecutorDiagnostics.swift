import Parser
import Planner

/// Everything the executor has to say: codes VP5001 and on.
public enum ExecutorDiagnostics {
  /// Every code of this module, in order.
  public static let all = [
    callFailed, expectationFailed, notRolledBack, coherencyMismatch, proposalOnly,
  ]

  static let callFailed = DiagnosticCode(
    "VP5001", .error, "a system call failed",
    """
    The kernel, or the simulator in its place, refused a step of the program. Everything the \
    program had done before was undone in reverse order, so the machine is as it was; if \
    something could not be undone, VP5003 says what. The message names the request and the \
    errno, and what that errno usually means for that request. The line shown is the part of the \
    description that the step comes from.
    """)

  static let expectationFailed = DiagnosticCode(
    "VP5002", .error, "the machine is not as the plan assumes",
    """
    A step of the program checks a fact that the plan rests on, for example that an IOMMU can \
    still enforce snoop for a device, or that the kernel uses the page table it was told to. The \
    kernel's answer was another one. Everything done before was undone. Bring the \
    host description up to date and compile again.
    """)

  static let notRolledBack = DiagnosticCode(
    "VP5003", .error, "something could not be undone",
    """
    After a failure every step is undone, last one first, and an undo that fails does not stop \
    the others. The notes list exactly what is left and why. What belongs to open files goes with \
    the process that holds them; a driver that was not given back stays where it is until somebody \
    binds the device again through sysfs.
    """)

  static let coherencyMismatch = DiagnosticCode(
    "VP5004", .warning, "KVM was told something else than the page tables do",
    """
    The kernel does not compare what KVM was told about non-coherent DMA with the format of the \
    page tables; a mismatch harms no one but the guest. If a device's no-snoop DMA reaches memory \
    while KVM takes the VM for coherent, KVM ignores the guest's WBINVD and the guest can read \
    stale data. If KVM carries it out although no device needs it, each one empties caches that \
    the host and its other guests use. Compile the description again instead of editing the plan.
    """)

  static let proposalOnly = DiagnosticCode(
    "VP5005", .error, "no kernel has this interface",
    """
    Target 'ioasid' is the /dev/ioasid proposal of 2021, which was never merged: what Linux has \
    instead is iommufd. Its programs run on the simulator only. Use --simulate, or compile for \
    target 'iommufd' or 'type1'.
    """)

  /// The findings about a run that failed; empty for one that succeeded and left nothing.
  public static func diagnostics(of report: ExecutionReport) -> [Diagnostic] {
    var diagnostics: [Diagnostic] = []
    if let failure = report.failure { diagnostics.append(diagnostic(of: failure, report)) }
    if !report.leftovers.isEmpty {
      diagnostics.append(leftovers(report.leftovers, of: report.program, report.failure?.origin))
    }
    return diagnostics
  }

  /// What is left after an undo.
  public static func leftovers(
    _ leftovers: [Leftover], of program: Program, _ span: SourceSpan?
  ) -> Diagnostic {
    let count = leftovers.count == 1 ? "1 effect" : "\(leftovers.count) effects"
    return Diagnostic(
      notRolledBack, "\(count) of the program could not be undone", at: span,
      notes: leftovers.map { note($0, program) },
      help: "end the process to close its files; undo the driver changes listed above by hand")
  }

  /// A program of the proposal was to run on a kernel.
  public static func proposalCannotRun(_ target: String, _ span: SourceSpan? = nil) -> Diagnostic {
    Diagnostic(
      proposalOnly, "target '\(target)' exists in no kernel, it runs on the simulator only",
      at: span, help: "use --simulate, or compile for target 'iommufd' or 'type1'")
  }

  static func staleData(_ device: String, _ span: SourceSpan?) -> Diagnostic {
    Diagnostic(
      coherencyMismatch,
      "the no-snoop DMA of '\(device)' reaches memory, but KVM takes the VM for coherent",
      at: span,
      notes: [.init("KVM ignores the guest's WBINVD, so the guest can read stale data")],
      help: "tell KVM about the device, or put it on a page table that enforces snoop")
  }

  static func needlessFlushes() -> Diagnostic {
    Diagnostic(
      coherencyMismatch,
      "KVM allows non-coherent DMA, but no device's no-snoop DMA reaches memory", at: .wholeVM,
      notes: [
        .init("KVM carries out each WBINVD of the guest, which slows the host and its other guests")
      ],
      help: "leave the devices that cannot no-snoop out of what KVM is told")
  }

  private static func diagnostic(
    of failure: ExecutionReport.Failure, _ report: ExecutionReport
  ) -> Diagnostic {
    let action = report.program.steps[failure.step].action
    let step = "step \(failure.step + 1), \(description(of: action, in: report.program))"
    switch failure.cause {
    case .interrupted:
      return Diagnostic(
        KernelDiagnostics.interrupted, "a signal came before \(step)", at: failure.origin,
        notes: [rollbackNote(report)])
    case .mismatch(let expected, let actual):
      return Diagnostic(
        expectationFailed, "\(step): expected \(expected), the kernel says \(actual)",
        at: failure.origin, notes: fact(of: action, in: report.program) + [rollbackNote(report)],
        help: "bring the host description up to date and compile again")
    case .errno(let errno):
      let meaning = action.errnos.meaning(of: errno)
      return Diagnostic(
        callFailed, "\(step): \(errno)" + (meaning.map { ", \($0)" } ?? ""),
        at: failure.origin, notes: [rollbackNote(report)],
        help: action.missingFeature(errno))
    }
  }

  /// What a failed expectation is about: the fact that differs from the plan.
  private static func fact(of action: Action, in program: Program) -> [Diagnostic.Note] {
    guard case .expect(let id, _, _) = action else { return [] }
    let maker = program.steps.first { $0.action.results.contains { $0.id == id } }
    return maker?.action.request.map { [.init("the fact: \($0.summary), by \($0.name)")] } ?? []
  }

  private static func rollbackNote(_ report: ExecutionReport) -> Diagnostic.Note {
    let undone = report.rolledBack.count
    return .init(
      report.completed == 0
        ? "nothing had been done before"
        : "\(undone == 1 ? "1 step was" : "\(undone) steps were") undone, in reverse order")
  }

  private static func note(_ leftover: Leftover, _ program: Program) -> Diagnostic.Note {
    let step = program.steps[leftover.step]
    let what = "step \(leftover.step + 1), \(description(of: step.action, in: program))"
    return switch leftover.reason {
    case .refused(let errno): .init("left: \(what) (undo: \(errno))", step.origin)
    case .heldBy(let holder): .init("left: \(what) (held by step \(holder + 1))", step.origin)
    }
  }

  /// A step in a few words.
  static func description(of action: Action, in program: Program) -> String {
    if let write = action.driverChange { return description(of: write) }
    let parts = action.parts
    let named = parts.receiver ?? parts.results.first?.id
    let name = named.map { " '\(program.results[Int($0.index)].name)'" } ?? ""
    return action.request.map { "\($0.name) on" + name } ?? parts.verb.rawValue + name
  }

  private static func description(of write: SysfsWrite) -> String {
    switch write {
    case .unbind(let address, let driver): "unbind \(address) from '\(driver)'"
    case .driverOverride(let address, let driver):
      "set the driver override of \(address) to '\(driver)'"
    case .probe(let address, let driver): "probe \(address) by '\(driver)'"
    }
  }
}
