import Parser
import Planner
import TestSupport
import Testing

@testable import Executor

/// The laws of running a program and undoing it, on a kernel that only writes down.
struct InterpreterTests {
  @Test func resultsFlowIntoLaterStepsMemoryWithItsOffset() {
    let kernel = RecordingKernel()
    var interpreter = Interpreter(program: Self.program, kernel: kernel)
    let report = interpreter.run()
    #expect(report.isSuccess)
    #expect(
      kernel.calls == [
        "open iommu -> 3", "ioctl 3 0x3b81", "open vfioDevice -> 4", "ioctl 4 0x3b76",
        "memory 1048576 -> 5, 0x7f0000000000", "ioctl 3 0x3b85",
      ])
    #expect(report.values == [3, 100, 4, 101, 5, 0x7f00_0000_0000])
    #expect(report.results(ofStep: 0).map(\.value) == [3])
    #expect(report.results(ofStep: 1).map(\.field) == ["out_ioas_id"])
    #expect(report.results(ofStep: 1).map(\.value) == [100])
    #expect(report.results(ofStep: 5).isEmpty)
    #expect(report.results(ofStep: 99).isEmpty)
    guard case .bytes(let bytes, _) = kernel.arguments[5] else {
      Issue.record("the map has no bytes")
      return
    }
    #expect(bytes.littleEndian(at: 8, width: 4) == 100)
    #expect(bytes.littleEndian(at: 16, width: 8) == 0x7f00_0000_1000)
  }

  @Test func undoRunsInExactReverseOrderOnce() {
    let kernel = RecordingKernel()
    var interpreter = Interpreter(program: Self.program, kernel: kernel)
    #expect(interpreter.run().isSuccess)
    kernel.calls = []
    let rollback = interpreter.undo()
    #expect(rollback.outcomes.map(\.step) == [5, 4, 2, 1, 0])
    #expect(
      kernel.calls == [
        "ioctl 3 0x3b86", "release 5, unmap 0x7f0000000000 1048576", "close 4", "ioctl 3 0x3b80",
        "close 3",
      ])
    #expect(rollback.isComplete)
    #expect(interpreter.undo().outcomes.isEmpty)
  }

  @Test func aFailureStopsTheProgramUndoesWhatRanAndNothingThatDidNot() {
    for failing in [0, 1, 2, 3, 4, 5] {
      let kernel = RecordingKernel(failing: [failing: .einval])
      var interpreter = Interpreter(program: Self.program, kernel: kernel)
      let report = interpreter.run()
      #expect(report.failure?.step == failing)
      #expect(report.failure?.cause == .errno(.einval))
      #expect(report.failure?.origin == PlanSketch.span(UInt32(failing)))
      #expect(report.completed == failing)
      #expect(report.errno(ofStep: failing) == .einval)
      #expect(report.errno(ofStep: failing - 1) == nil)
      #expect(report.rolledBack == [4, 2, 1, 0].filter { $0 < failing })
    }
  }

  @Test func anUndoThatFailsDoesNotStopTheOthers() {
    // Calls 0 to 4 succeed, 5 fails; then 6 to 9 undo: unmap memory, close, destroy, close.
    let kernel = RecordingKernel(failing: [5: .enomem, 7: .eio, 8: .ebusy])
    var interpreter = Interpreter(program: Self.program, kernel: kernel)
    let report = interpreter.run()
    #expect(report.rollback.outcomes.map(\.step) == [4, 2, 1, 0])
    #expect(report.rollback.outcomes.map(\.errno) == [nil, .eio, .ebusy, nil])
    #expect(report.rolledBack == [4, 0])
    #expect(
      report.leftovers == [
        Leftover(step: 0, reason: .heldBy(step: 2)), Leftover(step: 1, reason: .refused(.ebusy)),
        Leftover(step: 2, reason: .refused(.eio)),
      ])
  }

  @Test func anExpectationThatDoesNotHoldStopsTheProgramLikeARefusal() {
    for (expected, holds) in [(UInt64(100), true), (7, false)] {
      var program = Self.program
      program.steps.insert(
        Step(
          .expect(ResultID(1), mask: nil, equals: .literal(expected)), origin: PlanSketch.span(99)),
        at: 2)
      let kernel = RecordingKernel()
      var interpreter = Interpreter(program: program, kernel: kernel)
      let report = interpreter.run()
      #expect(report.isSuccess == holds)
      if holds { continue }
      #expect(report.failure?.cause == .mismatch(expected: 7, actual: 100))
      #expect(report.rolledBack == [1, 0])
      let found = ExecutorDiagnostics.diagnostics(of: report)
      #expect(found.map(\.code.name) == ["VP5002"])
      #expect(found.first?.span == PlanSketch.span(99))
      #expect(found.first?.message.hasSuffix("expected 7, the kernel says 100") == true)
      #expect(
        found.first?.notes.map(\.message) == [
          "the fact: make an I/O address space, by IOMMU_IOAS_ALLOC",
          "2 steps were undone, in reverse order",
        ])
    }
  }

  @Test(arguments: [4, 0x64, 0x60] as [UInt64])
  func anExpectationWithAMaskLooksAtThoseBitsOnly(bits: UInt64) {
    var program = Self.program
    let check = Action.expect(ResultID(1), mask: bits, equals: .literal(bits))
    program.steps.insert(Step(check, origin: PlanSketch.span(99)), at: 2)
    var interpreter = Interpreter(program: program, kernel: RecordingKernel())
    #expect(interpreter.run().isSuccess == (100 & bits == bits))
  }

  @Test func aRunThatIsInterruptedMakesNoFurtherStepAndUndoesTheOthers() {
    for last in 0...Self.program.steps.count {
      let kernel = RecordingKernel()
      var interpreter = Interpreter(program: Self.program, kernel: kernel)
      var asked = 0
      let report = interpreter.run {
        asked += 1
        return asked > last
      }
      guard last < Self.program.steps.count else {
        #expect(report.isSuccess)
        continue
      }
      #expect(report.failure?.cause == .interrupted)
      #expect(report.failure?.step == last)
      #expect(report.rollback.isComplete)
      #expect(ExecutorDiagnostics.diagnostics(of: report).map(\.code.name) == ["VP5006"])
    }
  }

  @Test func aFileThatAStepHasClosedIsNotClosedAgain() {
    var program = Self.program
    program.steps.append(Step(.close(ResultID(2)), origin: PlanSketch.span(6)))
    let kernel = RecordingKernel()
    var interpreter = Interpreter(program: program, kernel: kernel)
    #expect(interpreter.run().isSuccess)
    kernel.calls = []
    #expect(interpreter.undo().outcomes.map(\.step) == [5, 4, 1, 0])
    #expect(kernel.calls.filter { $0.hasPrefix("close") } == ["close 3"])
  }

  @Test func whatIsLeftIsSaidWithItsLineItsUndosErrnoAndWhoHoldsIt() {
    let kernel = RecordingKernel(failing: [5: .enomem, 7: .eio])
    var interpreter = Interpreter(program: Self.program, kernel: kernel)
    let found = ExecutorDiagnostics.diagnostics(of: interpreter.run())
    #expect(found.map(\.code.name) == ["VP5001", "VP5003"])
    #expect(
      found.first?.message
        == "step 6, IOMMU_IOAS_MAP on 'iommufd': ENOMEM, over RLIMIT_MEMLOCK, or not enough memory")
    #expect(found.last?.message == "2 effects of the program could not be undone")
    #expect(
      found.last?.notes == [
        .init("left: step 1, open 'iommufd' (held by step 3)", PlanSketch.span(0)),
        .init("left: step 3, open 'nic' (undo: EIO)", PlanSketch.span(2)),
      ])
  }

  @Test func theProposalsProgramsAreForTheSimulatorOnly() {
    let found = ExecutorDiagnostics.proposalCannotRun("ioasid")
    #expect(found.code.name == "VP5005")
    #expect(found.message.contains("'ioasid'"))
  }

  @Test func anEmptyProgramSucceedsAndHasNothingToUndo() {
    let kernel = RecordingKernel()
    var interpreter = Interpreter(program: Program(), kernel: kernel)
    #expect(interpreter.run().isSuccess)
    #expect(interpreter.undo().outcomes.isEmpty)
    #expect(kernel.calls.isEmpty)
  }

  /// Opens an iommufd, makes an IOAS, opens and binds a device, maps some memory.
  private static let program: Program = {
    let (iommufd, ioas, nic, id, file, ram) = (
      ResultID(0), ResultID(1), ResultID(2), ResultID(3), ResultID(4), ResultID(5)
    )
    let actions: [Action] = [
      .open(.iommu, iommufd),
      .ioctl(iommufd, IOMMUFDRequests.ioasAlloc, arguments: [], results: [ioas]),
      .open(.vfioDevice(LabHost.c1), nic),
      .ioctl(
        nic, VFIODeviceRequests.bindIOMMUFD, arguments: [.result(iommufd)], results: [id]),
      .memory(GuestMemory(size: 1 << 20), file: file, address: ram),
      .ioctl(
        iommufd, IOMMUFDRequests.ioasMap,
        arguments: [
          .literal(7), .result(ioas), .memory(ram, offset: 0x1000), .literal(0x1000), .literal(0),
        ], results: [nil]),
    ]
    let kinds: [(String, ObjectKind)] = [
      ("iommufd", .iommufd), ("gpa", .ioas), ("nic", .deviceFD), ("nic.id", .boundDevice),
      ("ram", .memoryFile), ("ram.va", .memory),
    ]
    return Program(
      steps: actions.enumerated().map { Step($1, origin: PlanSketch.span(UInt32($0))) },
      results: kinds.map { ResultDefinition(name: $0.0, kind: $0.1) })
  }()
}

