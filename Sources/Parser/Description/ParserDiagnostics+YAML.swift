/// What is wrong with a file before any key of it has a meaning.
extension ParserDiagnostics {
  static let fileTooLarge = DiagnosticCode(
    "VP1001", .error, "file too large",
    """
    A description or plan may have at most 1 GiB; offsets into it are kept in 32 bits. A \
    description of 100,000 devices has about 22 MB, so a larger file is most likely not a \
    description at all. Check the path.
    """)

  static func fileTooLarge(_ count: Int, _ source: SourceID) -> Diagnostic {
    Diagnostic(
      fileTooLarge, "the file has \(count) bytes; at most \(SourceFile.maximumBytes) are read",
      at: start(of: source))
  }

  static let otherEncoding = DiagnosticCode(
    "VP1002", .error, "file is not UTF-8",
    """
    Files are read as UTF-8. This one begins like UTF-16 or UTF-32, which some editors write under \
    the name 'Unicode'. Save it as UTF-8, for example with 'iconv -f UTF-16 -t UTF-8'.
    """)

  static func otherEncoding(_ name: String, _ length: Int, _ source: SourceID) -> Diagnostic {
    Diagnostic(
      otherEncoding, "the file is \(name); expected UTF-8", at: start(of: source, length: length),
      help: "convert it with 'iconv -f \(name) -t UTF-8'")
  }

  static let invalidUTF8 = DiagnosticCode(
    "VP1003", .error, "invalid UTF-8",
    """
    A byte here is not part of a well-formed UTF-8 character: the file is in another encoding such \
    as Latin-1, or it is damaged. Save it as UTF-8. Overlong forms and surrogates are not accepted \
    either, as the Unicode standard demands.
    """)

