import TestSupport
import Testing

/// Tests are named in one way: a function is the law that it checks, a suite ends with `Tests`.
struct TestNameTests {
  static let files = PackageFiles.list("Tests", suffix: "Tests.swift")

  /// The names of the functions that are tests.
  static func testNames(in text: String) -> [Substring] {
    text.matches(of: #/@Test\b[\s\S]*?\bfunc\ (`[^`]*`|\w+)/#).map(\.1)
  }

  @Test func thereIsSomethingToLookAt() throws {
    let names = try Self.files.flatMap { Self.testNames(in: try PackageFiles.text($0)) }
    #expect(names.count >= 1_200)
  }

  @Test(arguments: files)
  func theNameOfATestIsItsFunctions(path: String) throws {
    let text = try PackageFiles.text(path)
    for mark in text.matches(of: /(?m)^ *@(?:Test|Suite)\(\s*"/) {
      Issue.record("\(path) says \(mark.0), which is a second name")
    }
    for name in Self.testNames(in: text) where name.wholeMatch(of: /[a-z][A-Za-z0-9]*/) == nil {
      Issue.record("\(path) has a test '\(name)'")
    }
  }

  @Test(arguments: files)
  func aSuiteEndsWithTests(path: String) throws {
    let text = try PackageFiles.text(path)
    let types = text.matches(of: #/(?m)^(?:@\w+(?:\(.*\))?\ )*(?:struct|final\ class)\ (\w+)/#)
    let bodies = zip(types, types.dropFirst().map { $0.range.lowerBound } + [text.endIndex])
    for (type, end) in bodies
    where !Self.testNames(in: String(text[type.range.upperBound..<end])).isEmpty {
      #expect(type.1.hasSuffix("Tests"), "\(path) has a suite '\(type.1)'")
    }
  }

  @Test func namesAreFoundInText() {
    let text = """
      @Test func one() {}
      @Test(.disabled("no"), arguments: [1])
      private func two(number: Int) {}
      func three() {}
      """
    #expect(Self.testNames(in: text) == ["one", "two"])
  }
}
