import Parser

/// Findings as a log of SARIF 2.1.0, which code scanning services read.
struct SARIFText {
  private var places: FindingPlaces
  private let diagnostics: [Diagnostic]
  /// The codes that occur, by name.
  private let rules: [DiagnosticCode]
  private let positions: [String: Int]

  /// Prepares a log of findings in files.
  init(_ diagnostics: [Diagnostic], files: [SourceFile]) {
    places = FindingPlaces(files)
    self.diagnostics = diagnostics
    let codes = Dictionary(diagnostics.map { ($0.code.name, $0.code) }, uniquingKeysWith: { $1 })
    rules = codes.values.sorted { $0.name < $1.name }
    positions = Dictionary(
      rules.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { $1 })
  }

  /// The log, of a run that ends with a status.
  mutating func json(status: Int32) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
    writer.member("version", "2.1.0")
    writer.key("runs")
    writer.beginArray(.block)
    writer.beginObject(.block)
    writeTool(to: &writer)
    writeInvocation(status, to: &writer)
    writer.member("columnKind", "unicodeCodePoints")
    writer.list("results", of: diagnostics, .block) { write($0, to: &$1) }
    writer.endObject()
    writer.endArray()
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func writeTool(to writer: inout JSONWriter) {
    writer.key("tool")
    writer.beginObject(.block)
    writer.key("driver")
    writer.beginObject(.block)
    writer.member("name", "vfioplan")
    writer.member("version", Version.text)
    writer.list("rules", of: rules, .block) { Self.write($0, to: &$1) }
    writer.endObject()
    writer.endObject()
  }

  private static func write(_ code: DiagnosticCode, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("id", code.name)
    writeText("shortDescription", code.title, to: &writer)
    writeText("fullDescription", code.explanation, to: &writer)
    writeText("help", code.explanation, to: &writer)
    writer.key("defaultConfiguration")
    writer.beginObject()
    writer.member("level", code.severity.rawValue)
    writer.endObject()
    writer.endObject()
  }

  /// Whether the tool did its work, which is so whatever it found.
  private func writeInvocation(_ status: Int32, to writer: inout JSONWriter) {
    let isDone = [.done, .cannotCompile, .changesFound, .hostUnable].contains(
      ExitCode(rawValue: status))
    writer.key("invocations")
    writer.beginArray()
    writer.beginObject()
    writer.member("executionSuccessful", isDone)
    writer.member("exitCode", Int(status))
    writer.endObject()
    writer.endArray()
  }

  private mutating func write(_ diagnostic: Diagnostic, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("ruleId", diagnostic.code.name)
    writer.member("ruleIndex", positions[diagnostic.code.name] ?? 0)
    writer.member("level", diagnostic.severity.rawValue)
    let more = diagnostic.more.map { "; " + $0 } ?? ""
    let help = diagnostic.help.map { "\n" + $0.visible } ?? ""
    Self.writeText("message", diagnostic.message.visible + more + help, to: &writer)
    if let place = places.place(of: diagnostic.span) {
      writer.key("locations")
      writer.beginArray()
      Self.write(place, saying: nil, to: &writer)
      writer.endArray()
    }
    writeRelated(diagnostic.notes, to: &writer)
    writer.endObject()
  }

  private mutating func writeRelated(_ notes: [Diagnostic.Note], to writer: inout JSONWriter) {
    guard !notes.isEmpty else { return }
    writer.key("relatedLocations")
    writer.beginArray()
    for note in notes {
      Self.write(places.place(of: note.span), saying: note.message.visible, to: &writer)
    }
    writer.endArray()
  }

  private static func write(
    _ place: FindingPlaces.Place?, saying message: String?, to writer: inout JSONWriter
  ) {
    writer.beginObject()
    if let place {
      writer.key("physicalLocation")
      writer.beginObject()
      writer.key("artifactLocation")
      writer.beginObject()
      writer.member("uri", uri(of: place.file))
      writer.endObject()
      writer.key("region")
      writer.beginObject()
      writer.member("startLine", place.line)
      writer.member("startColumn", place.column)
      writer.member("endLine", place.endLine)
      writer.member("endColumn", place.endColumn)
      writer.endObject()
      writer.endObject()
    }
    if let message { writeText("message", message, to: &writer) }
    writer.endObject()
  }

  private static func writeText(
    _ key: StaticString, _ text: String, to writer: inout JSONWriter
  ) {
    writer.key(key)
    writer.beginObject()
    writer.member("text", text)
    writer.endObject()
  }

  /// A path as a reference of RFC 3986: what is neither unreserved nor a slash is escaped by its
  /// bytes; an absolute path is one of the scheme `file`.
  static func uri(of path: String) -> String {
    var text = path.hasPrefix("/") ? "file://" : ""
    for byte in path.utf8 {
      switch byte {
      case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
        UInt8(ascii: "/"),
        _ where byte.isAlphanumeric:
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        text += "%" + hexDigits(UInt64(byte), 2).uppercased()
      }
    }
    return text
  }
}
