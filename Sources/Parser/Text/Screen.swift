/// What text for people is laid out for: how wide it is, and how its pieces are marked.
public struct Screen: Hashable, Sendable {
  /// What says which role a piece of text has.
  public enum Marks: Hashable, Sendable {
    /// Nothing at all.
    case none
    /// ANSI select-graphic-rendition sequences, the 16 basic colours only.
    case ansi
  }

  /// The widths that text is laid out for, in columns.
  public static let widths = 60...120
  /// The width where nothing tells one, in columns.
  public static let usualWidth = 100
  /// No marks, and the usual width.
  public static let plain = Screen()

  /// What marks the pieces.
  public let marks: Marks
  /// How wide a line may be, in columns.
  public let width: Int

  /// Describes a screen; a width out of bounds becomes the nearest one within.
  public init(_ marks: Marks = .none, width: Int = usualWidth) {
    self.marks = marks
    self.width = min(max(width, Self.widths.lowerBound), Self.widths.upperBound)
  }

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
    guard marks == .ansi, let code = Self.code(of: role), !text.isEmpty else { return text }
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
