import Foundation
import Parser
import TestSupport
import Testing

@testable import vfioplan

/// Findings as SARIF, as commands of GitHub's workflows, and as JSON where the command line is
/// wrong.
struct FindingsFormTests {
  static let wrong = [
    "compile", "examples/group-conflict.yaml", "--host", "examples/hosts/z790.yaml",
    "--target", "iommufd",
  ]

  /// What SARIF 2.1.0 requires of a log, written down from the specification.
  static func problems(with log: JSONValue) -> [String] {
    var problems: [String] = []
    func require(_ holds: Bool, _ rule: String) { if !holds { problems.append(rule) } }
    require(log["version"]?.text == "2.1.0", "3.13.2 version")
    require(!(log["runs"]?.elements.isEmpty ?? true), "3.13.4 runs")
    for run in log["runs"]?.elements ?? [] {
      let driver = run["tool"]?["driver"]
      require(driver?["name"]?.text?.isEmpty == false, "3.19.8 name")
      let rules = driver?["rules"]?.elements ?? []
      let ids = rules.compactMap { $0["id"]?.text }
      require(ids.count == rules.count && Set(ids).count == ids.count, "3.49.3 id")
      for rule in rules {
        for key in ["shortDescription", "fullDescription", "help"] {
          require(rule[key]?["text"]?.text?.isEmpty == false, "3.12.3 text of \(key)")
        }
        require(isLevel(rule["defaultConfiguration"]?["level"]), "3.50.3 level")
      }
      for invocation in run["invocations"]?.elements ?? [] {
        require(invocation["executionSuccessful"]?.flag != nil, "3.20.14 executionSuccessful")
      }
      let kinds = ["utf16CodeUnits", "unicodeCodePoints"]
      require(kinds.contains(run["columnKind"]?.text ?? ""), "3.14.17 columnKind")
      require(run["results"] != nil, "3.14.23 results")
      for result in run["results"]?.elements ?? [] {
        require(result["message"]?["text"]?.text?.isEmpty == false, "3.27.11 message")
        require(isLevel(result["level"]), "3.27.10 level")
        let index = result["ruleIndex"]?.number ?? -1
        require(
          ids.indices.contains(index) && ids[index] == result["ruleId"]?.text, "3.27.6 ruleIndex")
        let locations = result["locations"]?.elements ?? []
        let related = result["relatedLocations"]?.elements ?? []
        for location in locations + related { problems += self.problems(at: location) }
        require(locations.allSatisfy { $0["physicalLocation"] != nil }, "3.28.3 place")
        require(related.allSatisfy { $0["message"]?["text"]?.text != nil }, "3.28.5 message")
      }
    }
    return problems
  }

  private static func problems(inPlace place: JSONValue) -> [String] {
    var problems: [String] = []
    let uri = place["artifactLocation"]?["uri"]?.text ?? ""
    let isReference = !uri.isEmpty && uri.allSatisfy { $0.isASCII && $0 != " " && $0 != "\\" }
    if !isReference || uri.hasPrefix("./") { problems.append("3.4.3 uri \(uri)") }
    let region = place["region"]
    let numbers = ["startLine", "startColumn", "endLine", "endColumn"].map {
      region?[$0]?.number ?? 0
    }
    if numbers.contains(where: { $0 < 1 }) { problems.append("3.30 region \(numbers)") }
    if (numbers[2], numbers[3]) < (numbers[0], numbers[1]) { problems.append("3.30.7 order") }
    return problems
  }

  private static func problems(at location: JSONValue) -> [String] {
    location["physicalLocation"].map { problems(inPlace: $0) } ?? []
  }

  private static func isLevel(_ value: JSONValue?) -> Bool {
    ["none", "note", "warning", "error"].contains(value?.text ?? "")
  }

