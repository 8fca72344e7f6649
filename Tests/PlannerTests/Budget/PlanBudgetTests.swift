import Parser
import TestSupport
import Testing

@testable import Planner

/// What a plan takes of limits and addresses, against what can be counted by hand.
struct PlanBudgetTests {
  /// A machine with one device behind a unit of some bits.
  private static func host(_ bits: Int, _ bars: [BAR]?, release: String = "6.8.0")
    -> HostDescription
  {
    var device = HostDevice(
      address: BDF(domain: 0, bus: 1, device: 0, function: 0), iommu: "dmar0", group: 1,
      driver: "vfio-pci", noSnoopCapable: .yes)
    device.bars = bars
    return HostDescription(
      name: "h", kernel: HostKernel(release: release),
      iommus: [HostIOMMU(name: "dmar0", enforceSnoop: .yes, addressBits: bits)], devices: [device])
  }

  private static func compile(
    _ host: HostDescription, memory: [MemoryRegion], target: String = "type1"
  ) throws -> CompiledPlan {
    let vm = VMDescription(
      name: "vm", memory: memory,
      devices: [AssignedDevice(name: "d0", address: host.devices[0].address)])
    var sink = DiagnosticSink()
    return try Compilation.compile(vm, on: host, target: target, into: &sink)
  }

  /// Where sizes end in an order, each at a multiple of its size.
  private static func end(_ sizes: [UInt64], above start: UInt64) -> UInt64 {
    sizes.reduce(start) { ($0 + $1 - 1) / $1 * $1 + $1 }
  }

  private static func orders(_ sizes: [UInt64]) -> [[UInt64]] {
    if sizes.isEmpty { return [[]] }
    return sizes.indices.flatMap { index in
      var rest = sizes
      let first = rest.remove(at: index)
      return orders(rest).map { [first] + $0 }
    }
  }

  @Test func barsThatPassAnIOMMUsWidthInEveryOrderAndOnlyThoseAreSaidTo() throws {
    var random = SeededNumbers(seed: 58)
    var answers: Set<Fact> = []
    for _ in 0..<600 {
      let bars = (0..<Int.random(in: 0...4, using: &random)).map { index in
        BAR(
          index: index, size: 1 << UInt64.random(in: 12...38, using: &random),
          is64Bit: Int.random(in: 0..<4, using: &random) > 0)
      }
      let bits = Int.random(in: 34...40, using: &random)
      let size = UInt64.random(in: 1...1 << 18, using: &random) << 12
      let plan = try Self.compile(Self.host(bits, bars), memory: [MemoryRegion(gpa: 0, size: size)])
      let sizes = bars.filter(\.is64Bit).map(\.size)
      let lowest = Self.orders(sizes).map { Self.end($0, above: max(1 << 32, size)) }.min() ?? 0
      let isPassed = !sizes.isEmpty && lowest > 1 << UInt64(bits)
      let budget = PlanBudget(plan)
      #expect(budget.fitsIOMMU == Fact(!isPassed), "\(bars) above \(size) in \(bits) bits")
      #expect(plan.diagnostics.contains { $0.code.name == "VP3050" } == isPassed)
      answers.insert(budget.fitsIOMMU)
      let blind = PlanBudget(
        try Self.compile(Self.host(bits, nil), memory: [MemoryRegion(gpa: 0, size: size)]))
      #expect(blind.fitsIOMMU == .unknown, "what is not known is neither")
    }
    #expect(answers == [.yes, .no])
  }

  @Test func allThatTwoAddressSpacesShareIsCountedTwiceButEachByteOfTheGuestOnce() throws {
    for seed: UInt64 in 0..<400 {
      let world = SmallWorlds.random(seed: seed)
      for dialect in Dialects.all {
        var sink = DiagnosticSink()
        let compiled = try? Compilation.compile(
          world.vm(), on: world.host, dialect: dialect, into: &sink)
        guard let compiled else { continue }
        let budget = PlanBudget(compiled)
        let mapped = compiled.plan.addressSpaces.map { $0.mappings.reduce(0) { $0 + $1.size } }
        let registers = !compiled.plan.registeredMemory.isEmpty
        #expect(budget.lockedBytes == (registers ? budget.guestBytes : mapped.reduce(0, +)))
        #expect(budget.guestBytes <= world.vm().memory.reduce(0) { $0 + $1.size })
        #expect(budget.guestBytes >= mapped.max() ?? 0)
        #expect(budget.mappings == compiled.plan.addressSpaces.reduce(0) { $0 + $1.mappings.count })
        #expect(budget.account == .process)
      }
    }
  }

