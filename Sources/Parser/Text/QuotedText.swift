/// The user's own text inside a message.
public enum QuotedText {
  /// The most characters of a text that a message shows.
  public static let maximumLength = 48

  /// A text in single quotes, cut after 48 characters, with control characters spelled out.
  public static func quote(_ text: String) -> String {
    var shown = "'"
    var length = 0
    for scalar in text.unicodeScalars {
      guard length < maximumLength else { return shown + "...'" }
      append(scalar, to: &shown)
      length += 1
    }
    return shown + "'"
  }

  /// Words in quotes with commas and a last `or`.
  public static func alternatives(_ words: [String]) -> String {
    words.isEmpty ? "nothing" : sentenceList(words.map(quote), "or")
  }

  private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
    switch scalar.value {
    case 10: text += "\\n"
    case 13: text += "\\r"
    case 9: text += "\\t"
    case 0..<32, 127..<160, 0x2028...0x2029, 0xFEFF,
      _ where scalar.changesDirection:
      text += scalar.escape
    default: text.unicodeScalars.append(scalar)
    }
  }
}
