import TestSupport
import Testing

@testable import Parser

/// Lists whose elements libyaml does not see are the same trees as with libyaml alone.
struct PlainRunTests {
  private static let plain = [
    "  - a: b\n    c: \"d e\"\n", "  - { a: b, c: [d, 4KiB] }\n", "  - a: b c\n    d: 0x10\n",
    "  - a: 0000:00:02.0\n    b: c/d_e-f.g\n", "  - a: [ { b: c }, { b: \"d\" } ]\n    d: e\n",
    "  - a: b\n", "  - {a: {b: {c: d}}}\n", "  - a: b\n    c: d\n    e: f\n",
  ]
  private static let others = [
    "  - a: b # c\n", "  - a:\n      b: c\n", "  - a: |\n      b\n", "  - a: >\n      b\n\n",
    "  - a: b\n      c\n", "  -  a: b\n", "  - a\n", "  - 'a': b\n", "  - a: 'b'\n", "  - a: ''\n",
    "  - a: \"\\x41\"\n", "  - a: \"\"\n", "  - a: b\n    a: c\n", "  - a : b\n", "  - a: b \n",
    "  - a: b: c\n", "  - {a: b: c}\n", "  - {a: b, }\n", "  - {a: b} c\n", "  - {}\n", "  - []\n",
    "  - [a, b]\n", "  - - a: b\n    - c: d\n", "  # x\n", "\n", "    \n", "    # x\n",
    "  - &x a: b\n", "  - *x\n", "  - &x\n    a: b\n", "- a: b\n", "   - a: b\n", " - a: b\n",
    "a: b\n", "...\n", "---\n", "  - a: \"b\n     c\"\n", "  - a: [b,\n  - c]\n",
    "  - <<: {a: b}\n",
    "  - a: !!str b\n", "  - a:  b\n", "  - ? a\n    : b\n", "  - a:\n", "  - a: ~\n", "  -\n",
    "  - a: b\r\n", "  - a:\tb\n", "  - a: -b\n", "  - a: b:\n", "  - a: %b\n",
    "  - a: b\n   c: d\n",
    "  - a: \"b\" \n", "  - a: [b]: c\n", "  - a: {b: c}\n     d: e\n", "  - a: b\n\n    c: d\n",
    "  - ä: b\n", "  - a: `\n", "  - a: b #\n", "  - a: b#c\n", "    c: d\n", "      c\n",
    "  c: d\n",
  ]
  private static let heads = [
    "x:\n", "x: |\n", "x: \"\n", "x: >\n", "? |\n", "x: &y\n", "x: !!seq\n", "x: [\n", "x: {\n",
    "x: y\n", "x:\n  - |\n", "x:\n  y:\n", "--- |\n", "# x\nx:\n", "- x\n", "", "x: '\n",
    "x: &y !!map\n", "x: *x\n", "%YAML 1.1\n---\nx:\n", "y: {a: b}\nx:\n", "x: # y\n", "x:\n  -\n",
  ]
  private static let tails = [
    "", "z: e\n", "  z: e\n", "      more\n", "    z: e\n", "\"\n", "  ]\n", "}\n", "'\n", "# x\n",
    "\nz: [e]\n", "...\n", "---\n", "  - *y\n", "z: *y\n", "  - a: &y b\nz: *y\n",
  ]

  private static func file(_ random: inout SeededNumbers) -> SourceFile {
    func any(_ texts: [String], orFirst share: Int) -> String {
      if Int.random(in: 0..<100, using: &random) < share { return texts[0] }
      return texts.randomElement(using: &random) ?? ""
    }
    let oddShare = [0, 0, 10, 40].randomElement(using: &random) ?? 0
    var text = any(heads, orFirst: 60)
    for _ in 0..<Int.random(in: 2...9, using: &random) {
      let isOdd = Int.random(in: 0..<100, using: &random) < oddShare
      text += any(isOdd ? others : plain, orFirst: 0)
    }
    text += any(tails, orFirst: 50)
    let shift = [0, 0, 0, 2].randomElement(using: &random) ?? 0
    if shift > 0 {
      text = text.split(separator: "\n").map { $0.dropFirst(2) }.joined(separator: "\n")
    }
    return SourceFile(id: .vm, name: "t", text: text)
  }

  /// What is read with a run of plain elements; `nil` if there is none.
  private static func quick(_ file: SourceFile) -> YAMLTree? {
    guard let contents = contents(of: file) else { return nil }
    return file.bytes.withUnsafeBufferPointer {
      YAMLComposer.composePlain(file, $0, contents, atLeast: 0)?.tree
    }
  }

  private static func whole(_ file: SourceFile) -> YAMLTree? {
    guard let contents = contents(of: file) else { return nil }
    return file.bytes.withUnsafeBufferPointer {
      let outcome = YAMLComposer.composeChecked(file, $0, contents, hiding: [])
      return outcome.sink.hasErrors ? nil : outcome.tree
    }
  }

  private static func contents(of file: SourceFile) -> YAMLByteCheck.Contents? {
    var sink = DiagnosticSink()
    return try? YAMLByteCheck.check(file, into: &sink)
  }

  @Test(arguments: 0..<8)
  func theTreeIsThatOfLibyaml(seed: UInt64) throws {
    var random = SeededNumbers(seed: seed)
    var count = 0
    for _ in 0..<2000 {
      let file = Self.file(&random)
      guard let quick = Self.quick(file) else { continue }
      count += 1
      let whole = try #require(Self.whole(file), "\(String(decoding: file.bytes, as: UTF8.self))")
      let isSame = quick.records == whole.records && quick.side == whole.side
      if !isSame || quick.keys.count != whole.keys.count {
        Issue.record("another tree of\n\(String(decoding: file.bytes, as: UTF8.self))")
        return
      }
    }
    #expect(count > 300)
  }

  @Test func itIsTakenWhereAListIsLong() throws {
    let element = "  - name: d\n    address: \"0000:00:00.0\"\n    noSnoop: allowed\n"
    let text = "devices:\n" + String(repeating: element, count: 1000) + "name: x\n"
    let bytes = Array(text.utf8)
    let run = bytes.withUnsafeBufferPointer { PlainRun(in: $0, atLeast: PlainRun.leastBytes) }
    #expect(run?.lines.count == 998 * element.utf8.count)
  }
}
