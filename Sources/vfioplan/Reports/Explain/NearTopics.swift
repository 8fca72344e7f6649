import Parser
import Planner

/// What may have been meant by words that nothing is known of.
struct NearTopics {
  private static let limit = 3

  private let text: String

  /// Looks for what is near a text.
  init(_ text: String) { self.text = text }

  /// Names, at most three: what is spelt alike, or is about the same.
  var names: [String] {
    let spelt = spelling.map { [$0] } ?? []
    let digits = text.filter(\.isWholeNumber)
    if text.uppercased().hasPrefix("VP"), !digits.isEmpty {
      return DiagnosticCatalog.codes(near: text).map(\.name)
    }
    let rest = about.filter { !spelt.contains($0) }
    return Array((spelt + rest).prefix(Self.limit))
  }

  private var spelling: String? {
    let names =
      ["rules"] + KernelRules.all.map(\.name) + RequestRegistry.all.map(\.name)
      + OtherRequest.all.map(\.name)
    return text.contains(" ") ? nil : Spelling.nearest(to: text, among: names)
  }

  /// Codes and requests whose words are those of the text, most of them first.
  private var about: [String] {
    let wanted = Self.stems(of: text)
    let codes = DiagnosticCatalog.all.map { ($0.name, $0.title + " " + $0.explanation, $0.title) }
    let lines = PrintedLine.all.filter { !$0.codes.isEmpty }
      .map { ($0.codes[0], $0.pattern + " " + $0.meaning, $0.pattern) }
    let requests = RequestRegistry.all.map { ($0.name, $0.summary, $0.summary) }
    var best: [String: Int] = [:]
    for (name, all, head) in codes + lines + requests {
      let score =
        wanted.intersection(Self.stems(of: all)).count
        + 2 * wanted.intersection(Self.stems(of: head)).count
      best[name] = max(best[name] ?? 0, score)
    }
    return best.filter { $0.value >= 3 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map(\.key)
  }

  /// The words of a text that say something, without their endings.
  private static func stems(of text: String) -> Set<String> {
    let words = text.lowercased().split { !$0.isLetter }
    return Set(
      words.filter { $0.count > 3 && !common.contains(String($0)) }
        .map { $0.hasSuffix("s") ? String($0.dropLast()) : String($0) })
  }

  private static let common: Set<String> = [
    "with", "that", "this", "from", "have", "been", "does", "what", "which", "there", "they",
    "vfio", "device", "devices", "kernel", "error", "failed", "cannot", "could", "into", "their",
    "something", "else", "other", "more", "most", "when", "than", "only", "same", "such", "while",
    "made", "make", "used", "given", "nothing", "about", "where", "would",
  ]
}
