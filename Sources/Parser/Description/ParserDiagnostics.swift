/// Every finding of this module: its codes, by topic, and the functions that word them.
///
/// The wording is in one file per topic, `ParserDiagnostics+YAML.swift` for example.
public enum ParserDiagnostics {
  /// All codes of this module, ascending.
  public static let all: [DiagnosticCode] = yamlCodes + schemaCodes + valueCodes

  private static let yamlCodes = [
    fileTooLarge, otherEncoding, invalidUTF8, controlCharacter, emptyFile, syntax, tabIndentation,
    severalDocuments, duplicateKey, keyNotText, undefinedAlias, aliasWithinItself, tooManyAliased,
    tooDeep, tag, mergeValue, separator, tooManyDirectives,
  ]

  private static let schemaCodes = [
    kind, unknownKey, missingKey, apiVersion, unknownKind, wrongDocument, emptyList,
  ]

  private static let valueCodes = [
    name, address, number, numberRange, bytes, boolean, word, objective, pageMultiple, endOverflow,
    hugePage, hugePageMultiple, reservedSpaceName, pageSize, reservedOrder, place, path, subsystem,
    vfToken, contradictoryFacts, pagesOfCPU,
  ]

  /// A span of one byte count at the start of a file.
  static func start(of source: SourceID, length: Int = 0) -> SourceSpan {
    SourceSpan(source: source, start: 0, end: UInt32(truncatingIfNeeded: length))
  }
}
