import Parser

/// A word of a program's text.
struct ProgramToken: Sendable {
  /// What it is.
  enum Kind: Sendable {
    /// A name after `%`.
    case result
    /// A keyword, a member's name, a number, a constant or an address.
    case word
    /// Text between double quotes.
    case string
    /// `=`, `==`, `->`, `,`, `+`, `&`, `(` or `)`.
    case symbol
  }

  /// What it is.
  var kind: Kind
  /// Its text, without `%` or quotes, escapes resolved.
  var text: String
  /// Where it stands.
  var span: SourceSpan
}

/// What is wrong with a line of a program's text.
struct ProgramTextError: Error {
  /// The finding.
  var diagnostic: Diagnostic

  /// Wraps a finding.
  init(_ diagnostic: Diagnostic) { self.diagnostic = diagnostic }
}

/// Cuts one line of a program's text into tokens; a comment ends it.
struct ProgramTextLexer {
  private let bytes: ArraySlice<UInt8>
  private let source: SourceID
  private var position: Int

  /// Starts at the beginning of a line, given as a slice of the file's bytes.
  init(_ line: ArraySlice<UInt8>, of source: SourceID) {
    bytes = line
    self.source = source
    position = line.startIndex
  }

  /// All tokens of the line.
  mutating func tokens() throws(ProgramTextError) -> [ProgramToken] {
    var tokens: [ProgramToken] = []
    while let token = try next() { tokens.append(token) }
    return tokens
  }

  /// The next token; `nil` at the end of the line.
  mutating func next() throws(ProgramTextError) -> ProgramToken? {
    while position < bytes.endIndex, bytes[position] == 0x20 || bytes[position] == 0x09 {
      position += 1
    }
    guard position < bytes.endIndex, bytes[position] != UInt8(ascii: "#") else { return nil }
    let start = position
    switch bytes[position] {
    case UInt8(ascii: "%"):
      position += 1
      skip(while: ResultDefinition.allows)
      guard position > start + 1 else {
        throw ProgramTextError(
          ProgramDiagnostics.expected("a name after '%'", at: span(start, position)))
      }
      return token(.result, start, bytes[(start + 1)..<position])
    case UInt8(ascii: "\""): return try string()
    case let byte where Self.isWord(byte):
      skipWord()
      return token(.word, start, bytes[start..<position])
    default: return try symbol()
    }
  }

  private mutating func symbol() throws(ProgramTextError) -> ProgramToken {
    for symbol in ["==", "->", "=", ",", "+", "&", "(", ")"]
    where bytes[position...].starts(with: symbol.utf8) {
      let start = position
      position += symbol.utf8.count
      return token(.symbol, start, bytes[start..<position])
    }
    throw ProgramTextError(ProgramDiagnostics.character(at: span(position, position + 1)))
  }

  private mutating func string() throws(ProgramTextError) -> ProgramToken {
    let start = position
    position += 1
    var text: [UInt8] = []
    while position < bytes.endIndex, bytes[position] != UInt8(ascii: "\"") {
      if bytes[position] == UInt8(ascii: "\\") {
        text += String(try escape()).utf8
      } else {
        text.append(bytes[position])
        position += 1
      }
    }
    guard position < bytes.endIndex else {
      throw ProgramTextError(ProgramDiagnostics.expected("'\"'", at: span(start, position)))
    }
    position += 1
    return token(.string, start, text[...])
  }

  /// `\u{...}`: the number of a character, in at most six hexadecimal digits.
  private mutating func escape() throws(ProgramTextError) -> Unicode.Scalar {
    let start = position
    let digits = bytes[position...].dropFirst(3).prefix { $0 != UInt8(ascii: "}") }.prefix(7)
    let value = Hex.number(digits)
    let end = digits.endIndex
    guard bytes[start...].starts(with: "\\u{".utf8), digits.count <= 6, end < bytes.endIndex,
      bytes[end] == UInt8(ascii: "}"), let scalar = value.flatMap({ Unicode.Scalar(UInt32($0)) })
    else {
      throw ProgramTextError(
        ProgramDiagnostics.expected("an escape like '\\u{20}'", at: span(start, start + 1)))
    }
    position = end + 1
    return scalar
  }

  /// Skips a word, in which a dash may stand between two characters of words.
  private mutating func skipWord() {
    skip(while: Self.isWord)
    while position + 1 < bytes.endIndex, bytes[position] == UInt8(ascii: "-"),
      Self.isWord(bytes[position + 1])
    {
      position += 1
      skip(while: Self.isWord)
    }
  }

  private mutating func skip(while condition: (UInt8) -> Bool) {
    while position < bytes.endIndex, condition(bytes[position]) { position += 1 }
  }

  private func token(
    _ kind: ProgramToken.Kind, _ start: Int, _ text: ArraySlice<UInt8>
  ) -> ProgramToken {
    ProgramToken(
      kind: kind, text: String(decoding: text, as: UTF8.self), span: span(start, position))
  }

  private func span(_ start: Int, _ end: Int) -> SourceSpan {
    SourceSpan(
      source: source, start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end)
    )
  }

  /// Letters, digits and what stands inside addresses, constants and members' names.
  private static func isWord(_ byte: UInt8) -> Bool {
    ResultDefinition.allows(byte) && byte != UInt8(ascii: "-")
      || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "|")
  }
}
