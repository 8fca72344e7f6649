import Planner
import TestSupport
import Testing

@testable import vfioplan

/// `explain` of more than codes: requests by number, requests that no program has, printed lines.
struct ExplainLineTests {
  private static func explain(_ words: String..., input: String = "") throws -> String {
    let outcome = try Tool.run(["explain"] + words, input: input)
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
    return outcome.output
  }

  /// A request is found by its number, whole or its last two bytes, in hexadecimal or decimal.
  @Test func aRequestIsFoundByItsNumber() throws {
    for request in RequestRegistry.all {
      let number = request.code.command
      for text in ["0x" + String(number, radix: 16), String(number), String(number & 0xffff)] {
        let names = (Topic.topics(of: text) ?? []).map(Self.name)
        #expect(names.contains(request.name), "\(text)")
      }
    }
    #expect(try Self.explain("0x3b85").hasPrefix("IOMMU_IOAS_MAP (0x3b85): "))
  }

  @Test func everyRequestThatTheKernelsRulesListIsKnownByNameAndNumber() throws {
    let rules = try PackageFiles.text("docs/kernel-rules.md")
    let listed = rules.matches(of: #/- \*\*([A-Z0-9_]+)\*\* (0x[0-9a-f]+)/#)
    #expect(listed.count > 40)
    for request in listed {
      let name = String(request.1)
      #expect(Topic.topics(of: name)?.map(Self.name) == [name])
      let names = (Topic.topics(of: String(request.2)) ?? []).map(Self.name)
      #expect(names.contains(name), "\(request.2) of \(name)")
    }
  }

  private static func name(_ topic: Topic) -> String {
    switch topic {
    case .request(let request): request.name
    case .other(let request): request.name
    default: ""
    }
  }

  @Test func aRequestIsInOneOfTheTwoTablesAndHasOneName() {
    let own = Set(RequestRegistry.all.map(\.name))
    let others = OtherRequest.all.map(\.name)
    #expect(Set(others).count == others.count)
    #expect(own.isDisjoint(with: others))
  }

  @Test func aRequestThatNoProgramHasSaysSinceWhen() throws {
    #expect(
      try Self.explain("IOMMU_VIOMMU_ALLOC").hasPrefix(
        "IOMMU_VIOMMU_ALLOC (0x3b90): since Linux 6.13, make "))
    #expect(try Self.explain("kvm_dev_vfio_group_add").contains("older name"))
  }

  @Test func aNumberThatSeveralFilesHaveARequestForNamesAllOfThem() throws {
    let text = try Self.explain("0x3b71")
    for name in ["VFIO_IOMMU_MAP_DMA (", "VFIO_DEVICE_PCI_HOT_RESET ("] {
      #expect(text.contains(name))
    }
  }

  @Test func severalWordsAreExplainedOneAfterTheOtherEachOnce() throws {
    let text = try Self.explain("VP2003", "0x3b85", "vp2003", "attachKeepsTables")
    #expect(text.matches(of: /error\[VP2003\]/).count == 1)
    #expect(text.contains("\n\nIOMMU_IOAS_MAP (") && text.contains("\n\nattachKeepsTables: "))
    let json = try JSONValue(Self.explain("VP2003", "0x3b85", "--format", "json")).elements
    #expect(json.map { $0["code"]?.text ?? $0["request"]?.text } == ["VP2003", "IOMMU_IOAS_MAP"])
  }

  @Test(arguments: [
    "VFIO_SET_IOMMU EPERM", "VFIO_SET_IOMMU: Operation not permitted",
    "ioctl(12, 0x3b66, 0x3) = -1 EPERM (Operation not permitted)",
    "1732: ioctl(0x3b66) failed with error -1", "EPERM from VFIO_SET_IOMMU",
  ])
  func anErrnoIsExplainedByTheRequestThatGaveItHoweverItIsWritten(line: String) throws {
    let text = try Self.explain(line)
    #expect(text.hasPrefix("VFIO_SET_IOMMU: EPERM (1), Operation not permitted\n"), "\(text)")
    #expect(text.contains("interrupts are not isolated"))
    #expect(text.contains("see VP4006: ") && text.contains("see VP4007: "))
  }

  @Test func anErrnoAloneNamesTheRequestsThatGiveIt() throws {
    for word in ["EBUSY", "16", "Device or resource busy"] {
      let text = try Self.explain(word)
      #expect(text.hasPrefix("EBUSY (16), Device or resource busy\n"))
      #expect(text.contains("IOMMU_DESTROY"))
    }
  }

