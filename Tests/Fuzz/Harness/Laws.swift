@testable import Executor
import Parser
import Planner

/// What must hold of findings, whatever they are about.
enum FindingLaws {
  /// Checks that spans lie inside their files, and that every form of the findings can be written.
  static func check(_ findings: [Diagnostic], in files: [SourceFile]) {
    for finding in findings {
      for span in [finding.span] + finding.notes.map(\.span) {
        guard let span else { continue }
        let file = files.first { $0.id == span.source }
        law(file != nil, "a span in a file that is not there: \(finding.message)")
        if let file { isInside(span, file) }
      }
      law(!finding.message.isEmpty, "a finding without words")
    }
    // Some of them, for speed: excerpts take longer than what they are about.
    let some = Array(findings.suffix(8))
    var renderer = DiagnosticRenderer(files: files)
    _ = renderer.render(some)
    var sink = DiagnosticSink()
    let json = SourceFile(id: .vm, name: "json", bytes: DiagnosticJSON.text(some, files: files))
    law(
      (try? DescriptionReader.tree(of: json, into: &sink)) != nil, "findings that can't be read")
  }
}

extension FindingLaws {
  /// Checks that a span lies in a file.
  static func isInside(_ span: SourceSpan, _ file: SourceFile) {
    law(
      span.start <= span.end && Int(span.end) <= file.bytes.count,
      "\(span.start)..<\(span.end) of \(file.bytes.count) bytes")
  }
}

/// What must hold of a plan that was accepted, wherever it came from.
enum PlanLaws {
  /// Checks what it opens and writes, runs it, and undoes it.
  static func check(_ compiled: CompiledPlan, salt: Int) {
    let companions = Set(compiled.plan.companions.map(\.address))
    keepsToItsDevices(compiled, companions)
    for plan in [compiled, compiled.leavingKVMToCommand, compiled.receivingIOMMUFD] {
      isLawful(plan, unopened: companions)
    }
    isLawful(compiled.handedOver, unopened: companions.union(compiled.plan.devices.map(\.address)))
    let run = RunReport.run(compiled.program, of: compiled, on: SimulatedKernel(compiled.host))
    law(
      run.execution.isSuccess,
      "an accepted plan fails: \(run.diagnostics.map(\.message))")
    law(run.mismatches.isEmpty, "the state is not what the plan says: \(run.mismatches)")
    SimulatorLaws.leavesNothing(compiled.program, on: compiled.host, nil, salt: salt)
  }

  private static func isLawful(_ plan: CompiledPlan, unopened: Set<BDF>) {
    let violations = ProgramVerifier.verify(
      plan.program, for: Dialects.named(plan.plan.target), unopened: unopened)
    law(violations.isEmpty, "\(violations.map(\.message))")
  }

  /// Nodes of the plan's own devices and groups, drivers of them and of their companions.
  private static func keepsToItsDevices(_ compiled: CompiledPlan, _ companions: Set<BDF>) {
    let devices = Set(compiled.plan.devices.map(\.address))
    let groups = Set(compiled.plan.devices.map(\.group))
    for step in compiled.program.steps {
      switch step.action {
      case .open(.vfioDevice(let address), _):
        law(devices.contains(address), "opens \(address)")
      case .open(.vfioGroup(let group), _): law(groups.contains(group), "opens group \(group)")
      case .sysfs(let write):
        law(
          devices.contains(write.address) || companions.contains(write.address),
          "changes the driver of \(write.address)")
        switch write {
        case .unbind: break
        case .driverOverride(_, let driver), .probe(_, let driver):
          law(VFIODriver.isVFIO(driver) && !driver.contains("/"), "gives a device to \(driver)")
        }
      default: break
      }
    }
  }

  /// Checks that a form can be written, and that the saved one is read back as the same plan.
  static func checkForms(_ compiled: CompiledPlan, files: [SourceFile], salt: Int) {
    let isProposal = Dialects.named(compiled.plan.target)?.isProposalOnly == true
    // One form an input, for speed.
    let forms = OutputForm.allCases
    let emitter = forms[salt / Dialects.all.count % forms.count].emitter
    if !isProposal || !(emitter is any VMMEmitter) {
      emitter.emit(compiled, EmitterContext(files: files)) { _ in }
    }
    // A plan of a VM whose memory is left out is never saved.
    if compiled.vm.memory.isEmpty { return }
    let saved = SourceFile(
      id: .vm, name: "plan", bytes: SavedPlanWriter.text(compiled, files: files))
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      let tree = try DescriptionReader.tree(of: saved, into: &sink)
      let read = try SavedPlanReader.read(tree, into: &sink)
      law(read.program.hasSameActions(as: compiled.program), "the saved plan is another one")
      let differences = HostDifference.findings(of: read, on: compiled.host)
      law(differences.isEmpty, "the host differs from itself: \(differences.map(\.message))")
    } catch {
      law(false, "a saved plan is refused: \(error.diagnostics.map(\.message))")
    }
  }
}

/// What must hold of a lawful program on any machine, also one that refuses it.
enum SimulatorLaws {
  /// Runs it twice, the second time with a fault, and checks that nothing is left.
  static func leavesNothing(
    _ program: Program, on host: HostDescription, _ release: KernelVersion?, salt: Int
  ) {
    let isComplete = run(program, SimulatedKernel(host, release: release))
    guard isComplete, !program.steps.isEmpty,
      let faults = FaultInjection.failing(
        salt % program.steps.count, with: Errno(rawValue: 5), in: program)
    else { return }
    law(
      !run(program, SimulatedKernel(host, release: release, faults: faults)),
      "a fault that does nothing")
  }

  private static func run(_ program: Program, _ kernel: SimulatedKernel) -> Bool {
    var interpreter = Interpreter(program: program, kernel: kernel)
    let report = interpreter.run()
    let undo = report.isSuccess ? interpreter.undo() : report.rollback
    law(undo.isComplete, "left over: \(undo.leftovers) of \(ProgramText.text(of: program))")
    let state = kernel.state()
    law(state.isPristine, "left over: \(state)")
    return report.isSuccess
  }
}
