/// Lays findings out for people: place, code, message, the source line with carets, notes, help.
///
/// The only code that lays out excerpts. Lines of source are cut to the screen's width, messages go
/// on below, four columns in. Line tables are made when a file is first needed.
public struct DiagnosticRenderer {
  private let files: [SourceFile]
  private let screen: Screen
  private var tables: [SourceID: LineTable] = [:]

  /// Makes a renderer for the inputs of a run.
  public init(files: [SourceFile], screen: Screen = .plain) {
    self.files = files
    self.screen = screen
  }

  /// All findings in the order of the files, and a line that counts them if there are several.
  public mutating func render(_ diagnostics: [Diagnostic]) -> String {
    var text = ""
    for diagnostic in Self.inFileOrder(diagnostics) { append(diagnostic, to: &text) }
    if diagnostics.count > 1 { text += Self.count(diagnostics) + "\n" }
    return text
  }

  /// Findings in the order in which they are shown, too many of a kind left out.
  public static func inFileOrder(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
    DiagnosticSink(sorting: diagnostics).diagnostics
  }

  /// How many errors and warnings there are, in words.
  public static func count(_ diagnostics: [Diagnostic]) -> String {
    let number = { (severity: Severity) in
      diagnostics.reduce(0) { $0 + ($1.severity == severity ? 1 + $1.omitted : 0) }
    }
    let parts = [(number(.error), "error"), (number(.warning), "warning")]
    return parts.filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }
      .joined(separator: ", ")
  }

  private mutating func append(_ diagnostic: Diagnostic, to text: inout String) {
    let isError = diagnostic.severity == .error
    let label = "\(diagnostic.severity.rawValue)[\(diagnostic.code.name)]:"
    appendHead(
      label, isError ? .error : .warning, diagnostic.message, at: diagnostic.span, to: &text)
    for note in diagnostic.notes {
      appendHead("note:", .note, note.message, at: note.span, to: &text)
    }
    if let help = diagnostic.help {
      appendText("\("help:", .good) ", help, indent: 2, to: &text)
    }
    if let more = diagnostic.more { appendHead("note:", .note, more, at: nil, to: &text) }
  }

  private mutating func appendHead(
    _ label: String, _ role: Screen.Role, _ message: String, at span: SourceSpan?,
    to text: inout String
  ) {
    let owner = span.flatMap { span in files.first { $0.id == span.source } }
    guard let span, let file = owner else {
      let isNote = role == .note
      let prefix: StyledText = isNote ? "" : "\("vfioplan:", .strong) "
      return appendText(
        prefix + "\(label, role) ", message, indent: isNote ? 2 : 0, to: &text)
    }
    let table = table(of: file)
    let (line, column) = table.position(of: span.start)
    let place: StyledText = "\("\(file.name):\(line):\(column):", .strong) "
    appendText(place + "\(label, role) ", message, to: &text)
    appendExcerpt(of: span, in: table, role, to: &text)
  }

  private func appendText(
    _ head: StyledText, _ message: String, indent: Int = 0, to text: inout String
  ) {
    let further = 4
    let whole = head + StyledText(message)
    let lines = whole.wrapped(to: screen.width - indent, then: screen.width - further)
    for (index, line) in lines.enumerated() {
      text += String(repeating: " ", count: index == 0 ? indent : further)
      text += line.marked(for: screen) + "\n"
    }
  }

  private mutating func table(of file: SourceFile) -> LineTable {
    if let table = tables[file.id] { return table }
    let table = LineTable(file)
    tables[file.id] = table
    return table
  }

  /// The first line of the span, and its last one if that is another.
  private func appendExcerpt(
    of span: SourceSpan, in table: LineTable, _ role: Screen.Role, to text: inout String
  ) {
    let first = table.lineIndex(of: span.start)
    let last = max(first, table.lineIndex(of: max(span.start, span.end &- (span.end > 0 ? 1 : 0))))
    let digits = max(3, String(last + 1).utf8.count)
    appendLine(first, of: span, in: table, digits, role, to: &text)
    if last > first + 1 {
      text += screen.mark(String(repeating: " ", count: digits) + " ...", .faint) + "\n"
    }
    if last > first { appendLine(last, of: span, in: table, digits, role, to: &text) }
  }

  private func appendLine(
    _ index: Int, of span: SourceSpan, in table: LineTable, _ digits: Int, _ role: Screen.Role,
    to text: inout String
  ) {
    let line = table.line(index)
    let start = Int(table.lineStarts[index])
    var from = max(0, Int(span.start) - start)
    if Int(span.start) < start {
      // A later line of a span is marked from its first character, not in its indentation.
      from = line.firstIndex { $0 != 0x20 && $0 != 0x09 }.map { $0 - line.startIndex } ?? 0
    }
    let to = min(line.count, max(from, Int(span.end) - start))
    let excerpt = SourceExcerpt(
      line: line, range: from..<max(from, to), width: screen.width - digits - 3)
    let number = String(index + 1)
    let padding = String(repeating: " ", count: digits - number.utf8.count)
    text += screen.mark("\(padding)\(number) | ", .faint) + excerpt.text + "\n"
    let gutter = String(repeating: " ", count: digits) + " | "
    text += screen.mark(gutter, .faint) + screen.mark(excerpt.carets, role) + "\n"
  }
}

extension Diagnostic {
  /// What is said of those that were left out, if any were.
  public var more: String? { omitted > 0 ? "and \(omitted) more of this kind" : nil }
}
