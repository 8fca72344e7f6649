/// What is wrong with single values.
extension ParserDiagnostics {
  static let name = DiagnosticCode(
    "VP1030", .error, "invalid name",
    """
    Names of devices and address spaces appear in plans as parts of other names, so they are kept \
    simple: letters, digits, '.', '_' and '-', a letter or digit first, at most 64 characters. All \
    other names may be any text of up to 255 bytes without line ends and control characters.
    """)

  static func name(_ text: String, _ what: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      name, "\(QuotedText.quote(text)) can't be \(what)", at: span,
      help: "use letters, digits, '.', '_' and '-', a letter or digit first, at most 64")
  }

  static func text(_ text: String, _ what: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      name, "\(QuotedText.quote(text)) can't be \(what)", at: span,
      help: "use one line of at most 255 bytes without control characters")
  }

  static let address = DiagnosticCode(
    "VP1031", .error, "invalid PCI address",
    """
    A PCI address is written as Linux prints it, 'dddd:bb:dd.f': domain, bus and device in \
    hexadecimal, device at most 1f, function 0 to 7. 'lspci -D' prints addresses with their domain.
    """)

  static func address(_ text: String, at span: SourceSpan) -> Diagnostic {
    let isShort = BDF("0000:" + text) != nil
    return Diagnostic(
      address, "expected a PCI address such as '0000:65:00.0', found \(QuotedText.quote(text))",
      at: span,
      help: isShort
        ? "did you mean \(QuotedText.quote("0000:" + text))?" : "'lspci -D' shows the addresses")
  }

  static let place = DiagnosticCode(
    "VP1045", .error, "a device is named in more than one way",
    """
    Each device says in one way which device of the host it is: by 'address', by 'path', which \
    stays when buses are numbered anew, or by 'match' with ids and, among several, an 'index'.
    """)

  static func severalPlaces(at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      place, "a device can have only one of 'address', 'path' and 'match'", at: span,
      help: "to check what is at an address use 'expect'")
  }

  static let path = DiagnosticCode(
    "VP1046", .error, "invalid path of PCI addresses",
    """
    A path leads from a root bus to a device: the address of what is on the root bus, then device \
    and function of each further one, separated by slashes, '0000:00:1c.0/00.0'. `vfioplan host \
    --format yaml` gives the path of every device behind a bridge.
    """)

  static func path(_ text: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      path, "expected a path such as '0000:00:1c.0/00.0', found \(QuotedText.quote(text))",
      at: span, help: "'vfioplan host --format yaml' shows the paths")
  }

  static let subsystem = DiagnosticCode(
    "VP1047", .error, "invalid subsystem ids",
    """
    Subsystem ids say whose card or board a device is part of, and which one. They are written as \
    `lspci -nnv` prints them, 'vvvv:dddd': vendor and id, four hexadecimal digits each, without \
    '0x'.
    """)

  static func subsystem(_ text: String, at span: SourceSpan) -> Diagnostic {
    // What other tools write: one number of 32 bits, or two with another mark between them.
    let digits = text.lowercased().replacing("0x", with: "").filter { $0.isHexDigit }
    let meant = PCISubsystem(digits.prefix(4) + ":" + digits.dropFirst(4))
    return Diagnostic(
      subsystem, "expected subsystem ids such as '1462:7b48', found \(QuotedText.quote(text))",
      at: span,
      help: meant.map { "did you mean '\($0)'?" } ?? "'lspci -nnv' shows the ids")
  }

  static let vfToken = DiagnosticCode(
    "VP1049", .error, "invalid token of a virtual function",
    """
    The token that a virtual function is opened with is a UUID: 32 hexadecimal digits with dashes \
    after the 8th, 12th, 16th and 20th. The user of the physical function has set it, DPDK for \
    example with '--vfio-vf-token'.
    """)

  static func vfToken(_ text: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      vfToken,
      "expected a UUID such as '5d3a4c1e-8f02-4b6d-9a77-0c1be2f4d658', found "
        + QuotedText.quote(text),
      at: span, help: "use the token that the physical function's user has set")
  }

  static let number = DiagnosticCode(
    "VP1032", .error, "invalid number",
    """
    A whole number is written in decimal digits, or in hexadecimal with '0x'. Leading zeros are \
    not accepted, because YAML 1.1 reads them as octal and people do not; neither are signs, \
    underscores and decimals.
    """)

  static let numberRange = DiagnosticCode(
    "VP1033", .error, "number out of range",
    """
    The number is well formed but too large or too small for what it says: vendor and device ids \
    have 16 bits, class codes 24, and I/O virtual addresses 1 to 64 bits.
    """)

  static func number(
    _ reading: NumberText.Reading, _ text: String, _ what: String, _ range: ClosedRange<UInt64>,
    at span: SourceSpan
  ) -> Diagnostic {
    guard reading == .malformed else {
      // What is read in hexadecimal has its bounds in hexadecimal, too.
      let isHex = text.hasPrefix("0x")
      let bounds = [range.lowerBound, range.upperBound].map {
        isHex ? hexText($0) : String($0)
      }
      return Diagnostic(
        numberRange, "\(QuotedText.quote(text)) is out of range for \(what)", at: span,
        help: "it may be \(bounds[0]) to \(bounds[1])")
    }
    let isHex = !text.isEmpty && text.utf8.allSatisfy { Hex.value(of: $0) != nil }
    let help = isHex ? "hexadecimal numbers begin with 0x: '0x\(text)'" : nil
    return Diagnostic(
      number, "expected \(what), found \(QuotedText.quote(text))", at: span,
      help: text.utf8.count <= 16 ? help : nil)
  }

  static let bytes = DiagnosticCode(
    "VP1034", .error, "invalid size or address",
    """
    Sizes and addresses are whole numbers of bytes below 2^64: decimal, hexadecimal with '0x', or \
    decimal with one of the units KiB, MiB, GiB and TiB right after it. Units of 1000 such as KB \
    are not accepted, because half of their users mean 1024.
    """)

  static func bytes(
    _ reading: NumberText.Reading, _ text: String, _ what: String, at span: SourceSpan
  ) -> Diagnostic {
    if reading == .overflow {
      return Diagnostic(
        bytes, "\(QuotedText.quote(text)) does not fit into 64 bits", at: span)
    }
    let meant = ByteSize.meant(text)
    return Diagnostic(
      bytes, "expected \(what) such as '4096', '0x1000' or '2MiB', found \(QuotedText.quote(text))",
      at: span, help: meant.map { "did you mean '\($0)'?" })
  }

  static let boolean = DiagnosticCode(
    "VP1035", .error, "neither true nor false",
    """
    A switch is written 'true' or 'false', in small letters. YAML 1.1 also knows 'yes', 'on' and \
    others, which other readers take for text; one spelling leaves no doubt.
    """)

  static func boolean(_ text: String, at span: SourceSpan) -> Diagnostic {
    let meant: String? =
      switch text.lowercased() {
      case "true", "yes", "on", "y", "1", "enabled": "true"
      case "false", "no", "off", "n", "0", "disabled": "false"
      default: Spelling.nearest(to: text, among: ["true", "false"])
      }
    return Diagnostic(
      boolean, "expected 'true' or 'false', found \(QuotedText.quote(text))", at: span,
      help: meant.map { "did you mean '\($0)'?" })
  }

  static let word = DiagnosticCode(
    "VP1036", .error, "unknown word",
    """
    The key takes one of a few words and nothing else; the help names the nearest one, or all. \
    Case matters. The JSON Schemas list the words of every key.
    """)

  static func word(
    _ text: String, _ what: String, _ known: [String], at span: SourceSpan
  ) -> Diagnostic {
    let meant = Spelling.nearest(to: text, among: known)
    return Diagnostic(
      word, "unknown \(what) \(QuotedText.quote(text))", at: span,
      help: meant.map { "did you mean \(QuotedText.quote($0))?" }
        ?? "it may be " + QuotedText.alternatives(known))
  }

  static let objective = DiagnosticCode(
    "VP1037", .error, "objective is not an order",
    """
    An objective is the name of a preset, or a list of all four metrics, most important first. \
    Plans are compared metric by metric in that order; if one were missing, two different plans \
    could be equally good, and which one you get would be chance.
    """)

  static func metricTwice(
    _ metric: String, at span: SourceSpan, first: SourceSpan
  ) -> Diagnostic {
    Diagnostic(
      objective, "metric '\(metric)' is in the objective twice", at: span,
      notes: [.init("it was first given here", first)])
  }

  static func metricsMissing(_ metrics: [String], at span: SourceSpan) -> Diagnostic {
    let list = metrics.map { "'\($0)'" }.joined(separator: ", ")
    return Diagnostic(
      objective, "the objective lacks \(list)", at: span,
      help: "name all four metrics, or use a preset: "
        + QuotedText.alternatives(Objective.presets.map(\.name)))
  }
}

