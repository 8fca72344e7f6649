import Parser
import TestSupport
import Testing

@testable import Planner

/// On target `ioasid` memory that page tables share is registered, all of it, once.
struct RegisteredMemoryTests {
  /// A range of guest memory in a step: region, first byte, end.
  private struct Range {
    var memory: ResultID
    var start: UInt64
    var end: UInt64

    func overlaps(_ other: Range) -> Bool {
      memory == other.memory && start < other.end && other.start < end
    }

    func contains(_ other: Range) -> Bool {
      memory == other.memory && start <= other.start && other.end <= end
    }
  }

  /// What a program registers and maps, by step; a map's table is the IOASID.
  private struct Steps {
    var registered: [(step: Int, range: Range)] = []
    var mapped: [(step: Int, table: ResultID, range: Range)] = []

    init(_ program: Program) {
      for (step, action) in program.steps.map(\.action).enumerated() {
        guard case .ioctl(_, let request, let arguments, _) = action else { continue }
        switch (request, arguments.count) {
        case (IOASIDRequests.registerMemory, 2):
          guard let range = Self.range(arguments[0], arguments[1]) else { continue }
          registered.append((step, range))
        case (IOASIDRequests.mapDMA, 5):
          guard case .result(let table) = arguments[1],
            let range = Self.range(arguments[2], arguments[4])
          else { continue }
          mapped.append((step, table, range))
        default: break
        }
      }
    }

    private static func range(_ memory: Operand, _ size: Operand) -> Range? {
      guard case .memory(let id, let offset) = memory, case .literal(let size) = size else {
        return nil
      }
      return Range(memory: id, start: offset, end: offset + size)
    }

    /// Whether two page tables have a byte in common; by all pairs.
    var areShared: Bool {
      mapped.contains { left in
        mapped.contains { $0.table != left.table && $0.range.overlaps(left.range) }
      }
    }
  }

  /// The law that a program breaks, in words.
  private static func breach(_ program: Program) -> String? {
    let steps = Steps(program)
    guard steps.areShared else {
      return steps.registered.isEmpty ? nil : "memory is registered for one page table"
    }
    for (step, _, range) in steps.mapped {
      let holding = steps.registered.filter { $0.range.contains(range) }
      if holding.count != 1 { return "\(range) is in \(holding.count) registered ranges" }
      if holding[0].step > step { return "\(range) is mapped before it is registered" }
    }
    for (step, range) in steps.registered {
      if steps.registered.contains(where: { $0.step != step && $0.range.overlaps(range) }) {
        return "\(range) is registered twice"
      }
      if !steps.mapped.contains(where: { $0.range.overlaps(range) }) {
        return "\(range) is registered for nothing"
      }
    }
    return ordered(undosOf: program)
  }

  /// Memory is given back after the last unmap and before it is released.
  private static func ordered(undosOf program: Program) -> String? {
    let undos = ProgramUndoTests.undos(program).map { $0.prefix { $0 != " " } }
    guard let unmap = undos.lastIndex(of: "IOASID_UNMAP_DMA"),
      let first = undos.firstIndex(of: "IOASID_UNREGISTER_MEMORY"),
      let last = undos.lastIndex(of: "IOASID_UNREGISTER_MEMORY"),
      let release = undos.firstIndex(of: "release")
    else { return "the undo is \(undos)" }
    return unmap < first && last < release ? nil : "the undo is \(undos)"
  }

  /// What two page tables map is registered once, before and after all maps; nothing else is.
  @Test func whatTwoPageTablesMapIsRegisteredOnceBeforeAndAfterAllMapsNothingElseIs() {
    var shared = 0
    for seed in UInt64(0)..<4_000 {
      let world = SmallWorlds.random(seed: seed)
      var sink = DiagnosticSink()
      guard
        let compiled = try? Compilation.compile(
          world.vm(), on: world.host, target: "ioasid", objective: nil, into: &sink)
      else { continue }
      let breach = Self.breach(compiled.program)
      #expect(breach == nil, "seed \(seed): \(breach ?? "")\n\(world)")
      if breach != nil { return }
      let steps = Steps(compiled.program)
      if steps.areShared { shared += 1 }
      let counted = steps.areShared ? steps.registered.map(\.range) : steps.mapped.map(\.range)
      #expect(compiled.plan.lockedBytes == counted.reduce(0) { $0 + $1.end - $1.start })
    }
    #expect(shared > 300, "page tables of random worlds share hardly any memory")
  }

