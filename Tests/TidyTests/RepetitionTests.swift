import TestSupport
import Testing

/// No code stands twice (docs/decisions/0025-what-stands-twice.md).
struct RepetitionTests {
  /// How many lines in a row make a repetition.
  private static let length = 6

  private struct Line {
    var number: Int
    var text: String
  }

  /// The descriptors and the phases of targets may: each target is read in one folder.
  @Test func noSixLinesOfCodeStandTwice() throws {
    var places: [String: String] = [:]
    for path in SourceTests.sources where !path.hasPrefix("Sources/Planner/Targets/") {
      let lines = Self.lines(of: try PackageFiles.text(path))
      for start in lines.indices.dropLast(Self.length - 1) {
        let run = lines[start..<start + Self.length]
        let place = "\(path):\(lines[start].number)"
        if let other = places.updateValue(
          place, forKey: run.map(\.text).joined(separator: "\n"))
        {
          Issue.record("\(place) says what \(other) says")
        }
      }
    }
    #expect(!places.isEmpty)
  }

  /// The lines that say something: no comments, no imports, no lone braces.
  private static func lines(of source: String) -> [Line] {
    source.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
      let text = $1.drop { $0 == " " }
      let saysNothing = text.hasPrefix("//") || text.hasPrefix("import ")
      guard !saysNothing, text.contains(where: \.isLetter) else { return nil }
      return Line(number: $0 + 1, text: String(text))
    }
  }
}
