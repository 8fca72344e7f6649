/// A text whose pieces know their roles: it can be measured and wrapped before it is marked.
///
/// Interpolated values are made visible: whatever a file says, a terminal only shows it.
public struct StyledText: ExpressibleByStringInterpolation, Hashable, Sendable {
  /// A stretch of text in one role; visible characters only.
  public struct Piece: Hashable, Sendable {
    /// What is shown.
    public internal(set) var text: String
    /// What it is.
    public internal(set) var role: Screen.Role
  }

  /// The stretches, in order.
  public private(set) var pieces: [Piece] = []

  /// Takes text written in the source as it is.
  public init(stringLiteral value: String) { append(value, .text) }

  /// Takes what an interpolated literal collected.
  public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.text }

  /// Makes a text of one role.
  public init(_ text: String, _ role: Screen.Role = .text) { append(text.visible, role) }

  /// The columns it takes on one line.
  public var columns: Int { pieces.reduce(0) { $0 + $1.text.columns } }

  /// Whether there is nothing in it.
  public var isEmpty: Bool { pieces.isEmpty }

  /// Appends one text to another.
  public static func += (left: inout StyledText, right: StyledText) {
    for piece in right.pieces { left.append(piece.text, piece.role) }
  }

  /// One text after another.
  public static func + (left: StyledText, right: StyledText) -> StyledText {
    var text = left
    text += right
    return text
  }

  /// The same text, its ordinary pieces in another role.
  public func `in`(_ role: Screen.Role) -> StyledText {
    var text: StyledText = ""
    for piece in pieces { text.append(piece.text, piece.role == .text ? role : piece.role) }
    return text
  }

  /// The text with the marks of a screen.
  public func marked(for screen: Screen) -> String {
    pieces.reduce(into: "") { $0 += screen.mark($1.text, $1.role) }
  }

  /// A number right-aligned in a width.
  public static func number(_ value: Int, digits: Int) -> StyledText {
    let text = String(value)
    return "\(String(repeating: " ", count: max(0, digits - text.utf8.count)))\(text, .strong)"
  }

  private mutating func append(_ text: String, _ role: Screen.Role) {
    guard !text.isEmpty else { return }
    if let last = pieces.indices.last, pieces[last].role == role {
      pieces[last].text += text
    } else {
      pieces.append(Piece(text: text, role: role))
    }
  }

  /// Collects an interpolated literal.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text: StyledText = ""

    /// Starts empty.
    public init(literalCapacity: Int, interpolationCount: Int) {}

    /// Takes a stretch of the literal.
    public mutating func appendLiteral(_ literal: String) { text.append(literal, .text) }

    /// Takes a value in a role.
    public mutating func appendInterpolation(_ value: String, _ role: Screen.Role = .text) {
      text.append(value.visible, role)
    }

    /// Takes a number in a role.
    public mutating func appendInterpolation(
      _ value: some BinaryInteger, _ role: Screen.Role = .text
    ) {
      text.append(String(value), role)
    }

    /// Takes another text.
    public mutating func appendInterpolation(_ value: StyledText) { text += value }
  }
}

extension StyledText {
  /// A place between two characters.
  private struct Place {
    var piece: Int
    var index: String.Index
  }

  /// A stretch without spaces.
  private struct Word {
    /// The spaces before it.
    var gap: Int
    var start: Place
    var end: Place
    var columns: Int
  }

  /// The text as lines of at most `width` columns, broken at spaces, inside a word only if it must.
  ///
  /// What stands in single quotes is one word if it fits a line, so that it can be pasted. Lines
  /// after the first have room for `rest` columns.
  public func wrapped(to width: Int, then rest: Int? = nil) -> [StyledText] {
    guard columns > width else { return [self] }
    var width = width
    var lines: [StyledText] = []
    var line: (start: Place, end: Place, columns: Int)?
    for word in words(upTo: rest ?? width) {
      if let old = line, old.columns + word.gap + word.columns <= width {
        line = (old.start, word.end, old.columns + word.gap + word.columns)
        continue
      }
      if let old = line {
        lines.append(stretch(from: old.start, to: old.end))
        width = rest ?? width
      }
      let cuts = word.columns > width ? self.cuts(in: word, of: width, then: rest ?? width) : []
      line = (word.start, word.end, word.columns)
      for cut in cuts {
        lines.append(stretch(from: line?.start ?? word.start, to: cut.place))
        line = (cut.place, word.end, cut.columns)
        width = rest ?? width
      }
    }
    if let line { lines.append(stretch(from: line.start, to: line.end)) }
    return lines
  }

