import Executor
import Parser
import Planner

/// A VM that is about to start, compiled for this machine.
struct HookConfiguration {
  /// The plan.
  let plan: CompiledPlan
  /// What keeps the VM from starting as the policy wants it; the first is the reason.
  let refusals: [Diagnostic]
  /// The inputs.
  let files: [SourceFile]

  /// Reads the VM's configuration, of a kind unless it is a description; `nil` if it has no host
  /// devices, which is nobody's business.
  static func vm(
    from path: String, of kind: VMMClause.Kind
  ) throws(CommandFailure) -> Loaded<VMDescription>? {
    let file = try Inputs.file(path, .vm).get()
    let isOurs = file.bytes.split(separator: 10).contains { $0.starts(with: "apiVersion:".utf8) }
    let loaded =
      isOurs
      ? try Inputs.decoded(file, DescriptionReader.vm).get()
      : try Inputs.imported(file, from: kind).map { $0.of($0.value.vm) }.get()
    return loaded.value.devices.isEmpty ? nil : loaded
  }

  /// Compiles a VM for this machine, and looks at what the VMM makes of it.
  init(
    _ vm: Loaded<VMDescription>, policy path: String?, as rule: VMMRule
  ) throws(CommandFailure) {
    let host = try Inputs.thisMachine(.host)
    var policy = Policy()
    var files = [vm.file, host.file]
    if let path {
      let loaded = try Inputs.read(path, .policy, DescriptionReader.policy).get()
      policy = loaded.value
      files.append(loaded.file)
    }
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      plan = try Compilation.compile(vm.value, on: host.value, policy: policy, into: &sink)
    } catch {
      throw CommandFailure(error, files: files)
    }
    refusals = Self.refusals(of: plan, as: rule)
    self.files = files
  }

  /// Promises that the VMM breaks, and coherency that the policy wants and the VMM does not keep.
  private static func refusals(of plan: CompiledPlan, as rule: VMMRule) -> [Diagnostic] {
    let (grouping, findings) = VMMDiagnostics.outcome(of: plan, as: rule)
    let errors = findings.filter { $0.severity == .error }
    let isIncoherent = grouping.metrics(of: plan.plan).wbinvd > plan.plan.metrics.wbinvd
    guard isIncoherent, plan.policy.requirements.contains(where: { $0.what == .coherent }) else {
      return errors
    }
    return errors + findings.filter { $0.severity == .warning }
  }

  /// The devices whose driver the VMM changes by itself.
  private var managed: Set<BDF> {
    Set(plan.vm.devices.lazy.filter { $0.managed == true }.map(\.address))
  }

  /// What has to be done to drivers before the VM starts.
  var writes: [SysfsWrite] {
    let managed = managed
    return plan.program.driverChanges.filter { !managed.contains($0.address) }
  }

  /// The devices and what comes with them.
  var addresses: [BDF] {
    plan.plan.devices.map(\.address) + plan.plan.companions.map(\.address)
  }

  /// What a start would harm, or fail at.
  func dangers(forced: Set<DiagnosticCode>) -> [Diagnostic] {
    let own = writes
    let program = plan.program.keeping { $0.action.driverChange.map(own.contains) ?? false }
    return KernelPreflight.findings(for: program)
      + Preflight.harm(of: plan, forced: forced)
  }
}