  static func invalidUTF8(_ byte: UInt8, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      invalidUTF8, "byte \(hexText(UInt64(byte), digits: 2)) is not part of a UTF-8 character",
      at: span,
      help: "save the file as UTF-8")
  }

  static let controlCharacter = DiagnosticCode(
    "VP1004", .error, "control character",
    """
    YAML files are text: of the control characters only tab, line feed and carriage return may \
    stand in them. A NUL byte mostly means that the file is binary or was cut off while it was \
    written. Remove the character, or write it as an escape such as "\\u0007" in double quotes.
    """)

  static func controlCharacter(_ byte: UInt8, _ length: Int, at span: SourceSpan) -> Diagnostic {
    let shown =
      byte == 0
      ? "a NUL byte" : length == 1 ? "control character \(hexText(UInt64(byte), digits: 2))" : nil
    return Diagnostic(
      controlCharacter, "\(shown ?? "a control character") is not allowed in YAML", at: span)
  }

  static let emptyFile = DiagnosticCode(
    "VP1005", .error, "empty file",
    """
    The file holds nothing, or only comments. A description needs at least 'apiVersion', 'kind', \
    'name' and what its kind asks for. If the file was made by another program, check that the \
    program did not fail.
    """)

  static func emptyFile(_ source: SourceID) -> Diagnostic {
    Diagnostic(
      emptyFile, "the file is empty; expected a mapping with 'apiVersion' and 'kind'",
      at: start(of: source))
  }

  static let severalDocuments = DiagnosticCode(
    "VP1008", .error, "several documents in one file",
    """
    A line '---' begins a second YAML document, but a file describes one VM or one host. Reading \
    only the first would ignore the rest silently. Put each document into a file of its own.
    """)

  static func severalDocuments(at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      severalDocuments, "a second document begins here; expected one document in a file", at: span,
      help: "put it into a file of its own")
  }

  static let duplicateKey = DiagnosticCode(
    "VP1009", .error, "duplicate key",
    """
    A mapping has the same key twice. Many YAML readers let the last one win, which hides mistakes \
    of copying; here it is an error. Remove or rename one of the two. Keys are compared as text, \
    so 'a' and "a" are the same key.
    """)

  static func duplicateKey(_ key: String, at span: SourceSpan, first: SourceSpan) -> Diagnostic {
    Diagnostic(
      duplicateKey, "duplicate key \(QuotedText.quote(key))", at: span,
      notes: [.init("it was first given here", first)], help: "remove one of the two")
  }

  static let keyNotText = DiagnosticCode(
    "VP1010", .error, "key is not a word",
    """
    YAML allows lists, mappings and aliases as keys; a description has no use for them. They are \
    mostly typed by accident: '{{ value }}' of a template that was not filled in is a mapping \
    with a mapping as its key. Quote the text if it is meant as a key.
    """)

  static func keyNotText(_ found: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(keyNotText, "expected a word as key, found \(found)", at: span)
  }

  static let undefinedAlias = DiagnosticCode(
    "VP1011", .error, "undefined alias",
    """
    '*name' stands for the node marked '&name' earlier in the same file, and there is none. An \
    anchor must come before its aliases. If the text is meant literally, quote it.
    """)

  static func undefinedAlias(
    _ name: String, _ known: [String], at span: SourceSpan
  ) -> Diagnostic {
    let meant = Spelling.nearest(to: name, among: known)
    return Diagnostic(
      undefinedAlias, "alias \(QuotedText.quote("*" + name)) has no anchor before it", at: span,
      help: meant.map { "did you mean \(QuotedText.quote("*" + $0))?" }
        ?? "mark the node it stands for with \(QuotedText.quote("&" + name))")
  }

  static let aliasWithinItself = DiagnosticCode(
    "VP1012", .error, "alias contains itself",
    """
    An alias stands inside the very node it refers to, so the value would have no end. Move the \
    alias out of that node, or refer to another one.
    """)

  static func aliasWithinItself(
    _ name: String, at span: SourceSpan, anchor: SourceSpan
  ) -> Diagnostic {
    Diagnostic(
      aliasWithinItself, "alias \(QuotedText.quote("*" + name)) stands inside its own node",
      at: span, notes: [.init("the node begins here", anchor)])
  }

  static let tooManyAliased = DiagnosticCode(
    "VP1013", .error, "aliases expand too far",
    """
    Aliases of nodes that hold aliases multiply; a few lines can stand for billions of nodes. All \
    aliases of a file together may stand for at most 1,000,000 nodes. Write the entries out, or \
    generate the file.
    """)

  static func tooManyAliased(_ limit: Int, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      tooManyAliased, "the aliases up to here stand for more than \(limit) nodes", at: span)
  }

  static let tooDeep = DiagnosticCode(
    "VP1014", .error, "nested too deeply",
    """
    Lists and mappings may be nested at most 64 deep, aliases counted as what they stand for. No \
    description needs more than six levels; a file that does is damaged or made to cause trouble.
    """)

  static func tooDeep(_ limit: Int, at span: SourceSpan) -> Diagnostic {
    Diagnostic(tooDeep, "lists and mappings are nested more than \(limit) deep", at: span)
  }

  static let tag = DiagnosticCode(
    "VP1015", .error, "tag not accepted",
    """
    Values are read by what their key expects, so tags such as '!!int' have nothing to say. Those \
    that agree with what is written ('!!map', '!!seq', '!!str', '!!int', '!!bool', '!!float', \
    '!!null') are accepted and ignored; all others ask for something that does not exist here. \
    Remove the tag.
    """)

  static func tag(_ tag: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      Self.tag, "tag \(QuotedText.quote(tag)) does not fit here", at: span, help: "remove the tag")
  }

  static let mergeValue = DiagnosticCode(
    "VP1016", .error, "nothing to merge",
    """
    The key '<<' brings the keys of other mappings into this one; its value is an alias of a \
    mapping, or a list of such aliases. Keys written out win over merged ones, earlier mappings \
    of the list over later ones. Give it a mapping, or quote the key if it is meant literally.
    """)

  static func mergeValue(_ found: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      mergeValue, "expected a mapping to merge, found \(found)", at: span,
      help: "write '<<: *anchor', or '<<: [*first, *second]'")
  }

  static let separator = DiagnosticCode(
    "VP1017", .error, "a line ends where no editor shows it",
    """
    YAML 1.1 ends lines at U+0085, U+2028 and U+2029, too, which editors show as nothing or as a \
    space: what seems to be the rest of a comment would be read as keys. Such a character may \
    stand in quoted text only. Remove it, or write it as an escape such as "\\u2028".
    """)

  static func separator(_ name: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      separator, "a line ends here by a character that editors don't show (\(name))", at: span,
      help: "remove it, or break the line")
  }

  static let tooManyDirectives = DiagnosticCode(
    "VP1018", .error, "too many YAML directives",
    """
    Lines that begin with '%' before a document are directives of YAML. Descriptions have no use \
    for any, and reading many takes long. Remove them.
    """)

  static func tooManyDirectives(_ count: Int, at span: SourceSpan) -> Diagnostic {
    Diagnostic(
      tooManyDirectives, "there are more than \(count) directives", at: span,
      help: "remove the lines that begin with '%'")
  }
}
