import Parser
import TestSupport

/// A configuration of Tests/Fixtures/Import.
struct ImportedFile: CustomStringConvertible, Sendable {
  /// The kind, which is the folder's name.
  var kind: VMMClause.Kind
  /// Its path in the package.
  var path: String
  var description: String { path.split(separator: "/").suffix(2).joined(separator: "/") }

  static let folder = "Tests/Fixtures/Import"
  static let all = VMMClause.Kind.allCases.flatMap { kind in
    PackageFiles.entries("\(folder)/\(kind.rawValue)").map {
      ImportedFile(kind: kind, path: "\(folder)/\(kind.rawValue)/\($0)")
    }
  }

  /// The file.
  func file() throws -> SourceFile {
    SourceFile(id: .vm, name: path, text: try PackageFiles.text(path))
  }

  /// The VM; `nil` if the file is refused.
  func imported() throws -> ImportedVM? {
    var sink = DiagnosticSink()
    return try? ImportReader.vm(try file(), from: kind, into: &sink)
  }
}
