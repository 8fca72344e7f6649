import Testing

@testable import Parser

struct YAMLTreeTests {
  private func texts(_ tree: YAMLTree, _ node: YAMLTree.Node? = nil) -> [String] {
    tree.children(of: node ?? tree.root).map { tree.string(of: $0) }
  }

  @Test func childrenComeInOrderAndSkipWhatIsBelow() throws {
    let tree = try Reading.tree("a: [1, [2, 3]]\nb: {c: d}\ne: f\n")
    #expect(texts(tree) == ["a", "", "b", "", "e", "f"])
    #expect(tree.childCount(of: tree.root) == 6)
    #expect(tree.value(of: "e", in: tree.root).map(tree.string) == "f")
    #expect(tree.value(of: "x", in: tree.root) == nil)
  }

  @Test(arguments: [
    ("plain", "a: b c", "b c"), ("single", "a: 'it''s'", "it's"), ("plain single", "a: 'b'", "b"),
    ("double", #"a: "b""#, "b"), ("escape", #"a: "\x41\u00e4\n""#, "A\u{e4}\n"),
    ("same length", #"a: "\_""#, "\u{a0}"), ("folded plain", "a: b\n  c", "b c"),
    ("folded double", "a: \"b\n  c\"", "b c"), ("literal", "a: |\n  b\n  c\n", "b\nc\n"),
    ("folded block", "a: >-\n  b\n  c\n", "b c"), ("empty", "a: ''", ""), ("nothing", "a:", ""),
    ("anchored", "a: &x !!str 'b'", "b"), ("colons", "a: 0000:00:02.0", "0000:00:02.0"),
    ("in a flow", "a: {b: 0000:00:02.0}", ""), ("beyond ASCII", "a: €uro", "€uro"),
  ])
  func textIsWhatYAMLSays(name: String, text: String, wanted: String) throws {
    let tree = try Reading.tree(text)
    #expect(tree.value(of: "a", in: tree.root).map(tree.string) == wanted)
  }

  @Test(arguments: [
    ("a: b c  # x", "b c"), ("a: 'b' ", "'b'"), ("a: &x b", "b"), ("a: &x 'b'", "'b'"),
    ("a: &x [b, c]", "[b, c]"), ("a: [b,\n c ]\nd: e", "[b,\n c ]"),
    ("a: &x\n  b: c\n\n\nd: e", "b: c"),
    ("a:\n  - b\n  - c # x\n\nd: e", "- b\n  - c"), ("a: {b: {c: d}}", "{b: {c: d}}"),
    ("ä: \"ö\" # ü", "\"ö\""), ("a:\n  b:\n    - {c: d}\n\n# x\ne: f", "b:\n    - {c: d}"),
  ])
  func aSpanCoversItsNodeExactly(text: String, wanted: String) throws {
    let tree = try Reading.tree(text)
    let value = Array(tree.children(of: tree.root))[1]
    #expect(Reading.covered(tree.span(of: value), of: text) == wanted)
  }

  @Test func anAliasIsItsNode() throws {
    let tree = try Reading.tree("a: &x {b: c}\nd: *x\ne: &x f\ng: *x\n")
    let values = Array(tree.children(of: tree.root))
    #expect(values[3] == values[1])
    #expect(tree.string(of: values[7]) == "f")
  }

  @Test func aliasesCountAgainstTheDepth() {
    let deep = "a: &x " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    let twice = deep + "\nb: " + String(repeating: "[", count: 30) + "*x"
    #expect(
      Reading.findings(twice + String(repeating: "]", count: 30)).map(\.code.name) == ["VP1014"])
    #expect(throws: Never.self) { _ = try Reading.tree(deep + "\nb: [[*x]]") }
  }

  @Test func aliasesUpToTheLimitAreRead() throws {
    let row = (0..<1000).map { _ in "a" }.joined(separator: ", ")
    let many = (0..<990).map { _ in "*x" }.joined(separator: ", ")
    _ = try Reading.tree("x: &x [\(row)]\ny: [\(many)]\n")
    #expect(
      Reading.findings("x: &x [\(row)]\ny: [\(many), \(many)]\n").map(\.code.name) == ["VP1013"])
  }

  @Test func nullIsPlain() throws {
    let tree = try Reading.tree("[~, null, '~', '', nul, ]")
    #expect(tree.children(of: tree.root).map(tree.isNull) == [true, true, false, false, false])
  }

  @Test func aHundredThousandKeysAreReadInLinearTime() throws {
    let keys = (0..<100_000).map { "key\($0): \($0)" }
    let clock = ContinuousClock()
    let small = try clock.measure {
      _ = try Reading.tree(keys.prefix(10_000).joined(separator: "\n"))
    }
    let large = try clock.measure { _ = try Reading.tree(keys.joined(separator: "\n")) }
    #expect(large < small * 40, "\(small) for 10,000, \(large) for 100,000")
    let twice = keys.joined(separator: "\n") + "\nkey77: x\nkey99999: y\n"
    let findings = Reading.findings(twice).filter { $0.code == ParserDiagnostics.duplicateKey }
    #expect(findings.map(\.message) == ["duplicate key 'key77'", "duplicate key 'key99999'"])
  }

  @Test func equalKeysOfDifferentMappingsAreNoDuplicates() throws {
    _ = try Reading.tree("a: {a: {a: 1, b: 2}, b: [{a: 1}, {a: 2}]}\nb: {a: 1}\n")
  }

  @Test func everyDuplicateIsFoundInAnyNesting() {
    let findings = Reading.findings("a: {a: 1}\nb: [{c: {a: 1}, c: 2}]\na: 3\n")
    let keys = findings.filter { $0.code == ParserDiagnostics.duplicateKey }.map(\.message)
    #expect(keys == ["duplicate key 'c'", "duplicate key 'a'"])
  }
}