  private func words(upTo room: Int) -> [Word] {
    let space = UInt8(ascii: " ")
    var words: [Word] = []
    var (gap, isInside) = (0, false)
    for (number, piece) in pieces.enumerated() {
      let bytes = piece.text.utf8
      let isASCII = piece.text.columns == bytes.count
      var index = bytes.startIndex
      while index < bytes.endIndex {
        if bytes[index] == space {
          (gap, isInside) = (isInside ? 1 : gap + 1, false)
          bytes.formIndex(after: &index)
          continue
        }
        let end = Self.endOfWord(in: bytes, at: index, upTo: room)
        let columns =
          isASCII ? bytes.distance(from: index, to: end) : String(piece.text[index..<end]).columns
        if !isInside {
          let start = Place(piece: number, index: index)
          words.append(Word(gap: gap, start: start, end: start, columns: 0))
        }
        words[words.count - 1].end = Place(piece: number, index: end)
        words[words.count - 1].columns += columns
        (index, isInside) = (end, true)
      }
    }
    return words
  }

  /// Where a word ends: at a space, but not at one between quotes that close within the room.
  private static func endOfWord(
    in bytes: String.UTF8View, at start: String.Index, upTo room: Int
  ) -> String.Index {
    let (space, quote) = (UInt8(ascii: " "), UInt8(ascii: "'"))
    var from = start
    let opening = bytes[start...].prefix { $0 == UInt8(ascii: "(") }.endIndex
    if opening < bytes.endIndex, bytes[opening] == quote {
      let rest = bytes[bytes.index(after: opening)...].prefix(max(0, room - 2))
      from = rest.firstIndex(of: quote) ?? start
    }
    return bytes[from...].firstIndex(of: space) ?? bytes.endIndex
  }

  /// Where a word is cut into stretches of at most `width` columns, the first one of `first`, and
  /// how many columns there are from each cut to the word's end or the next cut.
  ///
  /// Cut is after a `/`, `,` or `=` in the later half of a stretch, else where it is full. Each
  /// stretch has one character at least, so that cutting ends even where nothing fits.
  private func cuts(
    in word: Word, of first: Int, then width: Int
  ) -> [(place: Place, columns: Int)] {
    var cuts: [(place: Place, columns: Int)] = []
    var used = 0
    var joint: (place: Place, columns: Int)?
    for number in word.start.piece...word.end.piece {
      let text = pieces[number].text
      for index in text[range(ofPiece: number, from: word.start, to: word.end)].indices {
        let columns = String(text[index]).columns
        let room = cuts.isEmpty ? first : width
        if used > 0, used + columns > room {
          let cut = joint.flatMap { $0.columns * 2 >= room ? $0 : nil }
          if !cuts.isEmpty { cuts[cuts.count - 1].columns = cut?.columns ?? used }
          cuts.append((cut?.place ?? Place(piece: number, index: index), 0))
          (used, joint) = (cut.map { used - $0.columns } ?? 0, nil)
        }
        used += columns
        if Self.joints.contains(text[index]) {
          joint = (Place(piece: number, index: text.index(after: index)), used)
        }
      }
    }
    if !cuts.isEmpty { cuts[cuts.count - 1].columns = used }
    return cuts
  }

  private static let joints: Set<Character> = ["/", ",", "="]

  private func stretch(from start: Place, to end: Place) -> StyledText {
    var text: StyledText = ""
    for number in start.piece...end.piece {
      let range = range(ofPiece: number, from: start, to: end)
      text.append(String(pieces[number].text[range]), pieces[number].role)
    }
    return text
  }

  private func range(
    ofPiece number: Int, from start: Place, to end: Place
  ) -> Range<String.Index> {
    let text = pieces[number].text
    let first = number == start.piece ? start.index : text.startIndex
    return first..<(number == end.piece ? end.index : text.endIndex)
  }
}
