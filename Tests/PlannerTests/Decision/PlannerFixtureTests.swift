import Parser
import TestSupport
import Testing

@testable import Planner

/// Wrong descriptions that say themselves what the planner must say about them.
struct PlannerFixtureTests {
  static let fixtures = ["VP2", "VP3", "VP4"].flatMap(ErrorFixture.all)

  @Test(arguments: fixtures)
  func aFixtureIsReportedAsItSays(fixture: ErrorFixture) throws {
    let mismatches = fixture.mismatches(try Self.findings(fixture))
    #expect(mismatches.isEmpty, "\(fixture.name)\n\(mismatches.joined(separator: "\n"))")
  }

  @Test(arguments: fixtures)
  func everySpanOfAFixtureLiesInItsFile(fixture: ErrorFixture) throws {
    let sizes = try Self.files(fixture).map { ($0.id, $0.bytes.count) }
    let limits = Dictionary(uniqueKeysWithValues: sizes)
    for finding in try Self.findings(fixture) {
      for span in ([finding.span] + finding.notes.map(\.span)).compactMap({ $0 }) {
        #expect(span.start <= span.end, "\(finding.message)")
        #expect(Int(span.end) <= limits[span.source] ?? -1, "\(finding.message)")
      }
    }
  }

  @Test func everyCodeIsTriggered() {
    // Too much for a file: see DescriptionCheckTests and ParetoFrontTests.
    let elsewhere: Set<String> = ["VP2018", "VP3012"]
    let triggered = Set(Self.fixtures.flatMap(\.codes)).union(elsewhere)
    for code in PlannerDiagnostics.all {
      #expect(triggered.contains(code.name), "\(code.name) has no fixture")
    }
  }

  @Test func codesAreUniqueAscendingAndExplained() {
    let names = PlannerDiagnostics.all.map(\.name)
    #expect(names == Set(names).sorted())
    for code in PlannerDiagnostics.all {
      #expect(code.name.wholeMatch(of: /VP[234]0\d\d/) != nil)
      #expect(code.explanation.count > 80 && code.explanation.hasSuffix("."), "\(code.name)")
    }
  }

  @Test func messagesKeepTheHouseStyle() throws {
    for fixture in Self.fixtures {
      for finding in try Self.findings(fixture) {
        let lines = [finding.message, finding.help ?? "x"] + finding.notes.map(\.message)
        for line in lines {
          let first = line.prefix(1)
          let isTerm = ["IOMMU", "KVM", "Linux"].contains { line.hasPrefix($0) }
          #expect(first == first.lowercased() || isTerm, "\(line)")
          #expect(!line.hasSuffix(".") && line.count < 240, "\(line)")
        }
      }
    }
  }

  /// VM file and host file of a fixture, and the policy, if there is one.
  static func files(_ fixture: ErrorFixture) throws -> [SourceFile] {
    let kinds: [(String, SourceID)] = [("vm", .vm), ("host", .host), ("policy", .policy)]
    return try kinds.compactMap { key, id in
      if fixture.file.id == id { return fixture.file }
      guard let name = fixture.header(key) else { return nil }
      return SourceFile(id: id, name: name, text: try PackageFiles.text(name))
    }
  }

  /// What a compilation of the fixture says.
  static func findings(_ fixture: ErrorFixture) throws -> [Diagnostic] {
    let files = try files(fixture)
    var sink = DiagnosticSink()
    let vm = try DescriptionReader.vm(files[0], into: &sink)
    let host = try DescriptionReader.host(files[1], into: &sink)
    let policy = try files.dropFirst(2).first.map { file in
      try DescriptionReader.policy(DescriptionReader.tree(of: file, into: &sink), into: &sink)
    }
    _ = try? Compilation.compile(
      vm, on: host, target: fixture.header("target"), policy: policy ?? Policy(), into: &sink)
    return sink.diagnostics
  }
}
