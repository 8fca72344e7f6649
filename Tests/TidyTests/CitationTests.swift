import TestSupport
import Testing

/// What comments and documents cite is there: rules of kernels, decisions, files of the repository.
///
/// `docs/kernel-rules.md` says how its rules are cited. Places in the kernel's own sources, which
/// are cited as well, are not looked at.
struct CitationTests {
  /// The lines that may cite something: comments in Swift, all others whole.
  static let lines: [(place: String, text: Substring)] =
    (["Sources", "Tests", "docs"].flatMap { PackageFiles.list($0) } + PackageFiles.entries(""))
    .filter { $0.contains(#/\.(swift|py|c|sh|md)$/#) }
    .flatMap { path in
      let lines = (try? PackageFiles.text(path))?
        .split(separator: "\n", omittingEmptySubsequences: false)
      return (lines ?? []).enumerated().compactMap { index, line in
        let cites = line.drop { $0 == " " }.hasPrefix("//")
        return cites || !path.hasSuffix(".swift") ? ("\(path):\(index + 1)", line) : nil
      }
    }

  /// What can be cited of the kernels' rules, each label once for each place that has it.
  static func ruleLabels() throws -> [String] {
    var labels: [String] = []
    var section = ""
    for line in try PackageFiles.text("docs/kernel-rules.md").split(separator: "\n") {
      if let heading = line.prefixMatch(of: #/#+ (\d+(?:\.\d+)?)\.? /#) {
        section = String(heading.1)
        labels.append(section)
      } else if let item = line.prefixMatch(of: #/- \*\*(\w+)\*\*/#) {
        labels.append("\(section).\(item.1)")
        if item.1.contains(#/^T\d+$/#) { labels.append(String(item.1)) }
      }
    }
    return labels
  }

  @Test func aRuleHasALabelOfItsOwn() throws {
    let times = Dictionary(try Self.ruleLabels().map { ($0, 1) }, uniquingKeysWith: +)
    for (label, count) in times { #expect(count == 1, "'\(label)' is in \(count) places") }
  }

  @Test func everyRuleThatIsCitedIsThere() throws {
    let labels = Set(try Self.ruleLabels())
    for (place, line) in Self.lines {
      for citation in line.matches(of: #/§((?:\w+(?:\.\w+)*)?)/#) {
        let isThere = labels.contains(String(citation.1))
        #expect(isThere, "\(place) cites '\(citation.0)'")
      }
    }
  }

  @Test func aRuleIsCitedWithItsSign() {
    let unmarked =
      #/
      [Ss]ections?\ \d | kernel[\ ]reference | \([2-5]\.\d+[,\)]
      | steps?\ [APR]\d | steps?\ [^.]*\ of\ \d\.\d | (?:^|[^§\w`*])T\d{2,3}\b
      /#
    for (place, line) in Self.lines where line.contains(unmarked) {
      #expect(line.contains("specification"), "\(place) cites a rule of kernels without its sign")
    }
  }

  /// What a file of the repository may be called: the end of its path, and a decision its number.
  static func fileNames() -> Set<Substring> {
    var names: Set<Substring> = []
    for note in PackageFiles.entries("docs/decisions") {
      names.insert("docs/decisions/\(note.prefix(4))")
    }
    for path in PackageFiles.list("") {
      names.insert(path[...])
      for slash in path.indices where path[slash] == "/" {
        names.insert(path[path.index(after: slash)...])
      }
    }
    return names
  }

  @Test func everyFolderThatIsNamedIsThere() {
    for (place, line) in Self.lines where !place.hasSuffix(".swift") {
      for name in line.matches(of: #/`((?:Sources|Tests)/[\w/]+)`/#) {
        #expect(PackageFiles.exists(String(name.1)), "\(place) names '\(name.1)'")
      }
    }
  }

  @Test func everyFileThatIsNamedIsThere() {
    let names = Self.fileNames()
    for (place, line) in Self.lines where line.contains(#/\.(?:swift|py|md)|decisions\//#) {
      for name in line.matches(of: #/[\w./+*-]*\w\.(?:swift|py|md)\b|docs/decisions/\d+\b/#) {
        let name = name.0.drop { $0 == "." || $0 == "/" }
        #expect(names.contains(name) || name.contains("*"), "\(place) names '\(name)'")
      }
    }
  }
}
