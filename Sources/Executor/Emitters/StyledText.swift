import Parser

/// A text whose pieces know their roles: it can be measured and wrapped before it is marked.
///
/// Interpolated values are made visible: whatever a file says, a terminal only shows it.
public struct StyledText: ExpressibleByStringInterpolation, Hashable, Sendable {
  /// A stretch of text in one role; visible characters only.
  struct Piece: Hashable, Sendable {
    var text: String
    var role: Decorator.Role
  }

  private(set) var pieces: [Piece] = []

  /// Takes text written in the source as it is.
  public init(stringLiteral value: String) { append(value, .text) }

  /// Takes what an interpolated literal collected.
  public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.text }

  /// Makes a text of one role.
  public init(_ text: String, _ role: Decorator.Role = .text) { append(text.visible, role) }

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

  private mutating func append(_ text: String, _ role: Decorator.Role) {
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
    public mutating func appendInterpolation(_ value: String, _ role: Decorator.Role = .text) {
      text.append(value.visible, role)
    }

    /// Takes a number in a role.
    public mutating func appendInterpolation(
      _ value: some BinaryInteger, _ role: Decorator.Role = .text
    ) {
      text.append(String(value), role)
    }

    /// Takes another text.
    public mutating func appendInterpolation(_ value: StyledText) { text += value }
  }
}

extension StyledText {
  /// The text as lines of at most `width` columns, broken at spaces, inside a word only if it must.
  ///
  /// Lines after the first have room for `rest` columns.
  func wrapped(to width: Int, then rest: Int? = nil) -> [StyledText] {
    guard columns > width else { return [self] }
    var width = width
    var lines: [StyledText] = []
    var line: StyledText = ""
    var used = 0
    var gap = 0
    for word in words() {
      gap = line.isEmpty ? 0 : word.gap
      if used + gap + word.text.columns > width, !line.isEmpty {
        lines.append(line)
        (line, used, gap) = ("", 0, 0)
        width = rest ?? width
      }
      if gap > 0 { line.append(String(repeating: " ", count: gap), .text) }
      used += gap
      if word.text.columns <= width {
        line += word.text
        used += word.text.columns
        continue
      }
      // Only a word that has the whole line gets here.
      var parts = word.text.chunks(of: width, then: rest ?? width)
      line = parts.removeLast()
      used = line.columns
      lines += parts
      width = rest ?? width
    }
    if !line.isEmpty { lines.append(line) }
    return lines
  }

  /// The stretches without spaces, each with the number of spaces before it.
  private func words() -> [(gap: Int, text: StyledText)] {
    var words: [(gap: Int, text: StyledText)] = []
    var gap = 0
    var word: StyledText = ""
    for piece in pieces {
      var rest = piece.text[...]
      while let first = rest.utf8.first {
        let space = UInt8(ascii: " ")
        if first == space {
          if !word.isEmpty { words.append((gap, word)) }
          (gap, word) = (word.isEmpty ? gap + 1 : 1, "")
          rest = rest[rest.utf8.index(after: rest.startIndex)...]
        } else {
          let end = rest.utf8.firstIndex(of: space) ?? rest.endIndex
          word.append(String(rest[..<end]), piece.role)
          rest = rest[end...]
        }
      }
    }
    if !word.isEmpty { words.append((gap, word)) }
    return words
  }

  /// Cuts a text into stretches of at most `width` columns, the first one of `first`.
  ///
  /// A stretch has one character at least, so that cutting ends even where nothing fits.
  private func chunks(of first: Int, then width: Int) -> [StyledText] {
    var chunks: [StyledText] = []
    var (chunk, used): (StyledText, Int) = ("", 0)
    for piece in pieces {
      for character in piece.text {
        let columns = String(character).columns
        if used + columns > (chunks.isEmpty ? first : width), used > 0 {
          chunks.append(chunk)
          (chunk, used) = ("", 0)
        }
        chunk.append(String(character), piece.role)
        used += columns
      }
    }
    return chunks + [chunk]
  }
}
