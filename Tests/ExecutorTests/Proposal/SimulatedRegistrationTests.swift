import Parser
import Planner
import Testing

@testable import Executor

/// What becomes of memory that is registered with an ioasid file: v1's sentences, and our choices
/// where it is silent (docs/decisions/0018).
struct SimulatedRegistrationTests {
  private let raw = RawKernel(LabHost.mail)
  private let ioasidFD: Int32
  private let va: UInt64
  private let page: UInt64 = 0x1000

  /// Two page tables, each with a device.
  init() {
    ioasidFD = raw.file(.ioasid)
    va = raw.memory()
    for (index, address) in [LabHost.c1, LabHost.c2].enumerated() {
      _ = raw.allocate(ioasidFD, enforce: true)
      _ = raw.attachIOASID(raw.bound(address, ioasidFD), UInt64(index + 1))
    }
  }

  private func register(_ start: UInt64, _ size: UInt64 = 0x1000) -> String {
    raw.registerMemory(ioasidFD, va + start, size)
  }

  private func unregister(_ start: UInt64, _ size: UInt64 = 0x1000) -> String {
    raw.unregisterMemory(ioasidFD, va + start, size)
  }

  private func map(_ table: UInt64, _ start: UInt64, size: UInt64 = 0x1000) -> String {
    raw.mapIOASID(ioasidFD, table, va: va + start, iova: start, size: size)
  }

  private var locked: UInt64 { raw.kernel.state().lockedBytes }

  @Test func memoryIsAccountedForEachPageTableThatMapsItRegisteredMemoryOnce() {
    #expect([map(1, 0), map(2, 0)] == ["0", "0"])
    #expect(locked == 2 * page)
    #expect(raw.unmapIOASID(ioasidFD, 1, iova: 0, size: page) == "\(page)")
    #expect(raw.unmapIOASID(ioasidFD, 2, iova: 0, size: page) == "\(page)")
    #expect(locked == 0)
    #expect(register(0, 4 * page) == "0")
    #expect([map(1, 0, size: 4 * page), map(2, page)] == ["0", "0"])
    #expect(locked == 4 * page)
    #expect(raw.unmapIOASID(ioasidFD, 1, iova: 0, size: 4 * page) == "\(4 * page)")
    #expect(locked == 4 * page)
  }

  @Test func onceMemoryIsRegisteredOnlyRegisteredMemoryIsMappedFromOneRange() {
    #expect(map(1, 0) == "0")
    #expect([register(page), register(2 * page)] == ["0", "0"])
    #expect(map(1, 8 * page) == "EFAULT")
    #expect(map(2, 0) == "EFAULT")
    #expect(map(1, page, size: 2 * page) == "EFAULT")
    #expect([map(1, page), map(1, 2 * page)] == ["0", "0"])
    #expect(locked == 3 * page)
    // What was mapped before has its own pages, and is in nobody's way.
    #expect(raw.unmapIOASID(ioasidFD, 1, iova: 0, size: page) == "\(page)")
    #expect(locked == 2 * page)
  }

  @Test func aRangeIsGivenBackAsItWasRegisteredAndNotWhileItIsMapped() {
    #expect(map(2, 0) == "0")
    #expect(register(0, 2 * page) == "0")
    #expect(map(1, page) == "0")
    #expect(unregister(0, 2 * page) == "EBUSY")
    #expect([unregister(0), unregister(0, 3 * page)] == ["ENOENT", "ENOENT"])
    #expect(raw.unmapIOASID(ioasidFD, 1, iova: page, size: page) == "\(page)")
    #expect(unregister(0, 2 * page) == "0")
    #expect(unregister(0, 2 * page) == "ENOENT")
    #expect(locked == page)
    #expect(map(1, 8 * page) == "0")
  }

  @Test func registeredRangesDoNotOverlapAreWholePagesAndMappedMemory() {
    #expect(register(page, 2 * page) == "0")
    #expect([register(0, 2 * page), register(2 * page)] == ["EEXIST", "EEXIST"])
    #expect([register(0), register(3 * page)] == ["0", "0"])
    #expect([register(8 * page, 0), register(8 * page, 0x800)] == ["EINVAL", "EINVAL"])
    #expect(register(0x800, page) == "EINVAL")
    #expect(raw.registerMemory(ioasidFD, UInt64.max - 0xfff, 2 * page) == "EOVERFLOW")
    #expect(raw.registerMemory(ioasidFD, page, page) == "EFAULT")
    #expect(locked == 4 * page)
  }

  /// RLIMIT_MEMLOCK bounds what is accounted.
  @Test func theLimitOfLockedMemoryBoundsWhatIsAccounted() {
    raw.kernel.lockLimit = 3 * page
    #expect(register(0, 4 * page) == "ENOMEM")
    #expect(locked == 0)
    #expect([map(1, 0), map(2, 0), map(1, page), map(2, page)] == ["0", "0", "0", "ENOMEM"])
    for (table, start) in [(1, 0), (2, 0), (1, page)] as [(UInt64, UInt64)] {
      _ = raw.unmapIOASID(ioasidFD, table, iova: start, size: page)
    }
    #expect(register(0, 3 * page) == "0")
    #expect([map(1, 0, size: 3 * page), map(2, 0, size: 3 * page)] == ["0", "0"])
    #expect(register(4 * page) == "ENOMEM")
  }

  @Test func theEndOfAPageTableGivesBackWhatItMappedThatOfTheFileWhatIsRegistered() {
    #expect([map(2, 0), register(page), map(1, page)] == ["0", "0", "0"])
    raw.kernel.exit()
    #expect(raw.kernel.state().isPristine)
  }

  /// Memory is registered for the process that did it; a child has none of it.
  @Test func memoryIsRegisteredForTheProcessThatDidItAChildHasNoneOfIt() {
    #expect([register(0), map(1, 0)] == ["0", "0"])
    let parent = raw.kernel.fork()
    #expect(locked == 0)
    #expect(map(2, 0) == "EFAULT")
    #expect([unregister(0), register(0), map(2, 0)] == ["ENOENT", "0", "0"])
    #expect(locked == page)
    raw.kernel.exit(to: parent)
    #expect(locked == page)
    #expect(unregister(0) == "EBUSY")
  }

  /// A plan whose page tables share 8 GiB locks 8 GiB, and runs within that limit.
  @Test func aPlanWhosePageTablesShareMemoryLocksItOnceAndRunsWithinThatLimit() throws {
    let compiled = try LabHost.compile(
      [("igd", LabHost.n1, .required), ("nic", LabHost.c1, .forbidden)], on: LabHost.mixed(),
      memory: [
        MemoryRegion(gpa: 0, size: 2 << 30), MemoryRegion(gpa: 4 << 30, size: 6 << 30),
      ])
    #expect(compiled.plan.pageTables.count == 2)
    #expect(compiled.plan.lockedBytes == 8 << 30)
    for (limit, isEnough) in [(8 << 30, true), (8 << 30 - 4096, false)] as [(UInt64, Bool)] {
      let kernel = SimulatedKernel(compiled.host)
      kernel.lockLimit = limit
      var interpreter = Interpreter(program: compiled.program, kernel: kernel)
      #expect(interpreter.run().isSuccess == isEnough)
      #expect(kernel.state().lockedBytes == (isEnough ? 8 << 30 : 0))
      _ = interpreter.undo()
      #expect(kernel.state().isPristine)
    }
  }
}
