import Testing

@testable import Parser

/// An input that can't carry its expectation as a comment.
struct ByteCase: Sendable, CustomStringConvertible {
  var description: String
  var bytes: [UInt8]
  /// The codes it gives, in order.
  var codes: [String]
  /// Where the first finding is.
  var span: ClosedRange<Int>

  private init(_ name: String, _ bytes: [UInt8], _ codes: [String], _ span: ClosedRange<Int>) {
    description = name
    self.bytes = bytes
    self.codes = codes
    self.span = span
  }

  private init(_ name: String, _ text: String, _ codes: [String], _ span: ClosedRange<Int>) {
    self.init(name, Array(text.utf8), codes, span)
  }

  private static let longKey = String(repeating: "k", count: 100_000)

  static let all = [
    ByteCase("empty", "", ["VP1005"], 0...0),
    ByteCase("comment only", "# nothing\n", ["VP1005"], 0...0),
    ByteCase("empty document", "---\n", ["VP1005"], 0...0),
    ByteCase("byte-order mark only", [0xEF, 0xBB, 0xBF], ["VP1005"], 0...0),
    ByteCase("UTF-16 with mark", [0xFF, 0xFE, 97, 0], ["VP1002"], 0...2),
    ByteCase("UTF-16 big-endian", [0xFE, 0xFF, 0, 97], ["VP1002"], 0...2),
    ByteCase("UTF-16 without mark", [97, 0, 58, 0, 32, 0], ["VP1002"], 0...0),
    ByteCase("UTF-32", [0xFF, 0xFE, 0, 0], ["VP1002"], 0...4),
    ByteCase("Latin-1", Array("name: k".utf8) + [0xE4, 115, 101, 10], ["VP1003"], 7...8),
    ByteCase("overlong", Array("a: ".utf8) + [0xC0, 0xAF], ["VP1003"], 3...5),
    ByteCase("surrogate", Array("a: ".utf8) + [0xED, 0xA0, 0x80, 10], ["VP1003"], 3...6),
    ByteCase("above U+10FFFF", Array("a: ".utf8) + [0xF4, 0x90, 0x80, 0x80], ["VP1003"], 3...7),
    ByteCase("cut character", Array("a: ".utf8) + [0xE2, 0x82], ["VP1003"], 3...5),
    ByteCase("NUL", [97, 98, 99, 58, 32, 100, 0, 10], ["VP1004"], 6...7),
    ByteCase("NUL at the end", [97, 58, 32, 98, 10, 0], ["VP1004"], 5...6),
    ByteCase("delete", [97, 58, 32, 127, 10], ["VP1004"], 3...4),
    ByteCase("C1 control", [97, 58, 32, 0xC2, 0x80, 10], ["VP1004"], 3...5),
    ByteCase("U+FFFF", [97, 58, 32, 0xEF, 0xBF, 0xBF, 10], ["VP1004"], 3...6),
    ByteCase("next line", "a: \u{85}b: 1\n", ["VP1017"], 3...5),
    ByteCase("line separator", "# c\u{2028}a: 1\n", ["VP1017"], 3...6),
    ByteCase("in a property", "a: &b\u{2029} \"c\"\n", ["VP1017"], 5...8),
    ByteCase(
      "directives", String(repeating: "%TAG !a! tag:b\n", count: 17) + "--- {}\n", ["VP1018"],
      240...241),
    ByteCase("several", [7, 0xFF, 32, 7], ["VP1004", "VP1003", "VP1004"], 0...1),
    ByteCase("long key", longKey + ": 1\n", ["VP1006"], 0...100_000),
    ByteCase(
      "long explicit key", "? " + longKey + "\n: 1\n", ["VP1021", "VP1022"], 2...100_002),
    ByteCase(
      "deep brackets", String(repeating: "[", count: 100_000), ["VP1014"], 64...65),
    ByteCase(
      "deep mappings", String(repeating: "{a: ", count: 5000), ["VP1014"], 256...257),
    ByteCase(
      "deep dashes", String(repeating: "- ", count: 1000) + "a\n", ["VP1014"], 128...128),
    ByteCase(
      "tab after a mark", [0xEF, 0xBB, 0xBF] + Array("a: \u{e4}\n\tb: 1\n".utf8), ["VP1007"], 9...10
    ),
  ]
}

struct ByteInputTests {
  @Test(arguments: ByteCase.all)
  func bytesAreReportedWhereTheyAreWrong(input: ByteCase) {
    let findings = Reading.findings(input.bytes)
    #expect(findings.map(\.code.name) == input.codes)
    let span = findings.first?.span
    #expect(span.map { Int($0.start) } == input.span.lowerBound)
    #expect(span.map { Int($0.end) } == input.span.upperBound)
  }

  @Test func longTextIsCutInMessages() {
    for finding in ByteCase.all.flatMap({ Reading.findings($0.bytes) }) {
      #expect(finding.message.count < 200)
      #expect(finding.help?.count ?? 0 < 200)
    }
  }

  @Test func aFileOverTheLimitIsReported() {
    let finding = ParserDiagnostics.fileTooLarge(SourceFile.maximumBytes + 1, .vm)
    #expect(finding.code.name == "VP1001")
    #expect(finding.message == "the file has 1073741825 bytes; at most 1073741824 are read")
  }

  @Test func aBinaryFileGivesFewFindings() {
    let findings = Reading.findings([UInt8](repeating: 7, count: 10_000))
    #expect(findings.count == 8)
  }

  @Test func lineEndsMakeNoDifference() throws {
    let text = Reading.vmText("memory:\n  - { gpa: 0x0, size: 2GiB }\ndevices: []\n")
    let unix = try Reading.vm(text)
    for lineEnd in ["\r\n", "\r"] {
      let other = try Reading.vm(text.split(separator: "\n").joined(separator: lineEnd))
      #expect(other.memory.map(\.size) == unix.memory.map(\.size))
      #expect(other.name == unix.name)
    }
  }

  @Test func spansCountBytesAfterAMarkAndBeyondASCII() throws {
    let text = "\u{FEFF}" + Reading.vmText("# käse €𝄞\nmemroy: []\nmemory: []\ndevices: []\n")
    let findings = Reading.findings(text)
    #expect(findings.map(\.code.name) == ["VP1021", "VP1026"])
    #expect(Reading.covered(findings[0].span, of: text) == "memroy")
    #expect(Reading.covered(findings[1].span, of: text) == "[]")
    let lines = LineTable(SourceFile(id: .vm, name: "t", text: text))
    #expect(findings[0].span.map { lines.position(of: $0.start).line } == 5)
    #expect(lines.position(of: 3) == (1, 1))
  }
}
