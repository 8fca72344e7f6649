import Parser
import Planner

/// A run of a program, with the state it led to and its end.
public struct RunReport: Sendable {
  /// The plan whose program was run; `nil` for one that is on its own: nobody says then what it was
  /// to come to.
  public let plan: CompiledPlan?
  /// What each step gave, and the rollback of a failure.
  public let execution: ExecutionReport
  /// What the simulator held after the last step, or after the rollback of a failure; `nil` for a
  /// run on a real kernel, which cannot be asked.
  public let state: SimulatorState?
  /// What undoing everything at the end came to; `nil` after a failure, which undoes by itself.
  public let teardown: Rollback?

  /// Puts a report together; without a state it is about a real kernel.
  public init(
    of plan: CompiledPlan?, execution: ExecutionReport, state: SimulatorState? = nil,
    teardown: Rollback?
  ) {
    self.plan = plan
    self.execution = execution
    self.state = state
    self.teardown = teardown
  }

  /// Runs a program on the simulator and undoes everything at the end.
  public static func run(
    _ program: Program, of plan: CompiledPlan? = nil, on kernel: SimulatedKernel
  ) -> RunReport {
    var interpreter = Interpreter(program: program, kernel: kernel)
    let execution = interpreter.run()
    let state = kernel.state()
    let teardown = execution.isSuccess ? interpreter.undo() : nil
    return RunReport(of: plan, execution: execution, state: state, teardown: teardown)
  }

  /// What was run.
  public var program: Program { execution.program }

  /// The undo of everything, whenever it was done.
  public var undo: Rollback { teardown ?? execution.rollback }

  /// Whether every step succeeded and all was undone.
  public var isSuccess: Bool { execution.isSuccess && undo.isComplete }

  /// What went wrong, what is left, and where KVM was told something else than the devices do.
  public var diagnostics: [Diagnostic] {
    var found = ExecutorDiagnostics.diagnostics(of: execution)
    if let teardown, !teardown.isComplete {
      found.append(
        ExecutorDiagnostics.leftovers(teardown.leftovers, of: program, plan?.vm.$name))
    }
    if execution.isSuccess, let state, tellsKVM(state) {
      found += CoherencyCheck.diagnostics(state, plan: plan?.plan)
    }
    return found
  }

  /// Whether KVM is told by the program, not by somebody else: without a plan if it made a VM.
  private func tellsKVM(_ state: SimulatorState) -> Bool {
    plan.map { $0.vm.kvm.owner != .command } ?? !state.vms.isEmpty
  }

  /// What the kernel said of units of which nobody knows whether they can enforce snoop, in words.
  ///
  /// Only VT-d's units are asked; a plan that counts them as unable runs with either answer.
  public var answers: [String] {
    guard execution.isSuccess, let plan else { return [] }
    let units = plan.plan.devices.filter { $0.enforcementFact == .unknown }.map(\.iommu).uniqued
    let results = units.isEmpty ? [:] : results(of: Set(units), plan.plan)
    return units.map { unit in
      "whether \(unit) can enforce snoop is unknown, counted as no: "
        + meaning(of: results[unit])
    }
  }

  /// The first result by which a kernel answered for each of some units.
  private func results(of units: Set<String>, _ plan: IOASIDPlan) -> [String: Int] {
    var unitOf: [String: String] = [:]
    for device in plan.devices where units.contains(device.iommu) {
      unitOf["\(device.name).ecap"] = device.iommu
    }
    var found: [String: Int] = [:]
    for (index, result) in program.results.enumerated() {
      if let unit = unitOf[result.name], found[unit] == nil { found[unit] = index }
    }
    return found
  }

  /// What a kernel said of a unit, and what that comes to.
  private func meaning(of result: Int?) -> String {
    let kernel = state == nil ? "this kernel" : "the simulated kernel"
    guard let result else { return "\(kernel) is not asked" }
    let canEnforce = execution.values[result] & IOMMUFDRequests.snoopControl != 0
    return "\(kernel) answers that it \(canEnforce ? "can" : "can't") "
      + "(\(program.results[result].name) = \(hexText(execution.values[result]))); "
      + (canEnforce
        ? "say 'enforceSnoop: true' of it and compile again" : "the plan holds with either answer")
  }

  /// Where the state is not what the plan says, in words; empty if all agree or there is no plan.
  public var mismatches: [String] {
    guard execution.isSuccess, let state, let plan else { return [] }
    return state.mismatches(with: plan.plan, tellsKVM: tellsKVM(state))
  }
}

extension SimulatorState {
  /// What is another way than a plan says; of KVM only if the plan is for it to be told.
  public func mismatches(with plan: IOASIDPlan, tellsKVM: Bool) -> [String] {
    let actual = Dictionary(
      devices.map { ($0.address, $0.isEffective) }, uniquingKeysWith: { first, _ in first })
    var found: [String] = []
    for device in plan.devices {
      switch actual[device.address] {
      case device.isEffective?: continue
      case true?: found.append("no-snoop DMA of \(device.name) reaches memory, against the plan")
      case false?: found.append("no-snoop DMA of \(device.name) is blocked, against the plan")
      case nil: found.append("\(device.name) is on no page table")
      }
    }
    let isAllowed = vms.contains { $0.allowsIncoherentDMA }
    if tellsKVM, isAllowed != plan.coherency.allowsIncoherentDMA {
      found.append("KVM \(isAllowed ? "carries out" : "ignores") WBINVD, against the plan")
    }
    return found
  }
}
