/// What is wrong with the shape of a document: its kind, its keys.
extension ParserDiagnostics {
  static let kind = DiagnosticCode(
    "VP1020", .error, "wrong kind of value",
    """
    A key asks for a list, a mapping or text, and something else stands there. Items of a list \
    begin with '- ' or stand in '[ ]', keys of a mapping end with ':'. A key without a value is \
    nothing at all: write '[]' for an empty list, or leave an optional key out.
    """)

  static func kind(expected: String, found: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(kind, "expected \(expected), found \(found)", at: span)
  }

  static let unknownKey = DiagnosticCode(
    "VP1021", .error, "unknown key",
    """
    The mapping has a key that means nothing here. Ignoring it would hide a misspelt setting, so \
    it is an error. Correct the spelling (case matters), or remove the key.
    """)

  static func unknownKey(
    _ name: String, in what: String, meant: String?, known: [String], at span: SourceSpan
  ) -> Diagnostic {
    Diagnostic(
      unknownKey, "unknown key \(QuotedText.quote(name)) in \(what)", at: span,
      help: meant.map { "did you mean \(QuotedText.quote($0))?" }
        ?? "known keys are " + known.joined(separator: ", "))
  }

  static let missingKey = DiagnosticCode(
    "VP1022", .error, "missing key",
    """
    A key that has no default is not there. Nothing is guessed for it, because a guess about \
    memory or devices would be found out only when the VM fails. Add the key.
    """)

  static func missingKeys(
    _ names: [String], in what: String, at span: SourceSpan
  ) -> Diagnostic {
    let list = names.map(QuotedText.quote).joined(separator: ", ")
    let noun = names.count == 1 ? "key" : "keys"
    return Diagnostic(missingKey, "\(what) needs the \(noun) \(list)", at: span)
  }

  static let apiVersion = DiagnosticCode(
    "VP1023", .error, "unknown version of the format",
    """
    'apiVersion' says which version of the format a file is written in; this program knows \
    'vfioplan/v1'. A file for a newer version needs a newer program: its keys might mean something \
    else.
    """)

  static func apiVersion(_ found: String, _ known: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      apiVersion, "expected apiVersion \(QuotedText.quote(known)), found \(found)", at: span)
  }

  static let unknownKind = DiagnosticCode(
    "VP1024", .error, "unknown kind of document",
    """
    'kind' says what a file describes: 'VM' for what a virtual machine should get, 'Host' for what \
    a machine has, 'Policy' for what a site says about all of its VMs. Case matters.
    """)

  static func unknownKind(_ kind: String?, shown: String, at span: SourceSpan) -> Diagnostic {
    let known = DescriptionReader.kinds.map { "\($0.name)" }
    let meant = kind.flatMap { Spelling.nearest(to: $0, among: known) }
    return Diagnostic(
      unknownKind, "expected kind \(QuotedText.alternatives(known)), found \(shown)", at: span,
      help: meant.map { "did you mean \(QuotedText.quote($0))?" })
  }

  static let wrongDocument = DiagnosticCode(
    "VP1025", .error, "another kind of document",
    """
    The file is sound, but of another kind than asked for at this place: a host description where \
    a VM description belongs, or the other way round, or a policy or a saved plan. Check the order \
    of the arguments: the VM comes first, the host follows '--host', a policy '--policy'.
    """)

  static func wrongDocument(
    _ found: DocumentKind, wanted: DocumentKind, at span: SourceSpan
  ) -> Diagnostic {
    let help =
      switch (found, wanted) {
      case (.host, _): "give a host description with '--host'"
      case (.policy, _): "give a policy with '--policy'"
      case (.vm, _): "give the VM description as the argument, not with an option"
      default: "a saved plan takes the place of the VM description where plans are accepted"
      }
    return Diagnostic(
      wrongDocument, "expected \(shown(wanted)), found \(shown(found))", at: span, help: help)
  }

  /// A kind of document in words.
  static func shown(_ kind: DocumentKind) -> String {
    switch kind {
    case .vm: "a VM description"
    case .host: "a host description"
    case .policy: "a policy"
    case .plan: "a saved plan"
    case .unknown: "something else"
    }
  }

  static let emptyList = DiagnosticCode(
    "VP1026", .error, "empty list",
    """
    This list must have at least one entry: a VM without memory can't run, an address space \
    without a window reaches nothing, and an IOMMU without a page size maps nothing. Add an entry, \
    or remove what the list belongs to.
    """)

  static func emptyList(_ what: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(emptyList, "expected \(what) with at least one entry, found none", at: span)
  }
}
