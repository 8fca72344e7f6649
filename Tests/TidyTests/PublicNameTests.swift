import TestSupport
import Testing

/// What is public is used: its name is said in another source than its own, or there is a reason.
struct PublicNameTests {
  /// Names that no other source says, each with its reason.
  static let exceptions = [
    "StringInterpolation": "the compiler calls it",
    "appendInterpolation": "the compiler calls it",
    "appendLiteral": "the compiler calls it",
    "projectedValue": "the compiler calls it",
  ]

  /// A public declaration: all of it up to its body.
  struct Declaration {
    /// `func`, `struct` and so on.
    var keyword: String
    /// Its name.
    var name: String
    /// The words in it, its name included.
    var words: Set<String>
  }

  static func publicDeclarations(in code: String) -> [Declaration] {
    let head =
      #/
      public\ (?:(?:static|final|mutating|lazy|indirect|private\(set\))\ )*
      (struct|class|enum|protocol|typealias|func|var|let)\ `?(\w+)
      /#
    return code.matches(of: #/public [^{}]*?(?=[{}]|\n *\n|$)/#).compactMap { text in
      guard let match = text.0.prefixMatch(of: head) else { return nil }
      return Declaration(
        keyword: String(match.1), name: String(match.2), words: words(of: text.0))
    }
  }

  static func words(of code: Substring) -> Set<String> {
    Set(code.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
  }

  /// Whether a declaration is used although no other source says its name: a type by the members
  /// that have it, a value by the table that it is a row of.
  static func isReached(_ declaration: Declaration, by all: [Declaration]) -> Bool {
    !["func", "var"].contains(declaration.keyword)
      && all.contains { $0.name != declaration.name && $0.words.contains(declaration.name) }
  }

  @Test func whatIsPublicIsNamedElsewhere() throws {
    let codes = try SourceTests.sources.map { path in
      (path, String(decoding: SwiftText(try PackageFiles.text(path)).code, as: UTF8.self))
    }
    let sources = Dictionary(grouping: codes.flatMap { Self.words(of: $0.1[...]) }) { $0 }
    var unused: Set<String> = []
    for (path, code) in codes {
      let all = Self.publicDeclarations(in: code)
      for declaration in all where sources[declaration.name]?.count == 1 {
        if Self.isReached(declaration, by: all) { continue }
        unused.insert(declaration.name)
        let isExpected = Self.exceptions[declaration.name] != nil
        #expect(isExpected, "only \(path) says \(declaration.name), which is public")
      }
    }
    #expect(unused == Set(Self.exceptions.keys), "some exceptions are none")
  }

  @Test func declarationsAreFoundWithTheirTables() {
    let declarations = Self.publicDeclarations(
      in: """
        public enum Table {
          public static let one = 1

          public static let all = [
            one, two,
          ]

          public private(set) var kind: Kind { .a }
          public func work(_ value: Int) -> Int { one }
        }
        """)
    #expect(declarations.map(\.name) == ["Table", "one", "all", "kind", "work"])
    #expect(
      declarations.map { Self.isReached($0, by: declarations) } == [
        false, true, false, false, false,
      ])
  }
}
