import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// A program with its host, for sweeps.
struct SweepCase: CustomTestStringConvertible {
  let name: String
  let compiled: CompiledPlan

  var testDescription: String { name }

  /// Every example on every target it compiles for.
  static let examples: [SweepCase] = Example.all.flatMap { example in
    Example.targets.compactMap { target in
      guard let compiled = compile(example, target) else { return nil }
      return SweepCase(name: "\(example.name) on \(target)", compiled: compiled)
    }
  }

  private static func compile(_ example: Example, _ target: String) -> CompiledPlan? {
    guard let (vm, host) = try? descriptions(of: example) else { return nil }
    var sink = DiagnosticSink()
    return try? Compilation.compile(vm, on: host, target: target, into: &sink)
  }

  /// What an example's two files say.
  static func descriptions(
    of example: Example
  ) throws -> (vm: VMDescription, host: HostDescription) {
    let text = try PackageFiles.text(example.hostPath)
    let vmFile = SourceFile(id: .vm, name: example.vmPath, text: example.text)
    let hostFile = SourceFile(id: .host, name: example.hostPath, text: text)
    var sink = DiagnosticSink()
    return (
      try DescriptionReader.vm(vmFile, into: &sink),
      try DescriptionReader.host(hostFile, into: &sink)
    )
  }
}

/// What happens when anything fails, anywhere.
struct FaultSweepTests {
  @Test func thereAreExamplesForEveryTarget() {
    for target in Example.targets {
      #expect(SweepCase.examples.count { $0.name.hasSuffix(target) } >= 5, "\(target)")
    }
  }

  @Test(arguments: SweepCase.examples)
  func anExampleRunsAndItsUndoLeavesNothing(sample: SweepCase) {
    let kernel = SimulatedKernel(sample.compiled.host)
    var interpreter = Interpreter(program: sample.compiled.program, kernel: kernel)
    let report = interpreter.run()
    #expect(ExecutorDiagnostics.diagnostics(of: report).map(\.message) == [])
    #expect(report.completed == sample.compiled.program.steps.count)
    #expect(!kernel.state().isPristine)
    #expect(interpreter.undo().isComplete)
    #expect(kernel.state().isPristine)
  }

  /// Whatever step fails with whatever errno, everything is undone and reported once.
  @Test(arguments: SweepCase.examples)
  func everyStepEveryErrno(sample: SweepCase) {
    let program = sample.compiled.program
    for step in program.steps.indices {
      for cause in program.steps[step].action.errnos {
        let faults = FaultInjection.failing(step, with: cause.errno, in: program)
        let kernel = SimulatedKernel(sample.compiled.host, faults: faults ?? [:])
        var interpreter = Interpreter(program: program, kernel: kernel)
        let report = interpreter.run()
        let place = "step \(step + 1) with \(cause.errno)"
        #expect(report.failure?.step == step, "\(place)")
        #expect(report.failure?.cause == .errno(cause.errno), "\(place)")
        #expect(report.failure?.origin == program.steps[step].origin, "\(place)")
        #expect(report.leftovers.isEmpty, "\(place)")
        #expect(report.rolledBack == report.rollback.outcomes.map(\.step), "\(place)")
        #expect(report.rolledBack == report.rolledBack.sorted(by: >), "\(place)")
        #expect(kernel.state().isPristine, "\(place) leaves \(kernel.state())")
        let found = ExecutorDiagnostics.diagnostics(of: report)
        #expect(found.map(\.code.name) == ["VP5001"], "\(place)")
        #expect(found.first?.message.contains(cause.meaning) == true, "\(place)")
      }
    }
  }

  @Test(arguments: SweepCase.examples)
  func whenAnUndoFailsAsWellTheListOfWhatIsLeftIsExact(sample: SweepCase) {
    let program = sample.compiled.program
    let last = program.steps.count
    for failing in Self.spread(last) {
      for undo in 0..<failing {
        guard Self.hasUndo(program, undo) else { continue }
        let faults = FaultInjection.failing(
          failing, with: .enomem, in: program, undos: [undo: .eio])
        guard let faults else { continue }
        let kernel = SimulatedKernel(sample.compiled.host, faults: faults)
        var interpreter = Interpreter(program: program, kernel: kernel)
        let report = interpreter.run()
        let place = "step \(failing + 1), undo of step \(undo + 1)"
        #expect(report.failure?.step == failing, "\(place)")
        #expect(
          report.rollback.outcomes.first { $0.step == undo }?.errno == .eio, "\(place)")
        let undoable = (0..<failing).count { Self.hasUndo(program, $0) }
        #expect(report.rollback.outcomes.count == undoable, "\(place): an undo was left out")
        let difference = LeftoverComparison(report: report, kernel: kernel).difference
        #expect(difference == nil, "\(place): \(difference ?? "")")
        if difference != nil { return }
      }
    }
  }

  @Test(arguments: SweepCase.examples)
  func anUndoThatFailsAfterASuccessIsReportedTheSameWay(sample: SweepCase) {
    let program = sample.compiled.program
    for undo in program.steps.indices where Self.hasUndo(program, undo) {
      let faults = FaultInjection.failingUndos([undo: .eio], in: program)
      let kernel = SimulatedKernel(sample.compiled.host, faults: faults)
      var interpreter = Interpreter(program: program, kernel: kernel)
      var report = interpreter.run()
      #expect(report.isSuccess)
      report.rollback = interpreter.undo()
      let difference = LeftoverComparison(report: report, kernel: kernel).difference
      #expect(difference == nil, "undo of step \(undo + 1): \(difference ?? "")")
      #expect(interpreter.undo().outcomes.isEmpty)
    }
  }

  @Test func memoryThatAMappingKeepsOpenIsListedAndGoneWithItsAddressSpace() throws {
    let sample = try #require(SweepCase.examples.first { $0.name == "igd-and-nic on iommufd" })
    let program = sample.compiled.program
    let steps = program.steps.indices
    let maps = try #require(steps.last { Self.requestName(program, $0) == "IOMMU_IOAS_MAP_FILE" })
    let space = try #require(steps.last { Self.requestName(program, $0) == "IOMMU_IOAS_ALLOC" })
    let iommufd = try #require(
      steps.first { if case .open(.iommu, _) = program.steps[$0].action { true } else { false } })
    for undos in [[maps], [maps, iommufd], [maps, space], [maps, space, iommufd]] {
      let failing = Dictionary(uniqueKeysWithValues: undos.map { ($0, Errno.ebusy) })
      let faults = FaultInjection.failingUndos(failing, in: program)
      let kernel = SimulatedKernel(sample.compiled.host, faults: faults)
      var interpreter = Interpreter(program: program, kernel: kernel)
      var report = interpreter.run()
      report.rollback = interpreter.undo()
      #expect(LeftoverComparison(report: report, kernel: kernel).difference == nil, "\(undos)")
    }
  }

  private static func requestName(_ program: Program, _ step: Int) -> String? {
    guard case .ioctl(_, let request, _, _) = program.steps[step].action else { return nil }
    return request.name
  }

  /// Some steps to fail at: the last ones, where there is most to undo, and every seventh.
  private static func spread(_ count: Int) -> [Int] {
    (0..<count).filter { $0 % 7 == 3 || $0 >= count - 2 }
  }

  private static func hasUndo(_ program: Program, _ step: Int) -> Bool {
    if case .nothing = program.undo(of: program.steps[step]) { false } else { true }
  }
}

