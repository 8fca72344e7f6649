import ArgumentParser
import Parser

/// A code of a finding that does not keep a run back.
struct ForceOption: ExpressibleByArgument {
  /// The code.
  let code: DiagnosticCode

  static var allValueStrings: [String] {
    DiagnosticCatalog.all.filter(\.canBeForced).map(\.name)
  }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  static var names: String { allValueStrings.joined(separator: ", ") }
  var defaultValueDescription: String { code.name }

  init?(argument: String) {
    guard let code = DiagnosticCatalog.code(named: argument), code.canBeForced else { return nil }
    self.code = code
  }
}
