import Parser

/// What each address space maps: windows cut into pieces that one memory region backs.
struct AddressSpaceMaps: Sendable {
  /// The most pieces all address spaces together may need.
  static let maximumMappings = 1 << 20

  /// By address space (0 is `gpa`, then `VMDescription.addressSpaces`), by ascending IOVA.
  private(set) var mappings: [[PlannedAddressSpace.Mapping]] = []
  /// Guest memory by ascending address: positions in `VMDescription.memory`.
  private var regions: [Int] = []
  private var total = 0
  private let vm: VMDescription

  /// Lays out all address spaces; reports overlaps and holes.
  init(_ vm: VMDescription, into sink: inout DiagnosticSink) {
    self.vm = vm
    regions = vm.memory.indices.sorted { (vm.memory[$0].gpa, $0) < (vm.memory[$1].gpa, $1) }
    let overlaps = checkMemory(into: &sink)
    mappings.append(regions.map(identity))
    total = regions.count
    for space in vm.addressSpaces {
      checkWindows(of: space, into: &sink)
      mappings.append(overlaps ? [] : pieces(of: space, into: &sink))
    }
    if total > Self.maximumMappings {
      sink.report(PlannerDiagnostics.mappingLimit(Self.maximumMappings, at: vm.$name))
    }
  }

  private func identity(_ region: Int) -> PlannedAddressSpace.Mapping {
    let memory = vm.memory[region]
    return PlannedAddressSpace.Mapping(
      iova: memory.gpa, size: memory.size, region: region, offset: 0, origin: memory.span)
  }

  private func checkMemory(into sink: inout DiagnosticSink) -> Bool {
    let pairs = Self.overlaps(
      regions.map { (vm.memory[$0].gpa, Self.last(vm.memory[$0].gpa, vm.memory[$0].size)) })
    for (earlier, later) in pairs {
      sink.report(
        PlannerDiagnostics.overlap(
          memory: vm.memory[regions[later]], with: vm.memory[regions[earlier]]))
    }
    return !pairs.isEmpty
  }

  private func checkWindows(of space: AddressSpace, into sink: inout DiagnosticSink) {
    let windows = space.windows.sorted { $0.iova < $1.iova }
    for (earlier, later) in Self.overlaps(
      windows.map { ($0.iova, Self.last($0.iova, $0.size)) })
    {
      sink.report(
        PlannerDiagnostics.overlap(window: windows[later], with: windows[earlier], in: space))
    }
  }

  private mutating func pieces(
    of space: AddressSpace, into sink: inout DiagnosticSink
  ) -> [PlannedAddressSpace.Mapping] {
    var pieces: [PlannedAddressSpace.Mapping] = []
    for window in space.windows.sorted(by: { $0.iova < $1.iova }) {
      if let hole = cut(window, into: &pieces) {
        sink.report(PlannerDiagnostics.unbacked(window, at: hole, in: space))
      }
    }
    return pieces
  }

  /// Cuts a window at the borders of memory regions; returns the first address nobody backs.
  private mutating func cut(
    _ window: AddressSpace.Window, into pieces: inout [PlannedAddressSpace.Mapping]
  ) -> UInt64? {
    var done: UInt64 = 0
    var next = firstRegion(endingAtOrAfter: window.gpa)
    while done < window.size, total <= Self.maximumMappings {
      let address = window.gpa &+ done
      guard next < regions.count, vm.memory[regions[next]].gpa <= address else { return address }
      let region = vm.memory[regions[next]]
      let offset = address - region.gpa
      let size = min(window.size - done, region.size &- offset)
      pieces.append(
        PlannedAddressSpace.Mapping(
          iova: window.iova &+ done, size: size, region: regions[next], offset: offset,
          origin: window.span))
      total += 1
      done &+= size
      next += 1
    }
    return nil
  }

  private func firstRegion(endingAtOrAfter address: UInt64) -> Int {
    regions.partitioningIndex {
      Self.last(vm.memory[$0].gpa, vm.memory[$0].size) >= address
    }
  }

  /// The first piece of an address space that ends at or after an address.
  func firstMapping(of space: Int, endingAtOrAfter address: UInt64) -> Int {
    mappings[space].partitioningIndex { Self.last($0.iova, $0.size) >= address }
  }

  /// The last byte of a range of positive size.
  static func last(_ start: UInt64, _ size: UInt64) -> UInt64 { start &+ (size &- 1) }

  /// Pairs of ranges that overlap, given by first and last byte and sorted by the first: each range
  /// with the one before it that reaches farthest.
  private static func overlaps(_ ranges: [(UInt64, UInt64)]) -> [(earlier: Int, later: Int)] {
    var pairs: [(earlier: Int, later: Int)] = []
    var farthest = 0
    for index in ranges.indices.dropFirst() {
      if ranges[index].0 <= ranges[farthest].1 { pairs.append((farthest, index)) }
      if ranges[index].1 > ranges[farthest].1 { farthest = index }
    }
    return pairs
  }
}
