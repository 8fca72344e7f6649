import Executor
import Glibc
import Parser
import Planner

/// A run on this machine's kernel, undone when it is over.
struct KernelRun {
  /// Why it is over.
  enum Mode {
    /// At once: does this kernel accept the plan?
    case check
    /// When a signal says so.
    case hold
    /// When a command ends, which gets the files.
    case command(ChildCommand)
    /// When a process that got files has done with them, or a signal says so.
    case server(FileServer)
  }

  private let plan: CompiledPlan
  private let mode: Mode
  private let format: DiagnosticFormat
  /// Codes of findings that do not refuse the run.
  var forced: Set<DiagnosticCode> = []
  /// Whether a warning refuses the run.
  var isStrict = false
  /// Says to the user that the run waits; findings come at its end only.
  var announceWait: (String) -> Void = { _ in }
  /// Asks whether to go on in spite of findings about ways into the machine; throws if not.
  var confirm: ([Diagnostic]) throws(CommandFailure) -> Void = { (_) throws(CommandFailure) in }
  private let iommufdSource: SocketPath?
  private let kernel: LinuxKernel
  private let patience: Int
  private var interpreter: Interpreter
  private var journal: DriverJournal?
  private var keeper: Keeper?

  /// Prepares a run, in which writes to drivers may take so many seconds; steps in `faults`, by
  /// 0-based call, fail without being made.
  init(
    _ plan: CompiledPlan, _ mode: Mode, _ format: DiagnosticFormat,
    iommufdFrom source: SocketPath? = nil, faults: [Int: Errno] = [:], patience: Int = 10
  ) {
    self.plan = plan
    self.patience = patience
    kernel = LinuxKernel(patience: patience)
    self.mode = mode
    self.format = format
    iommufdSource = source
    interpreter = Interpreter(
      program: plan.program,
      kernel: faults.isEmpty ? kernel : FaultInjectingKernel(kernel, faults: faults))
  }

  /// Runs the plan and undoes it; the status of the process.
  ///
  /// Signals are held back until the process ends: only SIGKILL leaves something, for `restore`.
  mutating func run(_ findings: inout Findings) throws(CommandFailure) -> Int32 {
    let warnings = try warningsUnlessRefused()
    if !isStrict {
      try confirm(warnings.filter { MachineDiagnostics.waysIn.contains($0.code) })
    }
    findings.add(warnings)
    try findings.stopAtWarnings(if: isStrict)
    let mask = Signals.hold()
    if let end = try endOfFront() { return end }
    if case .server(let server) = mode { try server.listen() }
    defer { if case .server(let server) = mode { server.close() } }
    try receiveIOMMUFD()
    try keepJournal()
    kernel.journal = journal?.file
    let watch = UnbindWatch(for: plan)
    let execution = interpreter.run { Signals.isEndPending }
    var status = Self.status(of: execution)
    if execution.isSuccess {
      do throws(CommandFailure) {
        let report = RunReport(of: plan, execution: execution, teardown: nil)
        status = try remain(report, mask, &findings)
      } catch {
        findings.add(error.diagnostics)
        status = error.status.rawValue
      }
    }
    let teardown = execution.isSuccess ? interpreter.undo() : nil
    let report = RunReport(of: plan, execution: execution, teardown: teardown)
    findings.add(report.diagnostics + watch.findings(for: kernel.stuck, within: patience))
    guard settleJournal(report.undo.isComplete, &findings) else {
      return ExitCode.leftovers.rawValue
    }
    try show(report)
    return status
  }

  /// Leaves the run to a keeper if there is a command; the status of the process that waits for it.
  private mutating func endOfFront() throws(CommandFailure) -> Int32? {
    guard case .command(let command) = mode else { return nil }
    do throws(SystemError) {
      switch try Keeper.divide() {
      case .keeper(let keeper): self.keeper = keeper
      case .front(let status, let isSurvived):
        if isSurvived { return status }
        // The keeper has shown what was found.
        Signals.release()
        exit(status)
      }
    } catch {
      throw .notStarted(command.name, .system(error))
    }
    return nil
  }

  /// Everything that can be seen before anything is touched: an error refuses the run.
  private func warningsUnlessRefused() throws(CommandFailure) -> [Diagnostic] {
    if plan.plan.dialect?.isProposalOnly == true {
      throw CommandFailure(
        [ExecutorDiagnostics.proposalCannotRun(plan.plan.target)], .hostUnable)
    }
    let findings = Preflight.findings(
      for: plan, receivingIOMMUFD: iommufdSource != nil, forced: forced)
    let errors = findings.filter { $0.severity == .error }
    if errors.isEmpty { return findings }
    let isDenied = errors.allSatisfy { $0.code == KernelDiagnostics.notPermitted }
    throw CommandFailure(findings, isDenied ? .notPermitted : .hostUnable)
  }

  /// Takes the iommufd from the process that serves the named socket, if one is named.
  private func receiveIOMMUFD() throws(CommandFailure) {
    guard let source = iommufdSource else { return }
    do throws(UnixSocket.Failure) {
      let patience = Patience(signals: Signals.ending, seconds: 60)
      let file = try FileReceiver.file(
        over: try UnixSocket.connected(to: source.path), patience, isWanted: LinuxKernel.isIOMMUFD)
      kernel.adopt(iommufd: file)
    } catch {
      throw .notReceived(source.path, error)
    }
  }

