/// What is wrong with configurations of other programs: codes VP1601 and on.
public enum ImportDiagnostics {
  /// Every code of this file and the next, in order.
  public static let all = [
    unknownKind, xml, entities, size, root, value, place, notTaken, severalInterfaces,
    mapping, cluster, variable, layout, memoryLeftOut, process,
  ]

  static let unknownKind = DiagnosticCode(
    "VP1601", .error, "a configuration of an unknown kind",
    """
    'vfioplan import' reads a libvirt domain (XML), QEMU arguments (a line, a shell script, a file \
    of -readconfig), cloud-hypervisor arguments or the JSON of its vm.create, and a file of \
    Proxmox VE. What a file is, is told by what is in it; here nothing tells. Say it with '--from'.
    """)

  /// Says that nothing tells what a file is.
  public static func unknownKind(of file: SourceFile) -> Diagnostic {
    Diagnostic(
      unknownKind, "nothing tells what kind of configuration this is",
      at: ParserDiagnostics.start(of: file.id),
      help: "say '--from' with "
        + QuotedText.alternatives(VMMClause.Kind.allCases.map(\.rawValue)))
  }

  static let xml = DiagnosticCode(
    "VP1602", .error, "not well-formed XML",
    """
    A libvirt domain is XML: every element is closed, values of attributes stand in quotes, and \
    '&' and '<' in text are written '&amp;' and '&lt;'. The place is where the reader could not go \
    on; what is wrong may stand before it. `xmllint` says more, `virsh dumpxml` writes a domain \
    that is sound.
    """)

  static func notXML(_ reason: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(xml, "not well-formed XML: \(reason)", at: span)
  }

  static let entities = DiagnosticCode(
    "VP1603", .error, "a document type in XML",
    """
    A document type can declare entities, which make a small file large or fetch other files. No \
    libvirt domain has one, so it is refused, whatever it declares. Remove the line that begins \
    with '<!DOCTYPE'.
    """)

  static func doctype(at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      entities, "a document type is refused: it can declare entities", at: span,
      help: "remove the declaration; write what an entity stands for in its place")
  }

  static let size = DiagnosticCode(
    "VP1604", .error, "a configuration that is too large",
    """
    Configurations of VMs are small: a libvirt domain has some hundred kilobytes at most. What is \
    much larger, or has more elements or levels than any domain, is something else, and is not \
    read.
    """)

  static func tooLarge(_ source: SourceID, _ limit: Int) -> Diagnostic {
    Diagnostic(
      size, "a configuration has at most \(byteSizeText(UInt64(limit)))",
      at: ParserDiagnostics.start(of: source))
  }

  static func tooDeep(_ limit: Int, at span: SourceSpan) -> Diagnostic {
    Diagnostic(size, "elements stand in each other more than \(limit) levels deep", at: span)
  }

  static func manyWords(_ limit: Int, at span: SourceSpan) -> Diagnostic {
    Diagnostic(size, "there are more than \(limit) words", at: span)
  }

  static func tooMany(_ limit: Int, at span: SourceSpan) -> Diagnostic {
    Diagnostic(size, "there are more than \(limit) elements", at: span)
  }

  static let root = DiagnosticCode(
    "VP1605", .error, "XML that does not describe a VM of QEMU",
    """
    The file is XML and its outermost element says something else than 'domain', or it is a domain \
    of another program, such as Xen, whose devices do not go through VFIO. `virsh dumpxml NAME` \
    writes the domain.
    """)

  static func root(_ found: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      root, "expected <domain>, found <\(found.filter { $0 != " " })>", at: span,
      help: "'virsh dumpxml NAME' writes a domain")
  }

  static func otherDomain(_ type: SourceWord) -> Diagnostic {
    Diagnostic(
      root, "expected a domain of type 'kvm' or 'qemu', found \(QuotedText.quote(type.text))",
      at: type.span)
  }

  static let value = DiagnosticCode(
    "VP1606", .error, "a value of a configuration can't be read",
    """
    The program whose configuration it is would not accept the value either, or it accepts a form \
    that is not known here. Nothing is guessed in its place: a wrong address gives away another \
    device.
    """)

  static func value(_ expected: String, _ found: SourceWord) -> Diagnostic {
    Diagnostic(
      value, "expected \(expected), found \(QuotedText.quote(found.text))", at: found.span)
  }

  static func openQuote(at span: SourceSpan) -> Diagnostic {
    Diagnostic(value, "the quote that begins here is not closed", at: span)
  }

  static let place = DiagnosticCode(
    "VP1607", .error, "a device without its address",
    """
    A device can be given to a VMM as an open file: then its configuration has the file's number \
    only. libvirt and Kubernetes do that. Which device the file is, only the running process \
    tells: `vfioplan import --pid N` looks there. Or read the configuration that the line was made \
    from, such as what `virsh dumpxml` writes.
    """)

  /// Of a process that runs, its files may tell only root.
  static func fileOnly(_ number: SourceWord, isRunning: Bool) -> Diagnostic {
    Diagnostic(
      place,
      "the device is given as the open file \(QuotedText.quote(number.text)) only, which "
        + (isRunning ? "leads to no device of VFIO" : "does not tell its address"),
      at: number.span,
      help: isRunning
        ? "run it as root, who may look at the process's files"
        : "use 'vfioplan import --pid N' while the VM runs, or write its address")
  }

  static func noPlace(_ what: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(place, "\(what) does not say which device of the host it is", at: span)
  }
}