/// What is wrong with facts of a host that each could be right.
extension ParserDiagnostics {
  static let contradictoryFacts = DiagnosticCode(
    "VP1050", .warning, "two facts of a host contradict each other",
    """
    Some facts follow from others: whether Intel's IOMMU can enforce snoop from its extended \
    capability register ('ecap', bit 7), and whether a virtual function can no-snoop from its \
    physical function, for its own bits are reserved. Where both are stated and differ, what the \
    other one follows from counts. Leave out or correct the one that is wrong.
    """)

  static func contradiction(
    _ device: HostDevice, of physical: HostDevice, at span: SourceSpan
  ) -> Diagnostic {
    let counts = physical.noSnoopCapable
    let test = "'vfioplan host --test-no-snoop \(physical.address)' finds out"
    return Diagnostic(
      contradictoryFacts,
      "'\(device.address)' is a virtual function of '\(physical.address)', whose "
        + "'noSnoopCapable: \(counts.rawValue)' counts for both", at: span,
      notes: [.init("'\(physical.address)' is described here", physical.span)],
      help: counts == .unknown
        ? "say it of the physical function; \(test)" : "leave 'noSnoopCapable' out here")
  }

  static func contradiction(_ unit: HostIOMMU, at span: SourceSpan) -> Diagnostic {
    let counts = HostIOMMU.snoopControl(in: unit.ecap)
    return Diagnostic(
      contradictoryFacts,
      "by its 'ecap' \(QuotedText.quote(unit.name)) "
        + (counts == .yes ? "can enforce snoop" : "can't enforce snoop") + ", which counts",
      at: span, help: "leave 'enforceSnoop' out, or correct 'ecap'")
  }

  static let pagesOfCPU = DiagnosticCode(
    "VP1051", .error, "the CPUs have no pages of that size",
    """
    'pageSize' under 'kernel' is the page size that the kernel was built with: 4 KiB, on Arm also \
    16 KiB or 64 KiB. 'getconf PAGESIZE' tells it on the machine. It has nothing to do with huge \
    pages, nor with the page sizes of IOMMUs. Correct it, or leave it out for 4 KiB.
    """)

  static func noSuchPages(
    _ bytes: UInt64, known: [UInt64], architecture: HostProcessor.Architecture?,
    at span: SourceSpan
  ) -> Diagnostic {
    let sizes = known.map(ByteSize.written).joined(separator: ", ")
    return Diagnostic(
      pagesOfCPU,
      "\(architecture.map { $0.rawValue + " has no" } ?? "no kernel has") pages of "
        + ByteSize.written(bytes),
      at: span, help: "use \(sizes): what 'getconf PAGESIZE' says on the machine")
  }
}