/// The leftovers of a report against what a simulated kernel really holds.
struct LeftoverComparison {
  let report: ExecutionReport
  let kernel: SimulatedKernel

  /// The first kind of thing of which the list says more or less than there is.
  var difference: String? {
    let state = kernel.state()
    let claimed = report.leftovers.compactMap(claim).sorted()
    let devices = Set(report.leftovers.compactMap(changedDevice))
    let real = (Self.files(state) + Self.objects(state, kernel)).sorted()
    if claimed != real { return "claimed \(claimed), there is \(real)" }
    let changed = Set(state.driverChanges.map(\.address))
    if devices != changed { return "claimed drivers of \(devices), changed are \(changed)" }
    if state.memoryBytes != memoryBytes { return "memory \(state.memoryBytes)" }
    return state.isPristine == report.leftovers.isEmpty ? nil : "pristine \(state.isPristine)"
  }

  private var memoryBytes: UInt64 {
    report.leftovers.reduce(0) { sum, leftover in
      guard case .memory(let memory, _, _) = report.program.steps[leftover.step].action else {
        return sum
      }
      return sum + memory.size
    }
  }

  private func changedDevice(_ leftover: Leftover) -> BDF? {
    guard case .sysfs(let write) = report.program.steps[leftover.step].action else { return nil }
    return write.address
  }

  /// The open file or object a leftover stands for, as the simulator calls it.
  private func claim(_ leftover: Leftover) -> String? {
    switch report.program.steps[leftover.step].action {
    case .open(let path, _): return Self.label(path)
    case .memory: return "memory"
    case .ioctl(_, let request, let arguments, _):
      switch request.name {
      case "KVM_CREATE_VM": return "KVM VM"
      case "KVM_CREATE_DEVICE": return "kvm-vfio device"
      case "VFIO_GROUP_GET_DEVICE_FD":
        guard case .address(let address) = arguments.first else { return nil }
        return "device \(address)"
      case "IOMMU_IOAS_ALLOC": return "IOAS"
      case "IOMMU_HWPT_ALLOC": return "HWPT"
      case "IOASID_ALLOC": return "IOASID"
      case "IOASID_REGISTER_MEMORY": return "registered"
      default: return nil
      }
    default: return nil
    }
  }

  private static func label(_ path: DevicePath) -> String {
    switch path {
    case .iommu: "/dev/iommu"
    case .vfioContainer: "/dev/vfio/vfio"
    case .vfioGroup(let number): "group \(number)"
    case .vfioDevice(let address): "device \(address)"
    case .kvm: "/dev/kvm"
    case .ioasid: "/dev/ioasid"
    }
  }

  private static func files(_ state: SimulatorState) -> [String] { state.openFiles }

  /// Objects a program makes itself, without their ids; those the kernel makes do not count.
  private static func objects(_ state: SimulatorState, _ kernel: SimulatedKernel) -> [String] {
    let automatic = automaticTables(kernel)
    return state.objects.filter { !automatic.contains($0) }.compactMap { object in
      let kind = String(object.prefix { $0 != " " })
      return ["IOAS", "HWPT", "IOASID", "registered"].contains(kind) ? kind : nil
    }
  }

  /// Tables that come with the first device attached to an address space and go with the last.
  private static func automaticTables(_ kernel: SimulatedKernel) -> Set<String> {
    var tables: Set<String> = []
    for case let file as SimulatedIOMMUFD in kernel.openFiles.all {
      for case (let id, .hwpt(let table)) in file.liveObjects where table.isAutomatic {
        tables.insert("HWPT \(id)")
      }
    }
    return tables
  }
}