  @Test(arguments: CatalogueCase.all.filter { $0.exitCode != 64 })
  func everyFindingOfTheCatalogueIsSARIF(fixture: CatalogueCase) throws {
    let run = try #require(fixture.lines.last { $0.hasPrefix("run: ") })
    var asked = fixture
    asked.lines = fixture.lines.map { $0 == run ? run + " --diagnostics sarif" : $0 }
    if run.contains(" -- ") { return }
    let outcome = try asked.run()
    #expect(outcome.code == fixture.exitCode, "\(outcome.errors)")
    let log = try JSONValue(outcome.errors)
    #expect(Self.problems(with: log).isEmpty, "\(Self.problems(with: log))")
    let codes = log["runs"]?.elements.first?["results"]?.elements.compactMap { $0["ruleId"]?.text }
    #expect(codes?.contains(fixture.code) == true)
  }

  @Test func aPlaceIsTheSameInEveryForm() throws {
    let json = try JSONValue(Tool.run(Self.wrong + ["--diagnostics", "json"]).errors)
    let finding = try #require(json.elements.first)
    let log = try JSONValue(Tool.run(Self.wrong + ["--diagnostics", "sarif"]).errors)
    let result = log["runs"]?.elements.first?["results"]?.elements.first
    let region = result?["locations"]?.elements.first?["physicalLocation"]?["region"]
    #expect(region?["startLine"]?.number == finding["line"]?.number)
    #expect(region?["startColumn"]?.number == finding["column"]?.number)
    #expect(region?["endLine"]?.number == finding["endLine"]?.number)
    #expect(region?["endColumn"]?.number == finding["endColumn"]?.number)
    let github = try Tool.run(Self.wrong + ["--diagnostics", "github"]).errors
    let line = finding["line"]?.number ?? 0
    let code = finding["code"]?.text ?? ""
    #expect(github.hasPrefix("::error file=examples/group-conflict.yaml,line=\(line),"))
    #expect(github.contains(",title=\(code) "))
    #expect(github.split(separator: "\n").allSatisfy { $0.hasPrefix("::") })
  }

  @Test func whatTheRunnerActsOnIsEscaped() {
    let text = "50%, a:b\r\n::error::x"
    #expect(AnnotationText.escaped(text, inProperty: false) == "50%25, a:b%0D%0A::error::x")
    #expect(
      AnnotationText.escaped(text, inProperty: true)
        == "50%25%2C a%3Ab%0D%0A%3A%3Aerror%3A%3Ax")
  }

  @Test(arguments: ["github", "sarif"])
  func aHostileNameMakesNoSecondFinding(form: String) throws {
    let folder = try TemporaryFolder()
    let name = "\"a\\n::error file=x::y\\u0007\""
    _ = try folder.write(
      "apiVersion: vfioplan/v1\nkind: VM\nname: \(name)\n\(name): 1\nmemory: []\ndevices: []\n",
      to: "vm,1:2%.yaml")
    let outcome = try Tool.run(
      Tool.vfioplan,
      ["compile", "vm,1:2%.yaml", "--host", "vm,1:2%.yaml", "--diagnostics", form],
      folder: folder.root)
    #expect(outcome.code == 1)
    #expect(!outcome.errors.contains("\u{07}"))
    if form == "github" {
      for line in outcome.errors.split(separator: "\n") {
        #expect(line.hasPrefix("::error file=vm%2C1%3A2%25.yaml,line="), "\(line)")
      }
    } else {
      #expect(outcome.errors.contains("\"uri\":\"vm%2C1%3A2%25.yaml\""))
    }
  }

  @Test func namesBelowTheWorkingDirectoryAreRelative() {
    var places = FindingPlaces(
      [SourceFile(id: .vm, name: "/srv/tree/vms/a.yaml", text: "a: 1\n")],
      relativeTo: "/srv/tree")
    let span = SourceSpan(source: .vm, start: 0, end: 1)
    #expect(places.place(of: span)?.file == "vms/a.yaml")
    var other = FindingPlaces(
      [SourceFile(id: .vm, name: "/srv/treehouse/a.yaml", text: "a: 1\n")],
      relativeTo: "/srv/tree")
    #expect(other.place(of: span)?.file == "/srv/treehouse/a.yaml")
    #expect(SARIFText.uri(of: "/a b/ä.yaml") == "file:///a%20b/%C3%A4.yaml")
    #expect(SARIFText.uri(of: "c:d.yaml") == "c%3Ad.yaml")
  }

  @Test(arguments: [
    ["compile", "--frobnicate"], ["frobnicate"], ["compile"], ["schema", "poem"],
    ["compile", "-", "--host", "-"],
  ])
  func aWrongCommandLineIsToldInTheFormThatIsAskedFor(arguments: [String]) throws {
    for option in [["--diagnostics", "json"], ["--diagnostics=json"]] {
      let outcome = try Tool.run(arguments + option)
      #expect(outcome.code == 64 && outcome.output == "")
      let finding = try JSONValue(outcome.errors).elements
      #expect(finding.count == 1 && finding.first?["code"]?.text == "VP1910")
      try SchemaTests.validate(["diagnostics", "-"], input: outcome.errors)
    }
    let github = try Tool.run(arguments + ["--diagnostics", "github"])
    #expect(github.code == 64 && github.errors.hasPrefix("::error title=VP1910 "))
    let sarif = try Tool.run(arguments + ["--diagnostics", "sarif"])
    #expect(try Self.problems(with: JSONValue(sarif.errors)).isEmpty)
  }

  @Test func whatComesAfterTwoDashesAsksForNothing() {
    #expect(FindingsFormat.asked(for: ["apply", "--", "--diagnostics", "json"]) == .text)
    #expect(FindingsFormat.asked(for: ["--diagnostics", "poem"]) == .text)
  }

  @Test func nothingFoundIsAnEmptyLogAndNoCommand() throws {
    let fine = ["compile", "examples/igd-and-nic.yaml", "--host", "examples/hosts/z790.yaml"]
    let sarif = try Tool.run(fine + ["--diagnostics", "sarif"])
    #expect(sarif.code == 0)
    #expect(try Self.problems(with: JSONValue(sarif.errors)).isEmpty)
    #expect(try Tool.run(fine + ["--diagnostics", "github"]).errors == "")
  }
}

