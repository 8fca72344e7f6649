import Parser
import TestSupport
import Testing

@testable import Planner

/// Lines that leave reserved regions out, as a finding gives them to be pasted.
struct MemoryAroundHolesTests {
  private static func vm(_ entry: String, extra: String = "") throws -> VMDescription {
    let text = "apiVersion: vfioplan/v1\nkind: VM\nname: vm\n\(entry)\ndevices: []\n\(extra)"
    var sink = DiagnosticSink()
    let file = SourceFile(id: .vm, name: "vm.yaml", text: text)
    return try DescriptionReader.vm(file, into: &sink)
  }

  private static func lines(_ memory: [MemoryRegion], _ holes: [ClosedRange<UInt64>]) -> String? {
    MemoryAroundHoles(holes).lines(
      for: VMDescription(name: "vm", memory: memory, devices: []), space: 0)
  }

  @Test func thePCsHoleIsWhereFirmwareHasIt() {
    let window: ClosedRange<UInt64> = 0xFEE0_0000...0xFEEF_FFFF
    #expect(
      Self.lines([MemoryRegion(gpa: 0, size: 8 << 30)], [window])
        == "memory: [ { gpa: 0x0, size: 3GiB }, { gpa: 4GiB, size: 5GiB } ]")
    #expect(
      Self.lines(
        [MemoryRegion(gpa: 0, size: 4 << 30), MemoryRegion(gpa: 4 << 30, size: 1 << 30)], [window])
        == "memory: [ { gpa: 0x0, size: 3GiB }, { gpa: 4GiB, size: 1GiB }, "
        + "{ gpa: 5GiB, size: 1GiB } ]"
    )
  }

  @Test func whatLiesInNoRegionStays() {
    let memory = [MemoryRegion(gpa: 0, size: 2 << 30)]
    #expect(
      Self.lines(memory, [0xFEE0_0000...0xFEEF_FFFF]) == "memory: [ { gpa: 0x0, size: 2GiB } ]")
  }

  @Test func aRegionAtTheEndOfAllAddressesHasNothingBehindIt() {
    #expect(Self.lines([MemoryRegion(gpa: 0, size: 1 << 40)], [0x1000...UInt64.max]) == nil)
  }

  /// The law: pasted, they describe as much memory, on the same pages, none of it in a region.
  @Test func linesCanBePastedAndLoseNothing() throws {
    var numbers = SeededNumbers(seed: 17)
    var count = 0
    for _ in 0..<500 {
      let (memory, holes) = Self.world(&numbers)
      guard let lines = Self.lines(memory, holes) else { continue }
      count += 1
      let pasted = try Self.vm(lines).memory.sorted { $0.gpa < $1.gpa }
      #expect(pasted.map(\.size).reduce(0, +) == memory.map(\.size).reduce(0, +), "\(lines)")
      for region in pasted {
        let end = region.gpa + (region.size - 1)
        #expect(!holes.contains { $0.overlaps(region.gpa...end) }, "\(lines), not \(holes)")
      }
      for (one, next) in zip(pasted, pasted.dropFirst()) {
        #expect(one.gpa + one.size <= next.gpa, "\(lines)")
      }
      #expect(Set(pasted.map(\.hugePageBytes)).isSubset(of: Set(memory.map(\.hugePageBytes))))
    }
    #expect(count > 300)
  }

  /// The law: within a width and pages, lines keep to them, or memory has to shrink.
  @Test func linesKeepToWidthsAndPages() throws {
    var numbers = SeededNumbers(seed: 171)
    var (pasted, refused) = (0, 0)
    for _ in 0..<500 {
      let (some, holes) = Self.world(&numbers)
      let page: UInt64 = [4096, 64 << 10][numbers.below(2)]
      let memory = some.filter { ($0.gpa | $0.size) % page == 0 }
      let bits = 31 + numbers.below(3)
      let around = MemoryAroundHoles(holes, bits: bits, pageBytes: page)
      let vm = VMDescription(name: "vm", memory: memory, devices: [])
      guard let lines = around.lines(for: vm, space: 0), !memory.isEmpty else {
        if around.advice(for: vm, space: 0).contains("so make it smaller") { refused += 1 }
        continue
      }
      pasted += 1
      for region in try Self.vm(lines).memory {
        #expect((region.gpa | region.size) % page == 0 && region.gpa + region.size <= 1 << bits)
      }
    }
    #expect(pasted > 100 && refused > 20, "\(pasted), \(refused)")
  }

  @Test func memoryThatFillsTheWidthHasToShrink() {
    let vm = VMDescription(
      name: "vm", memory: [MemoryRegion(gpa: 0, size: 512 << 30)], devices: [])
    let around = MemoryAroundHoles([0xFEE0_0000...0xFEEF_FFFF], bits: 39)
    #expect(
      around.advice(for: vm, space: 0)
        == "; there is no place then for 1GiB of the memory below 512GiB, so make it smaller")
  }

  private static func world(
    _ numbers: inout SeededNumbers
  ) -> ([MemoryRegion], [ClosedRange<UInt64>]) {
    var next: UInt64 = 0
    let memory = (0..<1 + numbers.below(3)).map { _ -> MemoryRegion in
      let page: UInt64 = [4096, 2 << 20, 1 << 30][numbers.below(3)]
      let start = (next + UInt64(numbers.below(3)) * page + page - 1) / page * page
      let size = UInt64(1 + numbers.below(6)) * page
      next = start + size
      return MemoryRegion(gpa: start, size: size, hugePageBytes: page == 4096 ? nil : page)
    }
    let holes = (0..<1 + numbers.below(3)).map { _ -> ClosedRange<UInt64> in
      let start = numbers.next() % (next + 4096) / 4096 * 4096
      return start...(start + UInt64(1 + numbers.below(300)) * 4096 - 1)
    }
    return (memory, holes)
  }

  @Test func windowsKeepWhatTheyReach() throws {
    var vm = VMDescription(name: "vm", memory: [MemoryRegion(gpa: 0, size: 8 << 30)], devices: [])
    vm.addressSpaces = [
      AddressSpace(
        name: "dma", windows: [.init(iova: 0, gpa: 1 << 30, size: 5 << 30, span: .wholeVM)],
        nameSpan: .wholeVM)
    ]
    #expect(
      MemoryAroundHoles([0xFEE0_0000...0xFEEF_FFFF]).lines(for: vm, space: 1)
        == "memory: [ { iova: 0x0, gpa: 1GiB, size: 3GiB }, { iova: 4GiB, gpa: 4GiB, size: 2GiB } ]"
    )
  }
}
