/// Reads QEMU's arguments: of a line, a script, a process, or in a file of `-readconfig`.
enum QEMUImport {
  /// Whether a program is QEMU, by the last part of its path.
  static func isProgram(_ name: Substring) -> Bool {
    name.hasPrefix("qemu-system-") || ["qemu-kvm", "kvm", "qemu"].contains(name)
  }

  /// Reads a file into a draft.
  static func read(_ draft: inout ImportDraft) throws(DiagnosticsError) {
    if ReadConfig.recognizes(draft.file) {
      var arguments = QEMUArguments(ReadConfig(draft.file).options)
      return arguments.read(nil, into: &draft)
    }
    guard let line = try CommandLine.find(in: draft.file, where: isProgram) else {
      throw DiagnosticsError([ImportDiagnostics.unknownKind(of: draft.file)])
    }
    var arguments = QEMUArguments(line.arguments)
    arguments.read(line.program, into: &draft)
    draft.leave("other VM", .notFirst, count: line.others)
  }
}

/// A file of `-readconfig`: sections of an option each, with a key and a value in quotes a line.
struct ReadConfig {
  /// The sections, as options of the command line.
  private(set) var options: [QEMUArguments.Option] = []

  private let file: SourceFile

  /// Whether a file begins so.
  static func recognizes(_ file: SourceFile) -> Bool {
    let lines = TextLines(file)
    guard let first = lines.first(where: { !$0.text.isEmpty && !$0.text.hasPrefix("#") }) else {
      return false
    }
    return first.text.hasPrefix("[") && first.text.hasSuffix("]")
      && ["device", "machine", "object", "memory", "name", "drive", "chardev", "netdev"]
        .contains { first.text.dropFirst().hasPrefix($0) }
  }

  /// Reads a file.
  init(_ file: SourceFile) {
    self.file = file
    var section: (name: String, id: SourceWord?, span: SourceSpan)?
    var pairs: [(key: String, value: SourceWord)] = []
    for line in TextLines(file) where !line.text.isEmpty && !line.text.hasPrefix("#") {
      if line.text.hasPrefix("[") {
        section.map { add($0, pairs) }
        (section, pairs) = (Self.section(line), [])
      } else if let pair = Self.pair(line) {
        pairs.append(pair)
      }
    }
    section.map { add($0, pairs) }
  }

  private static func section(
    _ line: SourceWord
  ) -> (name: String, id: SourceWord?, span: SourceSpan) {
    let inner = line.text.drop { $0 == "[" }.prefix { $0 != "]" }
    let name = inner.prefix { $0 != " " }
    let id = inner.dropFirst(name.count).filter { $0 != "\"" && $0 != " " }
    return (
      String(name), id.isEmpty ? nil : SourceWord(text: id, span: line.span), line.span
    )
  }

  private static func pair(_ line: SourceWord) -> (key: String, value: SourceWord)? {
    guard let mark = line.text.firstIndex(of: "=") else { return nil }
    var value = line.rest(after: mark)
    if value.text.hasPrefix("\"") {
      value.text = String(value.text.dropFirst().prefix { $0 != "\"" })
    }
    return (line.text[..<mark].trimmed, value)
  }

  private mutating func add(
    _ section: (name: String, id: SourceWord?, span: SourceSpan),
    _ pairs: [(key: String, value: SourceWord)]
  ) {
    var all = pairs
    if let id = section.id, !pairs.contains(where: { $0.key == "id" }) { all.append(("id", id)) }
    let name = section.name == "memory" ? "m" : section.name
    options.append(
      QEMUArguments.Option(
        name: name, value: SourceWord(text: "", span: section.span), span: section.span,
        values: OptionValues(all, SourceWord(text: "", span: section.span))))
  }
}
