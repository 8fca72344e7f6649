/// Writes findings as JSON: the form of `--diagnostics json` and of the plan file.
///
/// Lines and columns are 1-based, columns count characters, the end is exclusive. A finding about
/// no file has `null` for all of them.
public struct DiagnosticJSON {
  private let files: [SourceFile]
  private var tables: [SourceID: LineTable] = [:]

  /// Takes the files the findings lie in; spans in any other file are left out.
  public init(files: [SourceFile]) { self.files = files }

  /// Writes an array with one finding a line.
  public mutating func write(_ diagnostics: [Diagnostic], to writer: inout JSONWriter) {
    writer.beginArray(.block)
    for diagnostic in diagnostics { write(diagnostic, to: &writer) }
    writer.endArray()
  }

  /// The array as a text of its own, with a line feed at its end.
  public static func text(_ diagnostics: [Diagnostic], files: [SourceFile]) -> [UInt8] {
    var writer = JSONWriter()
    var json = DiagnosticJSON(files: files)
    json.write(diagnostics, to: &writer)
    writer.endText()
    return writer.bytes
  }

  private mutating func write(_ diagnostic: Diagnostic, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("code", diagnostic.code.name)
    writer.member("severity", diagnostic.severity.rawValue)
    writer.member("message", diagnostic.message)
    write(diagnostic.span, to: &writer)
    writer.key("notes")
    writer.beginArray()
    for note in diagnostic.notes + (diagnostic.more.map { [.init($0)] } ?? []) {
      writer.beginObject()
      writer.member("message", note.message)
      write(note.span, to: &writer)
      writer.endObject()
    }
    writer.endArray()
    writer.member("help", diagnostic.help)
    if !diagnostic.unknown.isEmpty { writer.member("unknown", diagnostic.unknown.map(\.rawValue)) }
    writer.endObject()
  }

  private mutating func write(_ span: SourceSpan?, to writer: inout JSONWriter) {
    let file = files.first { $0.id == span?.source }
    writer.member("file", file?.name)
    let (start, end) = positions(of: span, in: file)
    writer.member("line", start?.line)
    writer.member("column", start?.column)
    writer.member("endLine", end?.line)
    writer.member("endColumn", end?.column)
  }

  private typealias Position = (line: Int, column: Int)

  private mutating func positions(
    of span: SourceSpan?, in file: SourceFile?
  ) -> (start: Position?, end: Position?) {
    guard let span, let file else { return (nil, nil) }
    let table = tables[span.source] ?? LineTable(file)
    tables[span.source] = table
    return (table.position(of: span.start), table.position(of: span.end))
  }
}
