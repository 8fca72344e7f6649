import TestSupport
import Testing

@testable import Parser

struct ParserFixtureTests {
  @Test(arguments: ErrorFixture.all("VP1"))
  func aFixtureIsReportedAsItSays(fixture: ErrorFixture) {
    let mismatches = fixture.mismatches(Reading.findings(fixture.file))
    #expect(mismatches.isEmpty, "\(mismatches.joined(separator: "\n"))")
  }

  @Test(arguments: ErrorFixture.all("VP1"))
  func everySpanOfAFixtureLiesInItsFile(fixture: ErrorFixture) {
    for finding in Reading.findings(fixture.file) {
      for span in [finding.span] + finding.notes.map(\.span) {
        guard let span else { continue }
        #expect(span.start <= span.end && Int(span.end) <= fixture.file.bytes.count)
      }
    }
  }

  @Test func everyCodeIsTriggered() {
    let inFixtures = Set(ErrorFixture.all("VP1").flatMap(\.codes))
    // A file of over 1 GiB is not made in a test; its finding is tested as such.
    let triggered = inFixtures.union(ByteCase.all.flatMap(\.codes)).union(["VP1001"])
    for code in ParserDiagnostics.all {
      #expect(triggered.contains(code.name), "\(code.name) has neither fixture nor byte case")
    }
  }

  @Test func aFixtureIsNamedAfterACodeItExpects() {
    for fixture in ErrorFixture.all("VP1") {
      #expect(
        fixture.codes.contains { fixture.name.hasPrefix($0 + "-") }
          || fixture.name
            == "VP1037-objective-word",
        "\(fixture.name)")
    }
  }

  @Test func codesAreUniqueAscendingAndExplained() {
    let names = ParserDiagnostics.all.map(\.name)
    #expect(names == Set(names).sorted())
    for code in ParserDiagnostics.all {
      #expect(code.name.wholeMatch(of: /VP1\d{3}/) != nil)
      #expect(code.explanation.count > 80 && code.explanation.hasSuffix("."), "\(code.name)")
    }
  }

  @Test func messagesKeepTheHouseStyle() {
    for fixture in ErrorFixture.all("VP1") {
      for finding in Reading.findings(fixture.file) {
        let lines = [finding.message, finding.help ?? "x"] + finding.notes.map(\.message)
        for line in lines {
          let first = line.prefix(1)
          #expect(first == first.lowercased() || line.hasPrefix("YAML"), "\(line)")
          #expect(!line.hasSuffix(".") && line.count < 200, "\(line)")
        }
      }
    }
  }
}

/// The matcher, tried on files whose agreement is known.
struct ErrorFixtureTests {
  private let fixture = ErrorFixture(
    "meta",
    """
    # host: some/host.yaml
    # elsewhere: error[VP1005]: in another file
    a: 1   ### error[VP1021]: one ### error[VP1022]: two
    b: 2   ### note: three
    """)

  private func finding(
    _ code: DiagnosticCode, _ message: String, _ offset: Int?, _ notes: [Diagnostic.Note] = []
  ) -> Diagnostic {
    let span = offset.map {
      SourceSpan(source: .vm, start: UInt32($0), end: UInt32($0))
    }
    return Diagnostic(code, message, at: span, notes: notes)
  }

  /// Findings that agree with the fixture.
  private var right: [Diagnostic] {
    let third = fixture.file.bytes.indices.filter { fixture.file.bytes[$0] == 10 }
    let note = Diagnostic.Note(
      "three", SourceSpan(source: .vm, start: UInt32(third[2] + 1), end: UInt32(third[2] + 2)))
    return [
      finding(ParserDiagnostics.unknownKey, "one", third[1] + 1),
      finding(ParserDiagnostics.missingKey, "two", third[1] + 1, [note, .init("no place")]),
      finding(ParserDiagnostics.emptyFile, "in another file", nil),
    ]
  }

  @Test func agreementHasNoMismatch() { #expect(fixture.mismatches(right) == []) }

  @Test func aMissingFindingIsAMismatch() {
    #expect(
      fixture.mismatches(Array(right.dropFirst())) == ["missing at line 3: error[VP1021]: one"])
  }

  @Test func anUnexpectedFindingIsAMismatch() {
    let twice = right + [right[0]]
    #expect(fixture.mismatches(twice) == ["unexpected at line 3: error[VP1021]: one"])
  }

  @Test func anotherLineTextOrCodeIsAMismatch() {
    var moved = right
    moved[0].span = SourceSpan(source: .vm, start: 0, end: 0)
    #expect(fixture.mismatches(moved).count == 2)
    var reworded = right
    reworded[0].message += "!"
    #expect(fixture.mismatches(reworded).count == 2)
    var recoded = right
    recoded[0].code = ParserDiagnostics.tag
    #expect(fixture.mismatches(recoded).count == 2)
  }

  @Test func aNoteElsewhereIsAMismatch() {
    var moved = right
    moved[1].notes[0].span = SourceSpan(source: .vm, start: 0, end: 0)
    #expect(fixture.mismatches(moved).count == 2)
  }

  @Test func headersAndCodesAreRead() {
    #expect(fixture.header("host") == "some/host.yaml")
    #expect(fixture.header("target") == nil)
    #expect(fixture.codes == ["VP1005", "VP1021", "VP1022"])
  }
}
