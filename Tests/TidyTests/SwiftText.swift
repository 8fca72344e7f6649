/// A Swift source with its comments and string literals blanked out, line structure kept.
///
/// Rough on purpose: enough to find braces and words in code. Interpolations are blanked too.
struct SwiftText {
  /// The code, as long as the source and with the same line breaks.
  let code: [UInt8]

  init(_ source: String) {
    var blanker = Blanker(bytes: Array(source.utf8))
    blanker.skipCode(inInterpolation: false)
    code = blanker.bytes
  }

  /// One function, initializer or subscript with a body.
  struct Function {
    var name: String
    /// 1-based line of the declaration.
    var line: Int
    /// Lines strictly between the braces; 1 if they are on one line.
    var bodyLines: Int
  }

  /// Every function with a body, nested ones included.
  var functions: [Function] {
    var found: [Function] = []
    var line = 1
    for index in code.indices {
      if code[index] == UInt8(ascii: "\n") { line += 1 }
      guard let name = declaration(at: index), let open = bodyStart(after: index) else { continue }
      let breaks = code[open...matchingBrace(from: open)].count { $0 == UInt8(ascii: "\n") }
      found.append(Function(name: name, line: line, bodyLines: max(1, breaks - 1)))
    }
    return found
  }

  private func declaration(at index: Int) -> String? {
    let first = code[index]
    guard first == UInt8(ascii: "f") || first == UInt8(ascii: "i") || first == UInt8(ascii: "s"),
      index == 0 || !isWord(code[index - 1]) && code[index - 1] != UInt8(ascii: ".")
    else { return nil }
    let rest = code[index...].prefix(60)
    let keywords = ["func ", "init(", "init?(", "init<", "subscript("]
    guard keywords.contains(where: { rest.starts(with: $0.utf8) }) else { return nil }
    return String(decoding: rest.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// The brace that opens the body of the declaration; `nil` for a requirement without one.
  private func bodyStart(after start: Int) -> Int? {
    var depth = 0
    for index in start..<code.endIndex {
      switch code[index] {
      case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "{") where depth == 0: return index
      case UInt8(ascii: "}") where depth == 0: return nil
      case UInt8(ascii: "\n") where depth == 0 && !continues(after: index): return nil
      default: break
      }
      if depth < 0 { return nil }
    }
    return nil
  }

  private func continues(after lineBreak: Int) -> Bool {
    let next = code[(lineBreak + 1)...].drop { $0 == UInt8(ascii: " ") }
    let words = ["{", "->", "where", "throws", "async", "rethrows"]
    return words.contains { next.starts(with: $0.utf8) }
  }

  private func matchingBrace(from open: Int) -> Int {
    var depth = 0
    for index in open..<code.endIndex {
      if code[index] == UInt8(ascii: "{") { depth += 1 }
      if code[index] == UInt8(ascii: "}") { depth -= 1 }
      if depth == 0 { return index }
    }
    return code.endIndex - 1
  }

  private func isWord(_ byte: UInt8) -> Bool {
    let character = Character(UnicodeScalar(byte))
    return character == "_" || character.isLetter || character.isNumber
  }
}

/// Overwrites comments and strings with spaces, one pass over the bytes.
private struct Blanker {
  var bytes: [UInt8]
  var index = 0

  /// Walks over code to the end, or to the parenthesis that ends an interpolation.
  mutating func skipCode(inInterpolation: Bool) {
    var depth = 0
    while index < bytes.count {
      let byte = bytes[index]
      if starts("//") {
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { blankOne() }
      } else if starts("/*") {
        while index < bytes.count, !starts("*/") { blankOne() }
      } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "#") && isRawString {
        skipString()
      } else {
        if byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: ")") { depth -= 1 }
        if inInterpolation, depth < 0 { return }
        index += 1
      }
    }
  }

  private var isRawString: Bool {
    bytes[index...].first { $0 != UInt8(ascii: "#") } == UInt8(ascii: "\"")
  }

  private func starts(_ text: String) -> Bool { bytes[index...].starts(with: text.utf8) }

  private mutating func blankOne() {
    if bytes[index] != UInt8(ascii: "\n") { bytes[index] = UInt8(ascii: " ") }
    index += 1
  }

  private mutating func blank(_ count: Int) {
    for _ in 0..<min(count, bytes.count - index) { blankOne() }
  }

  private mutating func skipString() {
    let hashes = bytes[index...].prefix { $0 == UInt8(ascii: "#") }.count
    blank(hashes)
    let mark = String(repeating: "#", count: hashes)
    let quote = starts("\"\"\"") ? "\"\"\"" : "\""
    blank(quote.count)
    while index < bytes.count, !starts(quote + mark) {
      if starts("\\" + mark + "(") {
        skipInterpolation(prefix: hashes + 2)
      } else {
        blank(starts("\\" + mark) ? hashes + 2 : 1)
      }
    }
    blank(quote.count + hashes)
  }

  private mutating func skipInterpolation(prefix: Int) {
    blank(prefix)
    let start = index
    skipCode(inInterpolation: true)
    let end = min(index + 1, bytes.count)
    index = start
    blank(end - start)
  }
}
