/// The commands of a shell script, each as its words; nothing is run.
///
/// Quotes, escapes, comments and lines that go on are read as a POSIX shell does. Variables and
/// arrays that the script sets are put in; everything else that begins with `$` stays as it is.
struct ShellScript {
  /// The most words that all of a script has, variables put in.
  static let maximumWords = 1 << 14
  /// How many bytes variables may stand for, all in all, with some more for each word.
  private static let maximumPut = 1 << 22

  /// A word that is being read.
  private struct Piece {
    var text: [UInt8] = []
    var start: Int
    /// Whether there is a word even if it is empty.
    var isThere = false
    /// Words that arrays and unquoted variables stand for, before this one.
    var before: [SourceWord] = []
  }

  /// The commands, without those that only set variables.
  private(set) var commands: [[SourceWord]] = []
  /// What is wrong with it.
  private(set) var finding: Diagnostic?

  private let file: SourceFile
  private let bytes: [UInt8]
  private var index = 0
  private var words: [SourceWord] = []
  private var wordCount = 0
  private var putCount = 0
  private var values: [String: [SourceWord]] = [:]
  /// The array that is being set, and its first word's position.
  private var array: (name: String, first: Int)?

  /// Reads a script.
  init(_ file: SourceFile) {
    self.file = file
    bytes = file.bytes
    while finding == nil, index < bytes.count { step() }
    endCommand()
  }

  private mutating func step() {
    switch bytes[index] {
    case 32, 9, 13: index += 1
    case 10:
      index += 1
      if array == nil { endCommand() }
    case UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"):
      index += 1
      if array == nil { endCommand() }
    case UInt8(ascii: "#"): while index < bytes.count, bytes[index] != 10 { index += 1 }
    case UInt8(ascii: ")"):
      index += 1
      endArray()
    case UInt8(ascii: "\\") where isLineEnd(index + 1):
      index = bytes[index + 1] == 13 ? index + 3 : index + 2
    default: readWord()
    }
  }

  private func isLineEnd(_ place: Int) -> Bool {
    guard place < bytes.count else { return false }
    return bytes[place] == 10
      || bytes[place] == 13 && place + 1 < bytes.count && bytes[place + 1] == 10
  }

  private mutating func endCommand() {
    if !words.isEmpty { commands.append(words) }
    words = []
    array = nil
  }

  private mutating func endArray() {
    guard let (name, first) = array else { return }
    values[name, default: []] += words[first...]
    words.removeSubrange(first...)
    array = nil
  }
}

// MARK: - Words

extension ShellScript {
  private mutating func readWord() {
    var piece = Piece(start: index)
    while finding == nil, index < bytes.count, !isEnd(bytes[index]) {
      read(into: &piece)
      if beginsArray(piece) { return }
    }
    guard finding == nil else { return }
    add(piece.before)
    guard piece.isThere || !piece.text.isEmpty else { return }
    let word = SourceWord(
      text: String(decoding: piece.text, as: UTF8.self), span: span(piece.start..<index))
    if words.isEmpty, array == nil, assign(word) { return }
    add([word])
  }

  private mutating func add(_ more: [SourceWord]) {
    wordCount += more.count
    if wordCount > Self.maximumWords {
      finding = ImportDiagnostics.manyWords(Self.maximumWords, at: span(index..<index))
      return
    }
    words += more
  }

