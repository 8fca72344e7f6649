extension String {
  /// The text with everything a terminal would act on instead of showing written as `\u{1b}`.
  ///
  /// Control characters, line separators, characters that change the direction of text, and
  /// characters without a glyph. Names, messages and file contents come from the user; they reach a
  /// terminal through this property only.
  public var visible: String {
    if hasOnlyBytes({ $0 >= 0x20 && $0 < 0x7F }) { return self }
    var text = ""
    for scalar in unicodeScalars { text.append(contentsOf: scalar.visible) }
    return text
  }

  /// The columns the text takes on a terminal, when all of it is visible.
  public var columns: Int {
    if hasOnlyBytes({ $0 < 0x80 }) { return utf8.count }
    return unicodeScalars.reduce(0) { $0 + $1.columns }
  }

  /// Whether a condition holds for all bytes; every line of a listing is asked several times.
  @inline(__always)
  private func hasOnlyBytes(_ isGood: (UInt8) -> Bool) -> Bool {
    utf8.withContiguousStorageIfAvailable { bytes in
      bytes.reduce(true) { $0 && isGood($1) }
    } ?? utf8.allSatisfy(isGood)
  }
}

extension String {
  /// The text with those characters replaced for which something else is given.
  public func escaped(_ escape: (Unicode.Scalar) -> String?) -> String {
    unicodeScalars.reduce(into: "") { text, scalar in
      if let other = escape(scalar) { text += other } else { text.unicodeScalars.append(scalar) }
    }
  }
}

extension Unicode.Scalar {
  /// The scalar itself, or its number in braces if a terminal would act on it; a byte as `\xff`.
  public var visible: String {
    if let systemByte { return "\\x" + hexDigits(UInt64(systemByte)) }
    return isShown ? String(Character(self)) : escape
  }

  /// Whether it changes the direction of the text after it, so that what is shown is not what is
  /// written (Unicode's property `Bidi_Control`).
  var changesDirection: Bool {
    switch value {
    case 0x061C, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// Whether a terminal shows it and does nothing else.
  public var isShown: Bool {
    if value < 0x7F { return value >= 0x20 }
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      return false
    default:
      return true
    }
  }

  /// The columns it takes on a terminal: 0 for combining marks, 2 for East Asian wide characters.
  var columns: Int {
    if value < 0x300 { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: return Self.wide.contains { $0.contains(value) } ? 2 : 1
    }
  }

  /// The blocks of wide characters (Unicode's East Asian Width `W` and `F`).
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
    0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
    0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD,
  ]
}
