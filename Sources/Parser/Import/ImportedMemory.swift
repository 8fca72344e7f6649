/// The memory of a VM as its configuration has it.
struct ImportedMemory {
  /// A number of bytes, and where it stands.
  struct Size {
    var bytes: UInt64
    var span: SourceSpan
  }

  /// Memory at boot; `nil` if it is not known.
  var size: Size?
  /// Memory that is plugged in at boot, in order.
  var modules: [Size] = []
  /// The size of huge pages; `nil` for ordinary ones.
  var hugePages: Size?
  /// Whether all of it is taken from the host at once.
  var isPopulated = false
  /// The machine; `nil` for one whose layout is not known.
  var machine: GuestMachine? = .q35
  /// What the configuration calls the machine, if it is not known.
  var unknownMachine: SourceWord?
  /// How many bytes are below 4 GiB at most, if that was said.
  var lowLimit: UInt64?

  /// A page of the guest; memory is made of whole ones.
  private static let page: UInt64 = 4096
  /// Where modules begin is a multiple of that (`pc_get_device_memory_range`, hw/i386/pc.c).
  private static let moduleStep: UInt64 = 1 << 30
  private static let largest: UInt64 = 1 << 52

  /// The regions, and the machine if they are all that it has.
  func regions(into sink: inout DiagnosticSink) -> ([MemoryRegion], GuestMachine?) {
    guard let size else { return ([], nil) }
    guard let machine else {
      unknownMachine.map { sink.report(ImportDiagnostics.layout($0)) }
      return ([], nil)
    }
    guard isMemory(size, into: &sink) else { return ([], nil) }
    var ranges = machine.layout(of: size.bytes, below: lowLimit).map {
      ($0.gpa, $0.size, size.span)
    }
    var end = ranges.map { $0.0 + $0.1 }.max() ?? 0
    if machine != .virt { end = max(end, 4 << 30) }
    for module in modules where isMemory(module, into: &sink) {
      end = (end + Self.moduleStep - 1) / Self.moduleStep * Self.moduleStep
      ranges.append((end, module.bytes, module.span))
      end += module.bytes
    }
    let isWhole = ranges.count == machine.layout(of: size.bytes).count && lowLimit == nil
    return (ranges.map { region($0.0, $0.1, $0.2, into: &sink) }, isWhole ? machine : nil)
  }

  private func isMemory(_ size: Size, into sink: inout DiagnosticSink) -> Bool {
    if size.bytes > 0, size.bytes % Self.page == 0, size.bytes <= Self.largest { return true }
    let word = SourceWord(text: "\(size.bytes) bytes", span: size.span)
    sink.report(ImportDiagnostics.value("a size of memory in whole pages of 4 KiB", word))
    return false
  }

  private func region(
    _ gpa: UInt64, _ bytes: UInt64, _ span: SourceSpan, into sink: inout DiagnosticSink
  ) -> MemoryRegion {
    if let pages = hugePages?.bytes, pages > 0, bytes % pages != 0 {
      sink.report(ParserDiagnostics.hugePageMultiple(bytes, pages, at: span))
    }
    return MemoryRegion(
      gpa: gpa, size: bytes, hugePageBytes: hugePages?.bytes,
      population: isPopulated ? .eager : .lazy, span: span)
  }
}
