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
  var lowLimit: Size?

  /// A page of the guest; memory is made of whole ones.
  private static let page: UInt64 = 4096
  /// Where the first module begins is a multiple of that (`pc_get_device_memory_range`,
  /// hw/i386/pc.c).
  private static let moduleBase: UInt64 = 1 << 30
  /// Where each of them begins is a multiple of that, or of its pages (`QEMU_VMALLOC_ALIGN`,
  /// include/qemu/osdep.h).
  private static let moduleStep: UInt64 = 2 << 20
  private static let largest: UInt64 = 1 << 52
  /// QEMU has as many slots (`ACPI_MAX_RAM_SLOTS`, include/hw/acpi/acpi.h).
  static let mostModules = 256

  /// The regions, and the machine if they are all that it has.
  func regions(into sink: inout DiagnosticSink) -> ([MemoryRegion], GuestMachine?) {
    guard let size else { return ([], nil) }
    guard let machine else {
      unknownMachine.map { sink.report(ImportDiagnostics.layout($0)) }
      return ([], nil)
    }
    guard isMemory(size, into: &sink), arePages(into: &sink), isLimit(into: &sink) else {
      return ([], nil)
    }
    var ranges = machine.layout(of: size.bytes, below: lowLimit?.bytes).map {
      ($0.gpa, $0.size, size.span)
    }
    var end = ranges.map { $0.0 + $0.1 }.max() ?? 0
    if machine != .virt { end = max(end, 4 << 30) }
    end = Self.rounded(end, to: Self.moduleBase)
    for module in modules.prefix(Self.mostModules) where isMemory(module, into: &sink) {
      end = Self.rounded(end, to: max(Self.moduleStep, hugePages?.bytes ?? 0))
      ranges.append((end, module.bytes, module.span))
      end += module.bytes
    }
    let isWhole = ranges.count == machine.layout(of: size.bytes).count && lowLimit == nil
    return (ranges.map { region($0.0, $0.1, $0.2, into: &sink) }, isWhole ? machine : nil)
  }

  private static func rounded(_ value: UInt64, to step: UInt64) -> UInt64 {
    (value + step - 1) / step * step
  }

  private func isMemory(_ size: Size, into sink: inout DiagnosticSink) -> Bool {
    if size.bytes > 0, size.bytes % Self.page == 0, size.bytes <= Self.largest { return true }
    let word = SourceWord(text: "\(size.bytes) bytes", span: size.span)
    sink.report(ImportDiagnostics.value("a size of memory in whole pages of 4 KiB", word))
    return false
  }

  private func arePages(into sink: inout DiagnosticSink) -> Bool {
    guard let pages = hugePages else { return true }
    if pages.bytes >= 64 << 10, pages.bytes <= 1 << 40, pages.bytes & (pages.bytes - 1) == 0 {
      return true
    }
    sink.report(ParserDiagnostics.hugePage("\(pages.bytes)", at: pages.span))
    return false
  }

  private func isLimit(into sink: inout DiagnosticSink) -> Bool {
    guard let limit = lowLimit else { return true }
    if limit.bytes > 0, limit.bytes % Self.page == 0, limit.bytes <= 4 << 30 { return true }
    let word = SourceWord(text: "\(limit.bytes) bytes", span: limit.span)
    sink.report(ImportDiagnostics.value("a size of whole pages up to 4 GiB", word))
    return false
  }

  private func region(
    _ gpa: UInt64, _ bytes: UInt64, _ span: SourceSpan, into sink: inout DiagnosticSink
  ) -> MemoryRegion {
    if let pages = hugePages?.bytes, bytes % pages != 0 {
      sink.report(ParserDiagnostics.hugePageMultiple(bytes, pages, at: span))
    }
    return MemoryRegion(
      gpa: gpa, size: bytes, hugePageBytes: hugePages?.bytes,
      population: isPopulated ? .eager : .lazy, span: span)
  }
}