  @Test func registeringTakesPiecesOfAnyShapeTogether() {
    let gib: UInt64 = 1 << 30
    // Two windows that touch, one inside, one apart; in spaces with one page table each.
    let plan = Self.plan([[(0, gib, gib), (0, 0, gib)], [(0, gib / 2, gib)], [(1, 4 * gib, gib)]])
    #expect(
      RegisteredMemory.shared(in: plan) == [
        RegisteredMemory(region: 0, offset: 0, size: 2 * gib),
        RegisteredMemory(region: 1, offset: 4 * gib, size: gib),
      ])
    #expect(plan.lockedBytes == 3 * gib)
  }

  @Test func memoryThatOnePageTableMapsTwiceOrTwoSideBySideIsNotRegistered() {
    let gib: UInt64 = 1 << 30
    let twice = Self.plan([[(0, 0, gib), (0, 0, gib)], [(1, 0, gib)]])
    #expect(RegisteredMemory.shared(in: twice) == [])
    #expect(twice.lockedBytes == 3 * gib)
    #expect(RegisteredMemory.shared(in: Self.plan([[(0, 0, gib)], [(0, gib, gib)]])) == [])
  }

  @Test func otherTargetsRegisterNothingAndCountByAddressSpace() {
    let sketch = PlanSketch([.init("a", group: 1), .init("b", group: 2, isEnforced: false)])
    for dialect in Dialects.all {
      let plan = sketch.plan(target: dialect.name)
      #expect(plan.registeredMemory.isEmpty == (dialect.name != "ioasid"))
      #expect(plan.lockedBytes == 1 << 30)
    }
  }

  @Test func eachRegionIsRegisteredByItsOwnLineThenMappedIntoEachPageTable() {
    let sketch = PlanSketch([
      .init("dev1", group: 1), .init("dev2", group: 2, isEnforced: false, canEnforce: false),
    ])
    let program = IOASIDProposalDialect().lower(
      sketch.plan(target: "ioasid"), for: sketch.vm, on: sketch.host)
    let lines = ProgramText.text(of: program).split(separator: "\n").suffix(4)
    #expect(
      lines.map(String.init) == [
        "%ram0, %ram0.va = memory size=0x40000000",
        "ioctl %ioasid IOASID_REGISTER_MEMORY vaddr=%ram0.va+0 size=0x40000000",
        "ioctl %ioasid IOASID_MAP_DMA flags=READ|WRITE ioasid=%gpa.0 vaddr=%ram0.va+0 iova=0 "
          + "size=0x40000000",
        "ioctl %ioasid IOASID_MAP_DMA flags=READ|WRITE ioasid=%gpa.1 vaddr=%ram0.va+0 iova=0 "
          + "size=0x40000000",
      ])
    #expect(program.steps[program.steps.count - 3].origin == PlanSketch.span(900))
    #expect(Self.breach(program) == nil)
  }

  /// A plan with one page table for each of some address spaces, given by what they map: region,
  /// offset and size.
  private static func plan(_ spaces: [[(Int, UInt64, UInt64)]]) -> IOASIDPlan {
    let sketch = PlanSketch(
      spaces.indices.map { .init("d\($0)", group: $0, space: $0) },
      spaces: spaces.indices.map { "space\($0)" })
    var plan = sketch.plan(target: "ioasid")
    for (index, pieces) in spaces.enumerated() {
      var iova: UInt64 = 0
      plan.addressSpaces[index].mappings = pieces.map { region, offset, size in
        defer { iova += size }
        return PlannedAddressSpace.Mapping(
          iova: iova, size: size, region: region, offset: offset, origin: PlanSketch.span(900))
      }
    }
    return plan
  }
}
