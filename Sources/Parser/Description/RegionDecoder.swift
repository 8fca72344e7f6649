/// Reads the entries of `memory` lists, of the VM and of an address space.
struct RegionDecoder {
  /// The smallest page; everything that is mapped is a multiple of it.
  private static let pageBytes: UInt64 = 4096
  /// The smallest huge page, that of Arm's contiguous entries; all are powers of two.
  private static let smallestHugePage: UInt64 = 64 << 10

  private let tree: YAMLTree
  private var memoryFields: MappingDecoder
  private let gpa, size, hugepages, populate: MappingDecoder.Field
  private let populations = WordList("way to populate memory", of: MemoryRegion.Population.self)
  private var windowFields: MappingDecoder
  private let windowIOVA, windowGPA, windowSize: MappingDecoder.Field

  /// Declares the two shapes of entry.
  init(_ tree: YAMLTree) {
    self.tree = tree
    memoryFields = MappingDecoder(tree, "a memory region")
    gpa = memoryFields.require("gpa")
    size = memoryFields.require("size")
    hugepages = memoryFields.allow("hugepages")
    populate = memoryFields.allow("populate")
    windowFields = MappingDecoder(tree, "a window")
    windowIOVA = windowFields.require("iova")
    windowGPA = windowFields.require("gpa")
    windowSize = windowFields.require("size")
  }

  /// Reads a region of guest memory.
  mutating func memory(_ node: YAMLTree.Node, _ decoder: inout NodeDecoder) -> MemoryRegion? {
    guard memoryFields.read(node, &decoder) else { return nil }
    let start = address(memoryFields[gpa], &decoder)
    let length = length(memoryFields[size], &decoder)
    let hugePage = hugePage(memoryFields[hugepages], &decoder)
    let population = decoder.word(memoryFields[populate], populations) ?? .lazy
    guard let start, let length else { return nil }
    let sizeSpan = decoder.span(memoryFields[size], or: tree.span(of: node))
    checkEnd(of: start, length, "guest-physical", sizeSpan, &decoder)
    if let hugePage, length % hugePage != 0 {
      decoder.report(ParserDiagnostics.hugePageMultiple(length, hugePage, at: sizeSpan))
    }
    return MemoryRegion(
      gpa: start, size: length, hugePageBytes: hugePage, population: population,
      span: tree.span(of: node))
  }

  /// Reads a size of memory, as regions where a machine has it.
  mutating func layout(
    _ node: YAMLTree.Node, _ machine: GuestMachine, _ decoder: inout NodeDecoder
  ) -> [MemoryRegion] {
    guard let bytes = length(node, &decoder) else { return [] }
    let span = tree.span(of: node)
    return machine.layout(of: bytes).map { range in
      checkEnd(of: range.gpa, range.size, "guest-physical", span, &decoder)
      return MemoryRegion(gpa: range.gpa, size: range.size, span: span)
    }
  }

  /// Reads a window of an address space.
  mutating func window(
    _ node: YAMLTree.Node, _ decoder: inout NodeDecoder
  ) -> AddressSpace.Window? {
    guard windowFields.read(node, &decoder) else { return nil }
    let iova = address(windowFields[windowIOVA], &decoder)
    let gpa = address(windowFields[windowGPA], &decoder)
    let length = length(windowFields[windowSize], &decoder)
    guard let iova, let gpa, let length else { return nil }
    let sizeSpan = decoder.span(windowFields[windowSize], or: tree.span(of: node))
    checkEnd(of: iova, length, "I/O virtual", sizeSpan, &decoder)
    checkEnd(of: gpa, length, "guest-physical", sizeSpan, &decoder)
    return AddressSpace.Window(iova: iova, gpa: gpa, size: length, span: tree.span(of: node))
  }

  private func address(_ node: YAMLTree.Node?, _ decoder: inout NodeDecoder) -> UInt64? {
    guard let node, let value = decoder.bytes(node, "an address") else { return nil }
    guard value % Self.pageBytes == 0 else {
      decoder.report(
        ParserDiagnostics.pageMultiple("address", tree.string(of: node), at: tree.span(of: node)))
      return nil
    }
    return value
  }

  private func length(_ node: YAMLTree.Node?, _ decoder: inout NodeDecoder) -> UInt64? {
    guard let node, let value = decoder.bytes(node, "a size") else { return nil }
    guard value > 0, value % Self.pageBytes == 0 else {
      decoder.report(
        ParserDiagnostics.pageMultiple("size", tree.string(of: node), at: tree.span(of: node)))
      return nil
    }
    return value
  }

  private func hugePage(_ node: YAMLTree.Node?, _ decoder: inout NodeDecoder) -> UInt64? {
    guard let node, let value = decoder.bytes(node, "a huge page size") else { return nil }
    guard value >= Self.smallestHugePage, value & (value - 1) == 0 else {
      decoder.report(
        ParserDiagnostics.hugePage(tree.string(of: node), at: tree.span(of: node)))
      return nil
    }
    return value
  }

  /// Reports a range that runs past the last 64-bit address.
  private func checkEnd(
    of start: UInt64, _ length: UInt64, _ what: String, _ span: SourceSpan,
    _ decoder: inout NodeDecoder
  ) {
    guard start.addingReportingOverflow(length).overflow else { return }
    decoder.report(ParserDiagnostics.endOverflow(start, length, what, at: span))
  }
}
