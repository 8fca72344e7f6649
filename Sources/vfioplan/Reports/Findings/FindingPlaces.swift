import Glibc
import Parser

/// Where findings lie, for programs that show them beside the files.
struct FindingPlaces {
  /// A range in a file; lines and columns count from 1, columns in characters, the end is
  /// exclusive.
  struct Place: Hashable {
    /// The file's name, relative to the working directory if it is below that.
    var file: String
    var line: Int
    var column: Int
    var endLine: Int
    var endColumn: Int
  }

  private let files: [SourceID: SourceFile]
  private var tables: [SourceID: LineTable] = [:]
  private let folder: String?

  /// Takes the files that findings lie in, and the folder that names of files are relative to.
  init(_ files: [SourceFile], relativeTo folder: String? = Self.workingDirectory) {
    self.files = Dictionary(files.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    self.folder = folder
  }

  /// The place of a span; `nil` if it lies in no file that others could open.
  mutating func place(of span: SourceSpan?) -> Place? {
    guard let span, let file = files[span.source], !file.name.hasPrefix("<") else { return nil }
    let table = tables[span.source] ?? LineTable(file)
    tables[span.source] = table
    let (start, end) = (table.position(of: span.start), table.position(of: span.end))
    return Place(
      file: relative(file.name), line: start.line, column: start.column, endLine: end.line,
      endColumn: end.column)
  }

  private func relative(_ name: String) -> String {
    var rest = Substring(name)
    if let folder, rest.hasPrefix(folder + "/") { rest = rest.dropFirst(folder.utf8.count + 1) }
    while rest.hasPrefix("./") { rest = rest.dropFirst(2).drop { $0 == "/" } }
    return rest.isEmpty ? name : String(rest)
  }

  /// The folder the process was started in; `nil` if it can't be told.
  static var workingDirectory: String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(system: path)
  }
}