  /// Lines as they were printed on some machine, and a code that is about the same.
  static let printed = [
    (
      "qemu-system-x86_64: -device vfio-pci,host=0000:01:00.0: vfio 0000:01:00.0: "
        + "group 1 is not viable", "VP4005"
    ),
    (
      "Please ensure all devices within the iommu_group are bound to their vfio bus driver.",
      "VP4005"
    ),
    (
      "[  116.814073] vfio-pci 0000:0b:00.0: Device is ineligible for IOMMU domain attach due to "
        + "platform RMRR requirement.  Contact your platform vendor.", "VP4007"
    ),
    (
      "kvm: -device vfio-pci,host=0000:01:00.0: vfio 0000:01:00.0: failed to setup container for "
        + "group 1: failed to set iommu for container: Operation not permitted", "VP4007"
    ),
    (
      "Nov 29 10:00:00 rack7 kernel: vfio_iommu_type1_attach_group: No interrupt remapping support."
        + "  Use the module param \"allow_unsafe_interrupts\" to enable VFIO IOMMU support",
      "VP4006"
    ),
    ("qemu-system-x86_64: VFIO_MAP_DMA failed: Cannot allocate memory", "VP4034"),
    ("vfio_dma_map(0x55d, 0xe0000000, 0x10000000, 0x7f) = -22 (Invalid argument)", "VP2012"),
    ("kvm: vfio: Cannot reset device 0000:00:1f.3, no available reset mechanism.", "VP4035"),
    (
      "vfio-pci 0000:07:00.0: BAR 1: can't reserve [mem 0xd0000000-0xdfffffff 64bit pref]", "VP4032"
    ),
    (
      "error: Requested operation is not valid: PCI device 0000:01:00.0 is not assignable", "VP4004"
    ),
    ("PCI device 0000:01:00.0 is in use by driver QEMU, domain win10", "VP4036"),
    ("vfio-pci: probe of 0000:01:00.0 failed with error -22", "VP4003"),
    ("vfio-pci 0000:01:00.1: VF token required to access device", "VP4045"),
  ]

  @Test(arguments: printed)
  func aPrintedLineLeadsToWhatIsKnownOfIt(line: String, code: String) throws {
    for words in [[line], line.split(separator: " ").map(String.init)] {
      let text = try Tool.run(["explain"] + words)
      #expect(text.code == 0, "\(text.errors)")
      #expect(text.output.contains("see \(code): "), "\(text.output)")
    }
  }

  @Test func theLinesOfALogAreExplainedEachOnceAndTheOthersPassedOver() throws {
    let lines = Self.printed.map(\.0) + ["usb 1-1: new device"] + Self.printed.map(\.0)
    let text = try Self.explain("-", input: lines.joined(separator: "\n"))
    for (_, code) in Self.printed { #expect(text.contains("see \(code): ")) }
    #expect(text.matches(of: /group \* is not viable/).count == 1)
    let none = try Tool.run(["explain", "-"], input: "usb 1-1: new device\n\u{1B}[31m\n")
    #expect(none.code == 64 && none.errors.contains("nothing is known of any line of standard"))
  }

  @Test(arguments: PrintedLine.all)
  func whatIsSaidOfALineNamesCodesAndRequestsThatThereAre(line: PrintedLine) {
    for code in line.codes { #expect(DiagnosticCatalog.code(named: code) != nil, "\(code)") }
    if let request = line.request { #expect(RequestRegistry.request(named: request) != nil) }
    #expect(line.meaning.hasSuffix(".") && line.help.hasSuffix("."), "\(line.pattern)")
    for pattern in line.patterns {
      let text = Array(pattern.replacing("*", with: "0000:01:00.0").lowercased().utf8)
      #expect(line.weight(in: text) != nil, "\(pattern)")
      let best = PrintedLine.all.compactMap { $0.weight(in: text) }.max() ?? 0
      #expect((line.weight(in: text) ?? 0) >= best, "'\(pattern)' is hidden by another line")
    }
  }

  /// What is not known is refused with what is near: spelt alike, or about the same.
  @Test(arguments: [
    ("IOMMU_DESTORY", "IOMMU_DESTROY"), ("attachKeepTable", "attachKeepsTables"),
    ("reset of the bus", "VP4035"), ("not enough huge pages", "VP4033"), ("0x3bff", ""),
    ("poem", ""),
  ])
  func whatIsNotKnownIsRefused(text: String, near: String) throws {
    let outcome = try Tool.run(["explain", text])
    #expect(outcome.code == 64 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("vfioplan: error[VP1911]: nothing is known of '\(text)'\n"))
    let found = outcome.errors.firstMatch(of: /'vfioplan explain ([^']+)' is near it/)?.1 ?? ""
    #expect(found.split(separator: " ").contains(near[...]) == !near.isEmpty, "\(outcome.errors)")
    #expect(found.isEmpty == near.isEmpty, "\(outcome.errors)")
  }
}
