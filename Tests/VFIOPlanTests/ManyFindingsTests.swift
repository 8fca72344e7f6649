import Foundation
import TestSupport
import Testing

/// What is found does not outgrow what it is found in.
struct ManyFindingsTests {
  private static let head = "apiVersion: vfioplan/v1\nkind: VM\nname: v\n"

  @Test func aHundredThousandMistakesAreCounted() throws {
    let folder = try TemporaryFolder()
    let lines = String(repeating: "k: 1\n", count: 100_000)
    let file = try folder.write(Self.head + lines, to: "vm.yaml")
    for form in ["text", "json"] {
      let outcome = try Tool.run(["compile", file, "--host", file, "--diagnostics", form])
      #expect(outcome.code == 1)
      #expect(outcome.errors.utf8.count < 100_000)
      #expect(outcome.errors.contains("and 99979 more of this kind"))
      if form == "text" { #expect(outcome.errors.contains("\n199998 errors")) }
    }
  }

  @Test func theFirstOfAKindAreShownAndTheLastOfThemCounts() throws {
    let folder = try TemporaryFolder()
    let keys = (0..<30).map { "key\($0)x: 1\n" }.joined()
    let file = try folder.write(Self.head + "memory: []\ndevices: []\n" + keys, to: "vm.yaml")
    let outcome = try Tool.run(["compile", file, "--host", file])
    #expect(outcome.errors.components(separatedBy: "VP1021").count == 21)
    let last = try #require(outcome.errors.range(of: "unknown key 'key19x'"))
    let note = try #require(outcome.errors.range(of: "note: and 10 more of this kind"))
    #expect(last.upperBound < note.lowerBound && !outcome.errors.contains("key20x"))
  }
}
