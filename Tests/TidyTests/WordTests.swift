import TestSupport
import Testing

/// Plain English, and one word for one thing, in documents, messages and comments.
struct WordTests {
  /// Words that are not said, and what is said in their place.
  ///
  /// They are built from pieces, so that this list is not found in itself. `RepositoryTests` looks
  /// for what is never said of WBINVD.
  static let unwanted: [(words: String, instead: String)] = [
    ("who" + "ever", "name who it is: the process, the user, the caller; or 'no matter who'"),
    ("all but" + " that", "all except that"),
    ("taken" + " back", "undone"),
    ("takes it" + " back", "undoes it"),
    ("takes them" + " back", "undoes them"),
    ("takes everything" + " back", "undoes everything"),
    ("roll" + "ed back", "undone"),
    ("roll" + " back", "undo"),
    ("IOMMU page" + " table", "page table"),
    ("I/O page" + " table", "page table"),
  ]

  /// What is read by people; goldens and fixtures follow from it.
  static let files = PackageFiles.list("").filter { path in
    path.contains(#/\.(swift|py|c|h|sh|md|yaml|json)$|^Makefile$/#)
      && !path.hasPrefix("Tests/Fixtures/") && path != "docs/kernel-rules.md"
  }

  /// The lines of a file that hold some words.
  private static func lines(
    of path: String, where isWrong: (Substring) -> Bool
  ) throws -> [String] {
    try PackageFiles.text(path).split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated().filter { isWrong($0.element) }.map { "\(path):\($0.offset + 1): \($0.element)" }
  }

  @Test(arguments: files)
  func noTextHasAWordThatIsNotSaid(path: String) throws {
    for (words, instead) in Self.unwanted {
      let wanted = words.lowercased()
      for line in try Self.lines(of: path, where: { $0.lowercased().contains(wanted) }) {
        Issue.record("\(line)\nsay: \(instead)")
      }
    }
  }

  /// "is not a file", never "is" with "no file": but "there is no file", "is no longer".
  static func deniesByNo(_ line: Substring) -> Bool {
    line.matches(of: #/(\w+'?\w*)?\W*\b(?:is|are|was|were) no (\w+)/#).contains { match in
      let before = match.1?.lowercased() ?? ""
      return before != "there" && !["longer", "more", "less", "one"].contains(String(match.2))
    }
  }

  @Test(arguments: files + ["docs/kernel-rules.md"])
  func nothingIsNoThing(path: String) throws {
    for line in try Self.lines(of: path, where: Self.deniesByNo) {
      Issue.record("\(line)\nsay: is not a ...")
    }
  }

  @Test func denialsAreFound() {
    let (verb, word) = ("is", "no file")
    #expect(Self.deniesByNo("this \(verb) \(word)"))
    #expect(Self.deniesByNo("what \(verb) \(word)."))
    for fine in ["there \(verb) \(word)", "it \(verb) no longer there", "it has no file"] {
      #expect(!Self.deniesByNo(fine[...]), "\(fine)")
    }
  }
}
