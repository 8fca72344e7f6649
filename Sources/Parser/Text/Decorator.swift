/// How text that people read is marked: with colours on a terminal, with nothing elsewhere.
public enum Decorator: Hashable, Sendable {
  /// No marks at all.
  case plain
  /// ANSI select-graphic-rendition sequences, the 16 basic colours only.
  case ansi

  /// What a piece of text is, so that colour is chosen in one place.
  public enum Role: Hashable, Sendable {
    /// Ordinary text.
    case text
    /// A heading, or what a line is about.
    case strong
    /// What may be skipped: numbers of lines, exact forms of what was said in words.
    case faint
    /// An error, or something refused.
    case error
    /// A warning, or something the user has to trust.
    case warning
    /// A note that belongs to something else.
    case note
    /// Advice, or something that went well.
    case good
  }

  /// The text in the role's colour.
  public func mark(_ text: String, _ role: Role) -> String {
    guard self == .ansi, let code = Self.code(of: role), !text.isEmpty else { return text }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }

  private static func code(of role: Role) -> String? {
    switch role {
    case .text: nil
    case .strong: "1"
    case .faint: "2"
    case .error: "1;31"
    case .warning: "1;33"
    case .note: "1;36"
    case .good: "1;32"
    }
  }
}
