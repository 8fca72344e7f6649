import TestSupport
import Testing

/// `explain`: every code there is has a text.
struct ExplainTests {
  private static func codes() throws -> [JSONValue] {
    try JSONValue(Tool.run(["explain", "--format", "json"]).output).elements
  }

  @Test func theCodesAreUniqueAndInOrder() throws {
    let names = try Self.codes().compactMap { $0["code"]?.text }
    #expect(names.count > 40)
    #expect(names == Set(names).sorted())
    #expect(names.allSatisfy { $0.wholeMatch(of: /VP[1-5][0-9]{3}/) != nil })
  }

  @Test func everyCodeHasATitleAndAnExplanation() throws {
    for code in try Self.codes() {
      let name = code["code"]?.text ?? "?"
      let (title, text) = (code["title"]?.text ?? "", code["explanation"]?.text ?? "")
      #expect(["error", "warning"].contains(code["severity"]?.text ?? ""), "\(name)")
      #expect(!title.isEmpty && !title.hasSuffix("."), "\(name): \(title)")
      #expect(text.count > 80 && text.hasSuffix("."), "\(name): \(text)")
    }
  }

  @Test func aCodeIsExplainedInEitherCase() throws {
    for code in try Self.codes() {
      let name = code["code"]?.text ?? "?"
      let outcome = try Tool.run(["explain", name.lowercased()])
      let head = "\(code["severity"]?.text ?? "")[\(name)]: \(code["title"]?.text ?? "")\n"
      #expect(outcome.code == 0 && outcome.errors == "")
      let first = outcome.output.split(separator: "\n\n").first.map(String.init) ?? ""
      #expect(first.replacing("\n  ", with: " ") + "\n" == head)
      #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }
  }

  @Test func withoutACodeAllAreListed() throws {
    let outcome = try Tool.run(["explain"])
    for code in try Self.codes() {
      #expect(outcome.output.contains("\(code["code"]?.text ?? "?")  "))
    }
  }

  @Test func anUnknownCodeSuggestsNearOnes() throws {
    let outcome = try Tool.run(["explain", "VP5099"])
    #expect(outcome.code == 64 && outcome.output == "")
    #expect(
      outcome.errors.hasPrefix(
        """
        vfioplan: error[VP1911]: nothing is known of 'VP5099'
          help: 'vfioplan explain VP5012 VP5013 VP5014' is near it;
        """))
    #expect(!outcome.errors.contains("Usage"))
  }
}

/// `diff`: what changes, and the status for scripts.
struct DiffTests {
  private static let vm = "examples/objectives.yaml"
  private static let host = Example.named("objectives").hostPath

  @Test func aPlanDoesNotDifferFromItself() throws {
    let outcome = try Tool.run(["diff", Self.vm, Self.vm, "--host", Self.host, "--exit-code"])
    #expect(outcome == .init(code: 0, output: "diff: no changes\n", errors: ""))
  }

  @Test func anotherObjectiveIsAChange() throws {
    let folder = try TemporaryFolder()
    let plan = folder.path("after.json")
    let options = ["--host", Self.host, "--target", "ioasid"]
    _ = try Tool.run(
      ["compile", Self.vm, "--objective", "page-tables", "--format", "json", "-o", plan] + options)
    let outcome = try Tool.run([
      "diff", Self.vm, plan, "--exit-code", "--host", Self.host, "--target", "ioasid",
    ])
    #expect(outcome.code == 2, "\(outcome.errors)")
    #expect(outcome.output.contains("page tables 4 -> 3"))
    #expect(outcome.output.contains("breaks no promise; port0 becomes"))
    let json = try Tool.run(["diff", Self.vm, plan, "--format", "json"] + options)
    #expect(json.code == 0)
    #expect(try JSONValue(json.output)["equal"]?.flag == false)
  }
}
