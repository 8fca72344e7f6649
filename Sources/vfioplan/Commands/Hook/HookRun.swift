import Executor
import Parser
import Planner

/// The answer to a hook of a VM.
struct HookRun {
  private let owner: JournalOwner
  private let hook: HookOptions
  private let path: String

  /// Prepares for a VM whose configuration is at a path.
  init(_ owner: JournalOwner, _ hook: HookOptions, _ path: String) {
    self.owner = owner
    self.hook = hook
    self.path = path
  }

  /// What the configuration is.
  private var kind: VMMClause.Kind { owner.kind == .libvirt ? .libvirt : .proxmox }
  /// What starts the VM.
  private var rule: VMMRule { owner.kind == .libvirt ? .libvirt : .qemu }

  /// Lets a VM start or not, or gives back what it had.
  ///
  /// For people the reason of a refusal is one line on standard error: the VMM's log shows it.
  func answer(
    isStart: Bool, _ style: OutputStyle, _ findings: inout Findings
  ) throws(CommandFailure) -> ExitCode {
    // So that no device is left between two drivers.
    _ = Signals.hold()
    let waiting = DriverJournal.Waiting(
      isInterrupted: { Signals.isEndPending }, announce: { _ in })
    do throws(CommandFailure) {
      try isStart ? start(waiting) : giveBack(waiting)
      return .done
    } catch {
      guard style.diagnostics == .text else { throw error }
      let deed = isStart ? "refuses to start" : "could not give back all devices of"
      let line = "vfioplan \(deed) \(owner.text): \(Self.reason(error.diagnostics))\n"
      try? FileOutput.error.write(line)
      return error.status
    }
  }

  private func start(_ waiting: DriverJournal.Waiting) throws(CommandFailure) {
    guard let vm = try HookConfiguration.vm(from: path, of: kind) else { return }
    // What an earlier start has left is given back first: drivers are to be as they were.
    try giveBack(waiting)
    let configuration = try HookConfiguration(vm, policy: hook.policyPath, as: rule)
    let dangers = configuration.dangers(forced: Set(hook.force.map(\.code)))
      .filter { $0.severity == .error }
    let refusals = configuration.refusals + dangers
    guard refusals.isEmpty else {
      throw CommandFailure(refusals, ExitCode(of: refusals), files: configuration.files)
    }
    do throws(OwnedDrivers.Failure) {
      try OwnedDrivers.take(
        configuration.writes, of: configuration.addresses, for: owner,
        patience: hook.patience.unbindTimeout, waiting)
    } catch {
      throw .notTaken(error, for: configuration.plan)
    }
  }

  private func giveBack(_ waiting: DriverJournal.Waiting) throws(CommandFailure) {
    let owner = owner
    let restoration: DriverRestoration
    do throws(DriverJournal.Failure) {
      restoration = try DriverRestoration.run(
        patience: hook.patience.unbindTimeout, owner: { $0 == owner }, waiting)
    } catch {
      throw .notTaken(.journal(error), for: nil)
    }
    guard restoration.isComplete else {
      throw CommandFailure(KernelDiagnostics.diagnostics(of: restoration), .leftovers)
    }
  }

  /// The first error in one line, and how many more there are.
  private static func reason(_ diagnostics: [Diagnostic]) -> String {
    let errors = diagnostics.filter { $0.severity == .error }
    guard let first = errors.first ?? diagnostics.first else { return "for no known reason" }
    let help = first.help.map { " (\($0.visible))" } ?? ""
    let more = errors.count > 1 ? "; and \(errors.count - 1) more" : ""
    return "\(first.code.name): \(first.message.visible)\(help)\(more)"
  }
}

extension CommandFailure {
  /// A hook could not give a VM's devices to VFIO.
  static func notTaken(
    _ failure: OwnedDrivers.Failure, for plan: CompiledPlan?
  ) -> CommandFailure {
    func named(_ address: BDF) -> (name: String, origin: SourceSpan?) {
      let device = plan?.plan.devices.first { $0.address == address }
      return (device?.name ?? address.description, device?.origin)
    }
    switch failure {
    case .journal(let failure):
      return CommandFailure(
        [KernelDiagnostics.diagnostic(of: failure, named)], KernelRun.status(of: failure))
    case .write(let write, let errno, let left, let isStuck):
      let name = named(write.address).name
      let reason = errno == .etimedout ? "it does not let the device go" : "\(errno)"
      let finding = Diagnostic(
        CommandDiagnostics.driverNotChanged,
        "the driver of '\(name)' (\(write.address)) could not be changed: \(reason)", at: nil,
        help: "see what has it in /sys/bus/pci/devices/\(write.address)")
      return CommandFailure(
        [finding] + KernelDiagnostics.diagnostics(of: left),
        left.isComplete && !isStuck ? .rolledBack : .leftovers)
    }
  }
}
