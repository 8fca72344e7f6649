import Parser

extension ProgramTextReader {
  /// Whether a file begins as programs do, by its first line that is neither empty nor a comment.
  ///
  /// That is a name after `%`, but for the directives of YAML, or the keyword of a step and what
  /// follows it there. No description and no saved plan begins so. Looks no further than that line.
  public static func recognizes(_ file: SourceFile) -> Bool {
    var rest = file.bytes[...]
    if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
    while !rest.isEmpty {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
      var lexer = ProgramTextLexer(line, of: file.id)
      do throws(ProgramTextError) {
        if let first = try lexer.next() { return begins(first, then: try? lexer.next()) }
      } catch {
        return false
      }
      rest = rest[line.endIndex...].dropFirst()
    }
    return false
  }

  private static func begins(_ first: ProgramToken, then second: ProgramToken?) -> Bool {
    switch first.kind {
    case .result: !["YAML", "TAG"].contains(first.text) || second?.kind == .symbol
    case .word: ProgramReading.keywords.contains(first.text) && second.map(isOperand) ?? false
    case .string, .symbol: false
    }
  }

  private static func isOperand(_ token: ProgramToken) -> Bool { token.kind != .symbol }
}
