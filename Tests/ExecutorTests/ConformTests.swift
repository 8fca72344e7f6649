import Parser
import TestSupport
import Testing

@testable import Conform
@testable import Executor

/// What kernels once answered differently: the smallest programs that showed it, with the kernel's
/// answers as `Tests/KernelLab` recorded them.
struct ConformTests {
  static let fixtures = PackageFiles.entries("Tests/Fixtures/conform").filter {
    $0.hasSuffix(".txt")
  }

  @Test(arguments: fixtures)
  func theSimulatorAnswersAsTheKernelDid(name: String) throws {
    let text = try PackageFiles.text("Tests/Fixtures/conform/\(name)")
    let lines = text.split(separator: "\n").map(String.init)
    let machine = try #require(lines.first { $0.hasPrefix("host: ") }).dropFirst("host: ".count)
    let end = try #require(lines.firstIndex(of: "---"))
    let host = try host("Tests/Fixtures/conform/hosts/\(machine).yaml")
    let program = lines[..<end].filter { !$0.hasPrefix("host: ") }
    let answers = ConformProgram.answers(to: ["program it"] + program, on: host)
    #expect(Array(answers.dropFirst()) == Array(lines[(end + 1)...]), "\(name)")
  }

  private func host(_ path: String) throws -> HostDescription {
    var sink = DiagnosticSink()
    let file = SourceFile(id: .host, name: path, text: try PackageFiles.text(path))
    return try DescriptionReader.host(file, into: &sink)
  }
}