/// A kernel that does nothing but write down; answers count up from 100.
private final class RecordingKernel: Kernel {
  var calls: [String] = []
  var arguments: [IoctlArgument] = []
  private let failing: [Int: Errno]
  private var count = 0
  private var nextFile: Int32 = 3
  private var nextID: UInt64 = 100

  init(failing: [Int: Errno] = [:]) { self.failing = failing }

  func open(_ path: DevicePath) throws(Errno) -> Int32 {
    try begin("open \(path == .iommu ? "iommu" : "vfioDevice") -> \(nextFile)")
    nextFile += 1
    return nextFile - 1
  }

  func ioctl(
    _ file: Int32, _ command: UInt32, _ argument: inout IoctlArgument
  ) throws(Errno) -> Int32 {
    try begin("ioctl \(file) 0x\(String(command, radix: 16))", argument)
    let answerOffset: [UInt32: Int] = [0x3b81: 8, 0x3b76: 12]
    if let offset = answerOffset[command], case .bytes(var bytes, let pointers) = argument {
      bytes.setLittleEndian(nextID, at: offset, width: 4)
      nextID += 1
      argument = .bytes(bytes, pointers: pointers)
    }
    return 0
  }

  func close(_ file: Int32) throws(Errno) { try begin("close \(file)") }

  func makeMemory(_ memory: GuestMemory, isMapped: Bool) throws(Errno) -> OpenMemory {
    try begin("memory \(memory.size) -> \(nextFile)\(isMapped ? ", 0x7f0000000000" : "")")
    nextFile += 1
    return OpenMemory(file: nextFile - 1, address: isMapped ? 0x7f00_0000_0000 : nil)
  }

  func releaseMemory(_ memory: OpenMemory, size: UInt64) throws(Errno) {
    let address = memory.address.map { "0x" + String($0, radix: 16) } ?? "nothing"
    try begin("release \(memory.file), unmap \(address) \(size)")
  }

  func write(_ write: SysfsWrite) throws(Errno) { try begin("write") }

  func revert(_ write: SysfsWrite) throws(Errno) { try begin("revert") }

  private func begin(_ call: String, _ argument: IoctlArgument = .none) throws(Errno) {
    defer { count += 1 }
    if let errno = failing[count] { throw errno }
    calls.append(call)
    arguments.append(argument)
  }
}