  @Test func aLimitThatIsStatedRefusesOneMappingMoreOneThatIsAssumedWarns() throws {
    let memory = (0..<4).map { MemoryRegion(gpa: UInt64($0) << 30, size: 4096) }
    var host = Self.host(39, [])
    host.kernel.mappingLimit = 4
    let plan = try Self.compile(host, memory: memory)
    #expect(PlanBudget(plan).mappingLimit == MappingLimit(count: 4, isStated: true))
    #expect(plan.diagnostics.isEmpty)
    host.kernel.mappingLimit = 3
    let refused = #expect(throws: DiagnosticsError.self) {
      try Self.compile(host, memory: memory)
    }
    #expect(refused?.diagnostics.map(\.code.name) == ["VP4050"])
    #expect(throws: Never.self) { try Self.compile(host, memory: memory, target: "iommufd") }
    host.kernel.vfioContainer = .iommufd
    #expect(PlanBudget(try Self.compile(host, memory: memory)).mappingLimit == nil)
    host.kernel.vfioContainer = nil
    host.kernel.mappingLimit = nil
    let many = (0..<65_536).map { MemoryRegion(gpa: UInt64($0) << 13, size: 4096) }
    let warned = try Self.compile(host, memory: many)
    #expect(warned.diagnostics.map(\.code.name) == ["VP4050"])
    #expect(warned.diagnostics.map(\.severity) == [.warning])
    #expect(try Self.compile(host, memory: Array(many.dropLast())).diagnostics.isEmpty)
  }

  @Test(arguments: [
    ("iommufd", "6.18.2", Fact.no, Fact.no), ("iommufd", "6.19.0", .yes, .no),
    ("iommufd", "7.2.6", .yes, .no), ("iommufd", "6.14.0-1013-nvidia", .unknown, .unknown),
    ("type1", "6.14.0-1013-nvidia", .yes, .no), ("type1", "5.15.0", .yes, .no),
    ("ioasid", "7.2.6", .unknown, .no),
  ])
  func whatIsSaidOfBARsFollowsTheInterfaceAndItsRelease(
    target: String, release: String, mapped: Fact, locked: Fact
  ) throws {
    let host = Self.host(48, nil, release: release)
    let budget = PlanBudget(
      try Self.compile(host, memory: [MemoryRegion(gpa: 0, size: 1 << 30)], target: target))
    #expect(budget.mapsBARs == mapped && budget.locksBARs == locked)
  }

  @Test func anIommufdThatOthersHaveOpenedIsCountedByUserUnlessTheySayOtherwise() throws {
    let plan = try Self.compile(
      Self.host(48, nil), memory: [MemoryRegion(gpa: 0, size: 1 << 30)], target: "iommufd")
    #expect(PlanBudget(plan).account == .process)
    #expect(PlanBudget(plan.receivingIOMMUFD).account == .user)
  }

  @Test func theGuestsWidthIsLimitedExactlyWhereFirmwareCouldPutABARBeyondTheIOMMU() throws {
    let memory = [MemoryRegion(gpa: 0, size: 1 << 30)]
    let wide = [BAR(index: 0, size: 1 << 30)]
    func limit(_ bits: Int, _ bars: [BAR]?, cpu: Int? = nil) throws -> Int? {
      var host = Self.host(bits, bars)
      host.kernel.processor.addressBits = cpu
      return PlanBudget(try Self.compile(host, memory: memory)).guestLimit
    }
    #expect(try limit(39, wide) == 39 && limit(39, nil) == 39 && limit(39, wide, cpu: 46) == 39)
    #expect(try limit(39, wide, cpu: 39) == nil && limit(48, wide) == nil && limit(57, nil) == nil)
    #expect(try limit(39, []) == nil, "nothing lies there")
    #expect(try limit(33, [BAR(index: 0, size: 1 << 34)]) == nil, "it has no room anyway")
  }

  @Test func memoryAndBARsBeyondTheCPUsWidthAreFoundWhereThatIsKnown() throws {
    let bars = [BAR(index: 2, size: 1 << 38)]
    for (cpu, codes) in [(nil, []), (39, []), (38, ["VP3052"])] as [(Int?, [String])] {
      var host = Self.host(48, bars)
      host.kernel.processor.addressBits = cpu
      let plan = try Self.compile(host, memory: [MemoryRegion(gpa: 0, size: 1 << 30)])
      #expect(plan.diagnostics.map(\.code.name) == codes)
      #expect(PlanBudget(plan).fitsGuest == (cpu == nil ? .unknown : Fact(codes.isEmpty)))
    }
  }

  @Test func aBARThatIsGivenTwiceIsFoundAndTwoBARsAreNot() throws {
    let memory = [MemoryRegion(gpa: 0, size: 1 << 30)]
    let (one, other) = (BAR(index: 0, size: 4096), BAR(index: 1, size: 4096))
    #expect(try Self.compile(Self.host(48, [one, other]), memory: memory).diagnostics.isEmpty)
    let refused = #expect(throws: DiagnosticsError.self) {
      try Self.compile(Self.host(48, [one, one, other]), memory: memory)
    }
    #expect(refused?.diagnostics.map(\.code.name) == ["VP4051"])
  }

  @Test func memoryOfSeveralPagesGetsTheLargestThatAllOfItIsAMultipleOf() {
    func pages(_ regions: (UInt64, UInt64?)...) -> GuestPages {
      GuestPages(
        VMDescription(
          name: "vm", memory: regions.map { MemoryRegion(gpa: 0, size: $0.0, hugePageBytes: $0.1) },
          devices: []))
    }
    #expect(pages((1 << 30, nil)).bytes == nil && pages((1 << 30, nil)).isExact)
    #expect(pages((1 << 30, 2 << 20)).bytes == 2 << 20 && pages((1 << 30, 2 << 20)).isExact)
    let mixed = pages((2 << 30, nil), (4 << 30, 1 << 30))
    #expect(mixed.bytes == 1 << 30 && !mixed.isExact && mixed.total == 6 << 30)
    #expect(pages((2 << 20, 2 << 20), (4 << 30, 1 << 30)).bytes == 2 << 20)
    let small = pages((4096, nil), (2 << 20, 2 << 20))
    #expect(small.bytes == nil && !small.isExact)
  }
}
