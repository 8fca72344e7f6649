import Parser
import Planner

/// Where in the user's files the causes of consequences stand.
struct ChangePlaces {
  private var tables: [SourceID: (name: String, lines: LineTable)] = [:]

  /// Scans the files that the changes are in; linear in them.
  init(of changes: [InputChange], in files: [SourceFile]) {
    for id in Set(changes.compactMap(\.span?.source)) {
      // Facts of this machine stand in no file that somebody could open.
      guard let file = files.first(where: { $0.id == id }), file.name != SourceFile.thisMachine
      else { continue }
      tables[id] = (file.name, LineTable(file))
    }
  }

  /// The file and the 1-based line of a change; `nil` if it stands in none.
  func place(of change: InputChange) -> (file: String, line: Int)? {
    guard let span = change.span, let table = tables[span.source] else { return nil }
    return (table.name, table.lines.position(of: span.start).line)
  }

  /// The place and what was changed there, `vm.yaml:19  noSnoop: forbidden -> allowed`; `nil` if
  /// there is nothing to say.
  func text(of change: InputChange) -> String? {
    let place = place(of: change).map { "\($0.file):\($0.line)" }
    if change.key == Self.deviceKey { return place }
    let (old, new) = (change.before ?? "", change.after ?? "")
    let values = "\(change.key): \(old.isEmpty ? "none" : old) -> \(new.isEmpty ? "none" : new)"
    return place.map { "\($0)  \(values)" } ?? values
  }

  /// The key of the change that a device comes or goes.
  private static let deviceKey = "device"
}
