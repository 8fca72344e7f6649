import Parser
import Testing

/// The laws of the text form of findings.
struct DiagnosticRendererTests {
  private static let code = DiagnosticCode("VP1999", .error, "a test", "")
  private static let warning = DiagnosticCode("VP1998", .warning, "a test", "")

  private static func render(
    _ text: String, _ range: Range<Int>, message: String = "wrong", screen: Screen = .plain
  ) -> String {
    render(Array(text.utf8), [finding(range, message)], screen)
  }

  private static func render(
    _ bytes: [UInt8], _ findings: [Diagnostic], _ screen: Screen = .plain
  ) -> String {
    let file = SourceFile(id: .vm, name: "vm.yaml", bytes: bytes)
    var renderer = DiagnosticRenderer(files: [file], screen: screen)
    return renderer.render(findings)
  }

  private static func finding(
    _ range: Range<Int>, _ message: String = "wrong", _ code: DiagnosticCode = code
  ) -> Diagnostic {
    Diagnostic(code, message, at: span(range))
  }

  private static func span(_ range: Range<Int>) -> SourceSpan {
    SourceSpan(source: .vm, start: UInt32(range.lowerBound), end: UInt32(range.upperBound))
  }

  @Test func aFindingShowsItsPlaceItsLineAndCaretsUnderItsRange() {
    #expect(
      Self.render("name: a\nkind: VN\n", 14..<16) == """
        vm.yaml:2:7: error[VP1999]: wrong
          2 | kind: VN
            |       ^^

        """)
  }

  @Test func aPointAtTheEndOfTheFileGetsOneCaret() {
    #expect(
      Self.render("a: b", 4..<4) == """
        vm.yaml:1:5: error[VP1999]: wrong
          1 | a: b
            |     ^

        """)
  }

  @Test func aPointInALineGetsItsCaretThere() {
    for (column, range) in [(1, 0..<0), (4, 3..<3), (6, 5..<5)] {
      let carets = Self.render("ab: cd\nx\n", range).split(separator: "\n").map(String.init).last
      #expect(carets == "    | \(String(repeating: " ", count: column - 1))^")
    }
  }

  @Test func anEmptyFileHasALineToPointAt() {
    #expect(
      Self.render("", 0..<0) == "vm.yaml:1:1: error[VP1999]: wrong\n  1 | \n    | ^\n")
  }

  @Test func tabsBecomeSpacesAndCaretsStayUnderTheText() {
    #expect(
      Self.render("\ta:\tb", 4..<5) == """
        vm.yaml:1:5: error[VP1999]: wrong
          1 |     a:  b
            |         ^

        """)
  }

  @Test func wideAndCombiningCharactersKeepCaretsAligned() {
    // Two wide characters take four columns, an accent takes none.
    #expect(
      Self.render("日本: e\u{301}x", 11..<12).hasSuffix("  1 | 日本: e\u{301}x\n    |        ^\n"))
  }

  @Test func controlCharactersNeverReachTheTerminal() {
    let text = Self.render(
      "a: \u{1B}[31mred\u{7}\u{202E}\u{9B}", 3..<8, message: "unknown '\u{1B}[2J'")
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    #expect(!text.unicodeScalars.contains { [0x7F, 0x9B, 0x202E].contains($0.value) })
    #expect(text.contains("a: \\u{1b}[31mred\\u{7}\\u{202e}\\u{9b}"))
    #expect(text.contains("unknown '\\u{1b}[2J'"))
  }

  @Test func bytesThatAreNoUTF8AreShownAsEscapes() {
    let text = Self.render([0x61, 0xFF, 0xC3, 0x62], [Self.finding(1..<2)])
    #expect(text.contains("  1 | a\\xff\\xc3b\n    |  ^^^^\n"))
  }

  @Test(arguments: [60, 80, 100, 120])
  func noLineIsWiderThanTheScreenWhateverIsFound(width: Int) {
    let words = Array(repeating: "some words", count: 30).joined(separator: " ")
    let line = "name: " + String(repeating: "n", count: 300)
    var finding = Self.finding(250..<260, words)
    finding.help = words
    finding.notes = [.init(words), .init(words, Self.span(0..<4))]
    let text = Self.render(Array(line.utf8), [finding], Screen(width: width))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= width }, "\(text)")
    #expect(text.split(separator: "\n").allSatisfy { !$0.hasSuffix(" ") })
  }

  @Test func aLongLineIsCutAroundTheRangeToFitTheWidth() {
    let line = String(repeating: "x", count: 100_000) + "HERE" + String(repeating: "y", count: 9999)
    let text = Self.render(line, 100_000..<100_004)
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { $0.count <= 100 })
    #expect(lines[1].contains("...xxx") && lines[1].contains("HEREyyy"))
    let column = lines[1].distance(
      from: lines[1].startIndex, to: lines[1].firstIndex(of: "H") ?? lines[1].startIndex)
    #expect(lines[2].prefix(while: { $0 != "^" }).count == column)
  }

  @Test func columnsOfLongLinesAreCountedInCharacters() {
    var text = "first: line\n"
    for index in 0..<3000 { text += index % 3 == 0 ? "é, " : "日本 " }
    let table = LineTable(SourceFile(id: .vm, name: "vm.yaml", text: text))
    let bytes = Array(text.utf8)
    for offset in stride(from: 12, through: bytes.count, by: 997) {
      let characters = bytes[12..<offset].count { $0 & 0xC0 != 0x80 }
      let position = table.position(of: UInt32(offset))
      #expect(position.line == 2 && position.column == characters + 1, "offset \(offset)")
    }
  }

  @Test func manyFindingsOnOneLongLineTakeNoLongerThanOnManyLines() {
    let text = String(repeating: "bad ", count: 500_000)
    let findings = stride(from: 0, to: 2_000_000, by: 1000).map { Self.finding($0..<$0 + 3) }
    let clock = ContinuousClock()
    let time = clock.measure { _ = Self.render(Array(text.utf8), findings) }
    #expect(time < .seconds(20))
  }

  @Test func aRangeOverSeveralLinesShowsTheFirstAndTheLast() {
    #expect(
      Self.render("a:\n  - b\n  - c\n  - d\n", 5..<20) == """
        vm.yaml:2:3: error[VP1999]: wrong
          2 |   - b
            |   ^^^
            ...
          4 |   - d
            |   ^^^

        """)
  }

  @Test func findingsComeInFileOrderAndAreCounted() {
    let text = Self.render(
      Array("a\nb\nc\n".utf8),
      [
        Self.finding(4..<5, "third"), Self.finding(2..<3, "second", Self.warning),
        Self.finding(0..<1, "first"),
      ])
    let heads = text.split(separator: "\n").filter { $0.contains("]:") }
    #expect(
      heads == [
        "vm.yaml:1:1: error[VP1999]: first", "vm.yaml:2:1: warning[VP1998]: second",
        "vm.yaml:3:1: error[VP1999]: third",
      ])
    #expect(text.hasSuffix("2 errors, 1 warning\n"))
  }

  @Test func notesHaveTheirOwnExcerptAndHelpComesLast() {
    let finding = Diagnostic(
      Self.code, "twice", at: Self.span(5..<6),
      notes: [.init("first here", Self.span(0..<1)), .init("a fact")], help: "drop one")
    #expect(
      Self.render(Array("a: 1\na: 2\n".utf8), [finding]) == """
        vm.yaml:2:1: error[VP1999]: twice
          2 | a: 2
            | ^
        vm.yaml:1:1: note: first here
          1 | a: 1
            | ^
          note: a fact
          help: drop one

        """)
  }

  @Test func aFindingAboutNoFileNamesTheTool() {
    let finding = Diagnostic(Self.code, "no such thing", at: nil)
    #expect(Self.render([], [finding]) == "vfioplan: error[VP1999]: no such thing\n")
  }

  @Test func colourChangesNothingButTheMarks() {
    let coloured = Self.render("kind: VN\n", 6..<8, screen: Screen(.ansi))
    #expect(coloured.contains("\u{1B}[1;31merror[VP1999]:\u{1B}[0m"))
    let stripped = coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "")
    #expect(stripped == Self.render("kind: VN\n", 6..<8))
  }
}
