import Parser

/// Findings as commands of GitHub's workflows, which show them beside the lines of a pull request.
///
/// One line a finding: `::error file=vm.yaml,line=3,col=5,title=VP2001 ...::message`.
struct AnnotationText {
  private var places: FindingPlaces

  /// Takes the files that findings lie in.
  init(files: [SourceFile]) { places = FindingPlaces(files) }

  /// All findings, in the order given.
  mutating func text(_ diagnostics: [Diagnostic]) -> String {
    diagnostics.map { line($0) }.joined()
  }

  private mutating func line(_ diagnostic: Diagnostic) -> String {
    var properties: [(String, String)] = []
    if let place = places.place(of: diagnostic.span) {
      properties = [("file", place.file), ("line", "\(place.line)")]
      // Columns are for ranges within one line only; the last one is part of the range.
      if place.line == place.endLine {
        properties.append(("col", "\(place.column)"))
        properties.append(("endColumn", "\(max(place.column, place.endColumn - 1))"))
      } else {
        properties.append(("endLine", "\(place.endLine)"))
      }
    }
    properties.append(("title", "\(diagnostic.code.name) \(diagnostic.code.title)"))
    let list = properties.map { $0.0 + "=" + Self.escaped($0.1.visible, inProperty: true) }
      .joined(separator: ",")
    return "::\(diagnostic.severity.rawValue) \(list)::"
      + Self.escaped(message(of: diagnostic), inProperty: false) + "\n"
  }

  /// The message, then a line for each note and for the help.
  private mutating func message(of diagnostic: Diagnostic) -> String {
    var lines = [diagnostic.message.visible]
    for note in diagnostic.notes {
      let place = places.place(of: note.span).map { "\($0.file):\($0.line): " } ?? ""
      lines.append("note: " + (place + note.message).visible)
    }
    if let help = diagnostic.help { lines.append("help: " + help.visible) }
    if let more = diagnostic.more { lines.append("note: " + more) }
    return lines.joined(separator: "\n")
  }

  /// What the runner would act on, escaped as it undoes it (actions/toolkit, `command.ts`).
  static func escaped(_ text: String, inProperty: Bool) -> String {
    text.escaped { scalar in
      switch scalar {
      case "%": "%25"
      case "\r": "%0D"
      case "\n": "%0A"
      case ":" where inProperty: "%3A"
      case "," where inProperty: "%2C"
      default: nil
      }
    }
  }
}
