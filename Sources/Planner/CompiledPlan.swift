import Parser

/// The result of a compilation: everything that is shown, saved, compared and run.
public struct CompiledPlan: Hashable, Sendable {
  /// What was asked for.
  public var vm: ResolvedVM
  /// The host it was compiled for; a plan read back from a file holds only the facts it rests on.
  public var host: HostDescription
  /// The policy it was compiled under; without rows and requirements if there was none.
  public var policy: Policy
  /// The decision.
  public var plan: IOASIDPlan
  /// The program that carries it out.
  public var program: Program
  /// The warnings of the compilation.
  public var diagnostics: [Diagnostic]

  /// Puts the stages' values together.
  public init(
    vm: ResolvedVM, host: HostDescription, policy: Policy = Policy(), plan: IOASIDPlan,
    program: Program, diagnostics: [Diagnostic]
  ) {
    self.vm = vm
    self.host = host
    self.policy = policy
    self.plan = plan
    self.program = program
    self.diagnostics = diagnostics
  }
}

extension CompiledPlan {
  /// The same plan for a process that makes the VM of KVM by itself, unless the description says
  /// that vfioplan does.
  public var leavingKVMToCommand: CompiledPlan {
    guard vm.kvm.owner == .auto, let dialect = plan.dialect else { return self }
    var other = self
    other.vm.kvm.owner = .command
    other.program = dialect.lower(plan, for: other.vm, on: host)
    return other
  }

  /// The same plan for an iommufd that somebody else has opened, who has said how it accounts.
  public var receivingIOMMUFD: CompiledPlan {
    var other = self
    other.program = program.keeping { $0.action.request != IOMMUFDRequests.option }
    return other
  }

  /// Checks the program against every law of `ProgramVerifier`, in release builds, too.
  ///
  /// To be called before a program is run or shown as what would be run. A breach is a bug of ours,
  /// whatever the input: better to stop than to go on with such a program.
  public func stopUnlessLawful() {
    // What is handed over is opened by others.
    let own = Set(plan.devices.lazy.map(\.address)).union(plan.companions.lazy.map(\.address))
    let violations = ProgramVerifier.verify(
      program, for: plan.dialect, unopened: own)
    precondition(violations.isEmpty, violations.first?.message ?? "")
  }
}
