/// Finds what a misspelt word was meant to be.
public enum Spelling {
  /// How many wrong words of a kind get a suggestion; each costs a pass over what is known.
  public static let limit = 8

  /// Words longer than this are not compared; nobody misspells those by a letter.
  private static let maximumLength = 64

  /// The known word nearest to a wrong one, or `nil` if none is near.
  ///
  /// Near is a third of the letters, at least one; case, `-` and `_` are ignored. Of equally near
  /// words the first one wins, so the result is the same every time.
  public static func nearest(to word: String, among known: [String]) -> String? {
    let word = normalized(word)
    guard !word.isEmpty, word.count <= maximumLength else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in known where candidate.utf8.count <= maximumLength {
      let letters = normalized(candidate)
      let limit = max(1, max(word.count, letters.count) / 3)
      guard abs(letters.count - word.count) <= limit else { continue }
      let distance = distance(word, letters)
      if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
  }

  private static func normalized(_ word: String) -> [UInt8] {
    word.utf8.prefix(maximumLength + 1).compactMap { byte in
      switch byte {
      case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: " "): nil
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte + 32
      default: byte
      }
    }
  }

  /// Edits between two words: insert, delete, replace, or swap two neighbours.
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var before = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    for row in left.indices {
      var current = [row + 1]
      for column in right.indices {
        let isSame = left[row] == right[column]
        var cost = min(
          previous[column + 1] + 1, current[column] + 1, previous[column] + (isSame ? 0 : 1))
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          cost = min(cost, before[column - 1] + 1)
        }
        current.append(cost)
      }
      (before, previous) = (previous, current)
    }
    return previous[right.count]
  }
}
