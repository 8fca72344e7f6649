import Parser

/// A text whose pieces know their roles, so that it can be measured and wrapped before it is marked.
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
      var tail = word.text
      while tail.columns > width {
        let parts = tail.split(at: width)
        lines.append(parts.0)
        tail = parts.1
        width = rest ?? width
      }
      line += tail
      used += tail.columns
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
      while let first = rest.first {
        if first == " " {
          if !word.isEmpty { words.append((gap, word)) }
          (gap, word) = (word.isEmpty ? gap + 1 : 1, "")
          rest.removeFirst()
        } else {
          let end = rest.firstIndex(of: " ") ?? rest.endIndex
          word.append(String(rest[..<end]), piece.role)
          rest = rest[end...]
        }
      }
    }
    if !word.isEmpty { words.append((gap, word)) }
    return words
  }

  /// Cuts a text before the character that would pass the given column.
  private func split(at width: Int) -> (StyledText, StyledText) {
    var (head, tail): (StyledText, StyledText) = ("", "")
    var used = 0
    for piece in pieces {
      var end = piece.text.startIndex
      while end < piece.text.endIndex, tail.isEmpty {
        let next = String(piece.text[end]).columns
        // One character at least, so that cutting ends even where nothing fits.
        if used + next > width, used > 0 { break }
        used += next
        end = piece.text.index(after: end)
      }
      head.append(String(piece.text[..<end]), piece.role)
      tail.append(String(piece.text[end...]), piece.role)
      if end < piece.text.endIndex { used = Int.max / 2 }
    }
    return (head, tail)
  }
}