/// Exit statuses against the table of the contract.
struct ExitStatusTests {
  /// What the table says of a run that compiles and ends with some errors.
  static func status(of codes: [String]) -> Int32 {
    if codes.isEmpty { return 0 }
    let isOfHost = codes.allSatisfy { code in
      code == "VP3007" || code.hasPrefix("VP4") && code != "VP4014" && code != "VP4015"
    }
    return isOfHost ? 69 : 1
  }

  static let compiling = CatalogueCase.all.filter { fixture in
    let run = fixture.lines.last { $0.hasPrefix("run: ") } ?? ""
    let isCompiled = ["run: compile ", "run: check "].contains { run.hasPrefix($0) }
    let isOfCommandLine = ["VP19", "VP39", "VP59"].contains { fixture.code.hasPrefix($0) }
    return isCompiled && !isOfCommandLine
  }

  @Test(arguments: compiling)
  func theStatusOfACompilationFollowsFromItsErrors(fixture: CatalogueCase) {
    let codes = fixture.expected.matches(of: /error\[(VP[0-9]{4})\]/).map { String($0.1) }
    #expect(fixture.exitCode == Self.status(of: codes), "\(codes)")
  }

  @Test(arguments: compiling.filter { $0.exitCode == 0 && $0.expected.contains("warning[") })
  func aWarningAloneFailsWithStrictBeforeAnythingIsWritten(fixture: CatalogueCase) throws {
    let run = try #require(fixture.lines.last { $0.hasPrefix("run: ") })
    if run.contains(" -o ") || run.contains("--as") { return }
    var strict = fixture
    strict.lines = fixture.lines.map { $0 == run ? run + " --strict" : $0 }
    let outcome = try strict.run()
    #expect(outcome.code == 2, "\(outcome.errors)")
    if run.hasPrefix("run: compile") { #expect(outcome.output == "") }
  }

  @Test func applyIsStrictBeforeItRuns() throws {
    let fixture = try #require(CatalogueCase.all.first { $0.code == "VP3010" })
    let run = try #require(fixture.lines.last { $0.hasPrefix("run: ") })
    for mode in ["--simulate", "--dry-run"] {
      var strict = fixture
      strict.lines = fixture.lines.map {
        $0 == run ? run.replacing("run: compile", with: "run: apply") + " \(mode) --strict" : $0
      }
      let outcome = try strict.run()
      #expect(outcome.code == 2 && outcome.output == "", "\(outcome.errors)")
    }
  }
}
