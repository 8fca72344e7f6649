/// What is wrong with ranges of addresses and sizes of pages.
extension ParserDiagnostics {
  static let pageMultiple = DiagnosticCode(
    "VP1038", .error, "not a multiple of a page",
    """
    Memory is mapped in pages of at least 4 KiB, so addresses and sizes of regions and windows are \
    multiples of 4096, and a size is not 0. The kernel refuses anything else with EINVAL, late. \
    Round the value.
    """)

  static func pageMultiple(_ what: String, _ text: String, at span: SourceSpan) -> Diagnostic {
    let expected = what == "size" ? "a positive multiple" : "a multiple"
    return Diagnostic(
      pageMultiple, "expected \(expected) of 4KiB as \(what), found \(QuotedText.quote(text))",
      at: span)
  }

  static let endOverflow = DiagnosticCode(
    "VP1039", .error, "range runs past the last address",
    """
    Start plus size of a range is above 2^64, so its end has no address. One of the two is \
    wrong; often a size was written where an end was meant.
    """)

  static func endOverflow(
    _ start: UInt64, _ length: UInt64, _ what: String, at span: SourceSpan
  ) -> Diagnostic {
    Diagnostic(
      endOverflow,
      "\(ByteSize.written(length)) from \(what) address \(hexText(start)) on run past 2^64",
      at: span)
  }

  static let hugePage = DiagnosticCode(
    "VP1040", .error, "not the size of a huge page",
    """
    Huge pages have a power of two of at least 64 KiB: 2MiB and 1GiB on x86, also 64KiB, 32MiB, \
    512MiB and 16GiB on Arm. What a machine has is listed in '/sys/kernel/mm/hugepages'. Leave the \
    key out for ordinary pages.
    """)

  static func hugePage(_ text: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      hugePage, "\(QuotedText.quote(text)) is not the size of a huge page", at: span,
      help: "use 2MiB or 1GiB, or leave the key out for ordinary pages")
  }

  static let hugePageMultiple = DiagnosticCode(
    "VP1041", .error, "size is not a multiple of the huge page",
    """
    A region backed by huge pages consists of whole ones, so its size is a multiple of theirs. \
    Round the size, or use smaller pages.
    """)

  static func hugePageMultiple(
    _ length: UInt64, _ page: UInt64, at span: SourceSpan
  ) -> Diagnostic {
    let whole = ByteSize.written(page)
    return Diagnostic(
      hugePageMultiple, "\(ByteSize.written(length)) is not a multiple of \(whole)",
      at: span, help: "round the size to a multiple of \(whole), or use smaller pages")
  }

  static let reservedSpaceName = DiagnosticCode(
    "VP1042", .error, "address space 'gpa' is built in",
    """
    The address space 'gpa' maps the guest's memory at its guest-physical addresses; it is \
    described by the VM's 'memory' and can't be declared again. Give the address space another \
    name, or remove it.
    """)

  static func reservedSpaceName(at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      reservedSpaceName, "'gpa' is the guest's own memory and can't be declared", at: span,
      help: "choose another name")
  }

  static let pageSize = DiagnosticCode(
    "VP1043", .error, "page size is not a power of two",
    """
    The page sizes of an IOMMU are powers of two, such as 4KiB, 2MiB and 1GiB; the unit's \
    capability register says which it has.
    """)

  static func pageSize(_ text: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      pageSize, "expected a power of two as page size, found \(QuotedText.quote(text))", at: span)
  }

  static let reservedOrder = DiagnosticCode(
    "VP1044", .error, "reserved region ends before it starts",
    """
    A reserved region is given by its first and its last address, both inclusive, as in the \
    kernel's 'reserved_regions' files. The last one can't be below the first.
    """)

  static func reservedOrder(at span: SourceSpan, start: SourceSpan) -> Diagnostic {
    Diagnostic(
      reservedOrder, "the region ends before it starts", at: span,
      notes: [.init("it starts here", start)])
  }
}
