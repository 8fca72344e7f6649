import TestSupport
import Testing

/// The rules of everything that isn't Swift: examples, goldens, change log, documents.
struct RepositoryTests {
  @Test func thereAreAtLeastTenExamples() { #expect(Example.all.count >= 10) }

  @Test(arguments: Example.all)
  func anExampleSaysWhatItShowsAndNamesItsHost(example: Example) {
    let comment = example.text.split(separator: "\n").prefix { $0.hasPrefix("#") }
    let words = comment.filter { !$0.hasPrefix("# host:") && !$0.hasPrefix("# try:") }
    #expect((3...8).contains(words.count), "\(words.count) lines of comment")
    #expect(PackageFiles.exists(example.hostPath), "no host '\(example.hostPath)'")
    let command = comment.first { $0.hasPrefix("# try: vfioplan ") } ?? ""
    #expect(command.contains("\(example.vmPath) --host \(example.hostPath)"))
  }

  @Test(arguments: Example.all)
  func anExampleHasGoldensForEveryTarget(example: Example) {
    for target in Example.targets {
      let path = "Tests/Fixtures/golden/\(example.name)/\(target).txt"
      #expect(PackageFiles.exists(path), "\(path) is missing; run `make golden`")
    }
  }

  @Test func everyGoldenBelongsToAnExample() {
    let names = Set(Example.all.map(\.name))
    for folder in PackageFiles.entries("Tests/Fixtures/golden")
    where !["captures", "check", "import", "screens"].contains(folder) {
      #expect(names.contains(folder), "golden '\(folder)' has no example")
    }
  }

  @Test func everyGoldenOfACaptureBelongsToOne() {
    for file in PackageFiles.entries("Tests/Fixtures/golden/captures") {
      let stem = file.dropLast(file.hasSuffix(".txt") ? 4 : 5)
      #expect(
        PackageFiles.exists("Tests/Fixtures/captures/\(stem).tar.gz"), "'\(file)' has no capture")
    }
  }

  @Test func theChangeLogKeepsItsFormat() throws {
    let lines = try PackageFiles.text("CHANGELOG.md").split(separator: "\n")
    let releases = lines.filter { $0.hasPrefix("## ") }
    #expect(releases.first == "## Unreleased")
    for release in releases.dropFirst() {
      #expect(release.wholeMatch(of: /## \d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)/) != nil, "\(release)")
    }
    let sections: Set<Substring> = ["### Added", "### Changed", "### Fixed", "### Removed"]
    for section in lines where section.hasPrefix("### ") {
      #expect(sections.contains(section), "\(section)")
    }
  }

  @Test func decisionsAreNumberedAndComplete() throws {
    let notes = PackageFiles.entries("docs/decisions")
    #expect(!notes.isEmpty)
    for (index, note) in notes.enumerated() {
      let number = String("000\(index + 1)".suffix(4))
      #expect(note.hasPrefix(number + "-"), "\(note) should be number \(number)")
      let text = try PackageFiles.text("docs/decisions/\(note)")
      for heading in ["## Context", "## Decision", "## Cost"] {
        #expect(text.contains(heading), "\(note) has no '\(heading)'")
      }
    }
  }

  /// What the tool prints is as wide as it is.
  @Test func aDocumentIsNarrow() throws {
    for path in PackageFiles.list("", suffix: ".md") {
      let lines = try PackageFiles.text(path).split(
        separator: "\n", omittingEmptySubsequences: false)
      var isOutput = false
      for (index, line) in lines.enumerated() {
        if line.hasPrefix("```") { isOutput = line == "```console" }
        let isNarrow = line.count <= 120 || isOutput
        #expect(isNarrow, "\(path):\(index + 1) is \(line.count) columns wide")
      }
    }
  }

  @Test func everyLinkInTheDocumentsLeadsSomewhere() throws {
    for path in PackageFiles.list("", suffix: ".md") {
      let folder = path.split(separator: "/").dropLast().joined(separator: "/")
      for link in try PackageFiles.text(path).matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/) {
        let target = (folder.isEmpty ? "" : folder + "/") + link.1
        #expect(PackageFiles.exists(target), "\(path) links to \(link.1)")
      }
    }
  }

  /// WBINVD is intercepted in every VM; what depends is whether KVM carries it out or ignores it.
  @Test func noTextSaysThatKVMTrapsWBINVD() throws {
    let verb = "trap"
    let wrong = try Regex(
      "(?i)\\b(?:\(verb)\\w*\\b[^.]{0,20}\\bWBINVD|WBINVD\\b[^.]{0,20}\\b\(verb))")
    for phrase in ["\(verb)s WBINVD", "does not \(verb) WBINVD", "WBINVD is \(verb)ped"] {
      #expect(phrase.contains(wrong))
    }
    for path in PackageFiles.list("") {
      guard let text = try? PackageFiles.text(path), text.contains("WBINVD"),
        let found = text.firstMatch(of: wrong)
      else { continue }
      Issue.record("\(path) says '\(text[found.range])'")
    }
  }

  @Test func noTextHoldsAPathOfOneMachine() throws {
    let folders = ["root", "home", "work"].map { "/" + $0 + "/" }
    for path in PackageFiles.list("") {
      guard let text = try? PackageFiles.text(path) else { continue }
      for folder in folders where text.contains(folder) {
        Issue.record("\(path) holds '\(folder)'")
      }
    }
  }
}
