import Planner

/// A line that a kernel, QEMU or libvirt prints, and what to do when it does.
struct PrintedLine: Hashable {
  /// Who prints it.
  let source: String
  /// Its words, of which `*` stands for any; several if releases differ in them.
  let patterns: [String]
  /// What it means: a sentence.
  let meaning: String
  /// What to do: a sentence.
  let help: String
  /// Codes of findings that are about the same.
  let codes: [String]
  /// The request that failed, if it was one; the errno behind the line says why.
  let request: String?
  /// What stands between the `*` of each pattern, in small letters.
  private let parts: [[[UInt8]]]

  /// Declares a line; `|` separates its patterns, a space its codes.
  init(
    _ source: String, _ patterns: String, _ meaning: String, _ help: String, see codes: String = "",
    request: String? = nil
  ) {
    self.source = source
    self.patterns = patterns.split(separator: "|").map(String.init)
    parts = patterns.lowercased().utf8.split(separator: UInt8(ascii: "|")).map { pattern in
      pattern.split(separator: UInt8(ascii: "*")).map { Array($0) }
    }
    self.meaning = meaning
    self.help = help
    self.codes = codes.split(separator: " ").map(String.init)
    self.request = request
  }

  /// The line as it is shown: the first of its patterns.
  var pattern: String { patterns[0] }

  /// How many letters of a text, in small ones, it accounts for; `nil` if it is another line.
  ///
  /// What stands before and behind, such as the time and the name of a program, does not matter.
  func weight(in text: [UInt8]) -> Int? {
    parts.compactMap { Self.weight(of: $0, in: text) }.max()
  }

  private static func weight(of parts: [[UInt8]], in text: [UInt8]) -> Int? {
    var rest = text[...]
    var weight = 0
    for part in parts {
      guard let end = rest.end(ofFirst: part) else { return nil }
      rest = rest[end...]
      weight += part.count
    }
    return weight
  }
}

extension ArraySlice<UInt8> {
  /// Where the first occurrence of some bytes ends; a log has many lines, and few of them fit.
  fileprivate func end(ofFirst part: [UInt8]) -> Index? {
    guard let first = part.first else { return startIndex }
    var rest = self
    while let place = rest.firstIndex(of: first) {
      rest = rest[place...]
      if rest.starts(with: part) { return place + part.count }
      rest = rest.dropFirst()
    }
    return nil
  }
}
