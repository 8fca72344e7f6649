/// Syntax errors: libyaml's words turned into what to do.
extension ParserDiagnostics {
  static let syntax = DiagnosticCode(
    "VP1006", .error, "YAML syntax error",
    """
    The file is not well-formed YAML 1.1, so nothing after this place could be read. The place is \
    where the reader could not go on; the cause is often a little before it: a quote or bracket \
    that is not closed, a missing ':' or ',', a line that is indented otherwise than its \
    neighbours, or text with ': ' or '#' in it that needs quotes.
    """)

  static let tabIndentation = DiagnosticCode(
    "VP1007", .error, "tab used for indentation",
    """
    YAML is indented with spaces only, because a tab has no agreed width. Replace the tab, for \
    example with 'expand -t 2', and let your editor insert spaces.
    """)

  /// Words what stopped libyaml.
  static func syntax(_ failure: YAMLEventReader.Failure, _ file: SourceFile) -> Diagnostic {
    let place = SyntaxPlace(failure, file)
    if place.isTab {
      return Diagnostic(
        tabIndentation, "a tab is used for indentation", at: place.span, help: "use spaces")
    }
    if place.isLongKey {
      return Diagnostic(
        syntax, "a key has more than 1024 characters", at: place.span,
        help: "no key of a description is that long; is a line end missing?")
    }
    let wording = wordings.first { $0.problem == failure.problem }
    return Diagnostic(
      syntax, wording?.message ?? failure.problem, at: place.span, notes: place.notes,
      help: wording?.help)
  }

  private struct Wording {
    var problem: String
    var message: String
    var help: String?

    init(_ problem: String, _ message: String, _ help: String? = nil) {
      self.problem = problem
      self.message = message
      self.help = help
    }
  }

  /// What libyaml 0.2.5 says (scanner.c, parser.c), and what people need to hear.
  private static let wordings = [
    Wording(
      "did not find expected key", "expected a key, or the end of the mapping",
      "keys of one mapping begin in the same column"),
    Wording(
      "did not find expected '-' indicator", "expected '-', or the end of the list",
      "items of one list begin in the same column"),
    Wording(
      "did not find expected ',' or '}'", "expected ',' or '}'",
      "close the mapping with '}', or quote a value that contains ',' or ':'"),
    Wording(
      "did not find expected ',' or ']'", "expected ',' or ']'",
      "close the list with ']', or quote an item that contains ','"),
    Wording(
      "mapping values are not allowed in this context", "a key with ':' can't stand here",
      "quote text that contains ': ', or begin the key on a line of its own"),
    Wording(
      "block sequence entries are not allowed in this context", "a list item '-' can't stand here",
      "begin the list on a line of its own"),
    Wording(
      "could not find expected ':'", "expected ':' after a key",
      "keys are at most 1024 characters long and end on the line they begin on"),
    Wording(
      "found unexpected end of stream", "this quoted text has no end",
      "close the quote on the line it belongs to"),
    Wording(
      "found unexpected document indicator", "this quoted text has no end",
      "close the quote on the line it belongs to"),
    Wording(
      "found unknown escape character", "unknown escape in double quotes",
      "write '\\\\' for a backslash, or use single quotes"),
    Wording(
      "did not find expected hexdecimal number", "expected hexadecimal digits after the escape"),
    Wording(
      "found character that cannot start any token", "a value can't begin with this character",
      "put the value into quotes"),
    Wording(
      "did not find expected alphabetic or numeric character", "expected a name after '&' or '*'",
      "quote the text if '&' or '*' is meant literally"),
    Wording(
      "did not find expected node content", "expected a value",
      "quote the text, or remove what stands before it"),
    Wording(
      "did not find expected <document start>", "expected the end of the document",
      "indent the line like the first key, or remove what follows the document"),
    Wording(
      "found incompatible YAML document", "this version of YAML is not known",
      "remove the line that begins with '%YAML'"),
    Wording("found undefined tag handle", "the tag's handle is not defined", "remove the tag"),
  ]
}

/// Where a syntax error is shown, and what notes belong to it.
private struct SyntaxPlace {
  var span: SourceSpan
  var notes: [Diagnostic.Note] = []
  var isTab = false
  var isLongKey = false

  init(_ failure: YAMLEventReader.Failure, _ file: SourceFile) {
    let bytes = file.bytes
    var start = Int(failure.offset)
    var end = start
    if let context = failure.context, Self.causes.contains(failure.problem) {
      start = Int(context.offset)
      end = bytes[start...].firstIndex { $0 == 10 || $0 == 13 } ?? bytes.count
    } else {
      if start < bytes.count { end = Self.endOfCharacter(bytes, start) }
      notes = Self.notes(failure, file.id)
    }
    if failure.problem == "mapping values are not allowed in this context" {
      let lineEnd = bytes[..<start].lastIndex { $0 == 10 || $0 == 13 }
      let lineStart = lineEnd.map { $0 + 1 } ?? 0
      isLongKey = start - lineStart > 1024
      if isLongKey { (start, end) = (lineStart, start) }
    }
    span = SourceSpan(source: file.id, start: UInt32(start), end: UInt32(end))
    isTab = Self.isTab(failure, bytes, start)
  }

  /// The problems that libyaml notices lines after their cause, which is where it began to read.
  private static let causes: Set = [
    "could not find expected ':'", "found unexpected end of stream",
    "found unexpected document indicator",
  ]

  /// The offset after a character; a line end is not shown.
  private static func endOfCharacter(_ bytes: [UInt8], _ start: Int) -> Int {
    guard bytes[start] != 10, bytes[start] != 13 else { return start }
    return bytes[(start + 1)...].firstIndex { $0 & 0xC0 != 0x80 } ?? bytes.count
  }

  /// Says where the construct begins that libyaml was reading.
  private static func notes(
    _ failure: YAMLEventReader.Failure, _ source: SourceID
  ) -> [Diagnostic.Note] {
    guard let context = failure.context, context.offset != failure.offset else { return [] }
    let names = [
      "block mapping": "mapping", "block collection": "list", "flow mapping": "mapping",
      "flow sequence": "list", "quoted scalar": "quoted text", "block scalar": "text",
    ]
    let known = names.sorted { $0.key < $1.key }.first { context.text.hasSuffix($0.key) }
    guard let known else { return [] }
    let span = SourceSpan(source: source, start: context.offset, end: context.offset)
    return [.init("the \(known.value) begins here", span)]
  }

  /// Whether a tab stands where only spaces may.
  private static func isTab(
    _ failure: YAMLEventReader.Failure, _ bytes: [UInt8], _ start: Int
  ) -> Bool {
    if failure.problem.hasPrefix("found a tab character") { return true }
    return failure.problem == "found character that cannot start any token"
      && start < bytes.count && bytes[start] == 9
  }
}