  /// Writes down the drivers that the program changes, before it does; refuses devices that
  /// another run has.
  private mutating func keepJournal() throws(CommandFailure) {
    journal = try begin(plan.program.driverChanges)
  }

  /// Refuses devices that another run has, or has left changed: whatever else the machine says
  /// otherwise may come of that.
  func refuseDevicesOfOthers() throws(CommandFailure) {
    guard plan.plan.dialect?.isProposalOnly != true, !plan.plan.devices.isEmpty else { return }
    _ = try begin([])
  }

  private func begin(_ writes: [SysfsWrite]) throws(CommandFailure) -> DriverJournal? {
    let devices = plan.plan.devices.map(\.address) + plan.plan.companions.map(\.address)
    let waiting = DriverJournal.Waiting(
      isInterrupted: { Signals.isEndPending }, announce: announceWait)
    do throws(DriverJournal.Failure) {
      return try DriverJournal.begin(for: writes, of: devices, waiting)
    } catch {
      let finding = KernelDiagnostics.diagnostic(of: error) { address in
        let device = plan.plan.devices.first { $0.address == address }
        return (device?.name ?? address.description, device?.origin)
      }
      throw CommandFailure([finding], Self.status(of: error))
    }
  }

  /// The journal goes when all is given back, and stays for `restore` when not; says whether
  /// nothing is left.
  private func settleJournal(_ isComplete: Bool, _ findings: inout Findings) -> Bool {
    guard isComplete, kernel.stuck.isEmpty, giveBackRest(&findings) else {
      journal?.keep()
      return false
    }
    do throws(DriverJournal.Failure) {
      try journal?.end()
      return true
    } catch {
      findings.add([KernelDiagnostics.diagnostic(of: error) { ($0.description, nil) }])
      return false
    }
  }

  /// Compares the machine with the journal; says whether no driver of a device is another one.
  private func giveBackRest(_ findings: inout Findings) -> Bool {
    guard let rest = journal?.giveBackRest(patience: patience) else { return true }
    findings.add(KernelDiagnostics.diagnostics(of: rest))
    return rest.isComplete
  }

  /// Stays as long as the mode wants; the status of the process if all can be undone.
  private func remain(
    _ report: RunReport, _ mask: sigset_t, _ findings: inout Findings
  ) throws(CommandFailure) -> Int32 {
    switch mode {
    case .check: break
    case .hold:
      try announce(report)
      Signals.wait(for: Signals.ending)
    case .command(let command): return try attend(command, mask)
    case .server(let server):
      try announce(report)
      try server.attend(&findings) { interpreter.value(of: $0) }
    }
    return ExitCode.done.rawValue
  }

  /// Says that the plan is in force: those who wait for that read it.
  private func announce(_ report: RunReport) throws(CommandFailure) {
    let text =
      "holding: \(report.execution.completed) steps ran; SIGINT or SIGTERM undoes them\n"
    try Destination.standard.write(
      bytes: format == .json ? report.json() : Array(text.utf8))
    Readiness.announce()
  }

  /// Starts a command and waits for its end; signals for us are for the command.
  private func attend(_ command: ChildCommand, _ mask: sigset_t) throws(CommandFailure) -> Int32 {
    let files = ChildProcess.Files(
      named: command.files.map { name, id in
        (name, Int32(truncatingIfNeeded: interpreter.value(of: id)))
      },
      silent: journal.map { [$0.file] } ?? [])
    let image = try command.image { interpreter.value(of: $0) }
    do throws(CommandFile.Failure) {
      var child = try ChildProcess.start(image, files, mask: mask)
      child.attend()
      let status = child.status ?? ExitCode.done.rawValue
      keeper?.attendOrphans(status)
      return status
    } catch {
      throw .notStarted(command.name, error)
    }
  }

  /// The result of a check, or of a run in JSON; the others have said what they had to.
  private func show(_ report: RunReport) throws(CommandFailure) {
    if case .check = mode {
      if format == .json { return try Destination.standard.write(bytes: report.json()) }
      guard report.isSuccess else { return }
      let count = report.execution.completed
      try Destination.standard.write(
        bytes: Array("accepted: \(count) steps ran and were undone\n".utf8))
    } else if format == .json, !report.execution.isSuccess {
      try Destination.standard.write(bytes: report.json())
    }
  }

  /// What a run that was undone ends with.
  private static func status(of execution: ExecutionReport) -> Int32 {
    guard let failure = execution.failure else { return ExitCode.done.rawValue }
    let action = execution.program.steps[failure.step].action
    let code: ExitCode =
      switch (failure.cause, action) {
      case (.mismatch, _): .hostUnable
      case (.interrupted, _): .rolledBack
      case (.errno(let errno), _) where action.missingFeature(errno) != nil:
        .hostUnable
      case (.errno(let errno), .open) where errno.isDenial,
        (.errno(let errno), .sysfs) where errno.isDenial:
        .notPermitted
      case (.errno(.eperm), .ioctl(_, IOMMUFDRequests.option, _, _)): .notPermitted
      case (.errno, _): .rolledBack
      }
    return code.rawValue
  }

  /// What the process ends with where no journal can be kept.
  static func status(of failure: DriverJournal.Failure) -> ExitCode {
    switch failure {
    case .unusable(_, let errno) where errno.isDenial,
      .unknown(_, let errno) where errno.isDenial:
      .notPermitted
    case .inUse, .owned, .leftBehind, .unreadable: .hostUnable
    case .unusable, .untrusted: .outputUnwritable
    case .unknown, .interrupted: .rolledBack
    }
  }
}