  private func isEnd(_ byte: UInt8) -> Bool {
    [32, 9, 10, 13].contains(byte)
      || [UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: ")")].contains(byte)
  }

  private func span(_ range: Range<Int>) -> SourceSpan {
    SourceSpan(
      source: file.id, start: UInt32(range.lowerBound),
      end: UInt32(min(range.upperBound, bytes.count)))
  }

  /// Reads a character, an escape, a string in quotes or a variable.
  private mutating func read(into piece: inout Piece) {
    switch bytes[index] {
    case UInt8(ascii: "'"): readSingleQuotes(into: &piece)
    case UInt8(ascii: "\""): readDoubleQuotes(into: &piece)
    case UInt8(ascii: "\\"):
      if isLineEnd(index + 1) {
        index += bytes[index + 1] == 13 ? 3 : 2
        return
      }
      if index + 1 < bytes.count { piece.text.append(bytes[index + 1]) }
      index = min(index + 2, bytes.count)
    case UInt8(ascii: "$"): readVariable(into: &piece, isQuoted: false)
    case let byte:
      piece.text.append(byte)
      index += 1
    }
  }

  private mutating func readSingleQuotes(into piece: inout Piece) {
    let start = index
    guard let end = bytes[(index + 1)...].firstIndex(of: UInt8(ascii: "'")) else {
      return finding = ImportDiagnostics.openQuote(at: span(start..<start + 1))
    }
    piece.text += bytes[index + 1..<end]
    piece.isThere = true
    index = end + 1
  }

  private mutating func readDoubleQuotes(into piece: inout Piece) {
    let start = index
    index += 1
    piece.isThere = true
    while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
      switch bytes[index] {
      case UInt8(ascii: "$"): readVariable(into: &piece, isQuoted: true)
      case UInt8(ascii: "\\") where index + 1 < bytes.count:
        let next = bytes[index + 1]
        let isEscape = [UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "$"), 96].contains(
          next)
        if next != 10 { piece.text += isEscape ? [next] : [bytes[index], next] }
        index += 2
      case let byte:
        piece.text.append(byte)
        index += 1
      }
    }
    guard index < bytes.count else {
      return finding = ImportDiagnostics.openQuote(at: span(start..<start + 1))
    }
    index += 1
  }
}

// MARK: - Variables

extension ShellScript {
  /// `name=(` and `name+=(` begin an array, where a command begins.
  private mutating func beginsArray(_ piece: Piece) -> Bool {
    guard words.isEmpty, array == nil, index < bytes.count, bytes[index] == UInt8(ascii: "("),
      piece.text.last == UInt8(ascii: "=")
    else { return false }
    var name = piece.text.dropLast()
    let isMore = name.last == UInt8(ascii: "+")
    if isMore { name = name.dropLast() }
    let text = String(decoding: name, as: UTF8.self)
    if !isMore { values[text] = [] }
    array = (text, words.count)
    index += 1
    return true
  }

  /// Sets a variable, if a word does that.
  private mutating func assign(_ word: SourceWord) -> Bool {
    guard let mark = word.text.firstIndex(of: "="), mark > word.text.startIndex else {
      return false
    }
    let name = word.text[..<mark]
    guard name.utf8.allSatisfy(Self.isNameByte) else { return false }
    let value = String(word.text[word.text.index(after: mark)...])
    values[String(name)] = [SourceWord(text: value, span: word.span)]
    return true
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte.isAlphanumeric || byte == UInt8(ascii: "_")
  }

  /// Reads `$name`, `${name}` or `${name[@]}`; what is not set stays as it is.
  private mutating func readVariable(into piece: inout Piece, isQuoted: Bool) {
    let start = index
    index += 1
    let hasBraces = index < bytes.count && bytes[index] == UInt8(ascii: "{")
    if hasBraces { index += 1 }
    let first = index
    while index < bytes.count, Self.isNameByte(bytes[index]) { index += 1 }
    let name = String(decoding: bytes[first..<index], as: UTF8.self)
    let isArray = hasBraces && bytes[index...].starts(with: Array("[@]".utf8))
    if isArray { index += 3 }
    if hasBraces {
      guard index < bytes.count, bytes[index] == UInt8(ascii: "}") else {
        piece.text += bytes[start..<index]
        return
      }
      index += 1
    }
    guard let found = values[name], !name.isEmpty else {
      piece.text += bytes[start..<index]
      return
    }
    put(found, isArray: isArray, isQuoted: isQuoted, at: start..<index, into: &piece)
  }

  private mutating func put(
    _ found: [SourceWord], isArray: Bool, isQuoted: Bool, at place: Range<Int>,
    into piece: inout Piece
  ) {
    putCount += found.reduce(0) { $0 + 64 + $1.text.utf8.count }
    guard putCount <= Self.maximumPut else {
      return finding = ImportDiagnostics.manyWords(Self.maximumWords, at: span(place))
    }
    if isArray {
      piece.before += found
      piece.isThere = false
      return
    }
    let text = found.first?.text ?? ""
    let parts = text.split { $0.isWhitespace }
    guard !isQuoted, parts.count > 1, piece.text.isEmpty else {
      piece.text += Array(text.utf8)
      return
    }
    piece.before += parts.map { SourceWord(text: String($0), span: span(place)) }
  }
}
