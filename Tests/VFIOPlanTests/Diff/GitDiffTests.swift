import TestSupport
import Testing

/// Git shows consequences, as docs/diff.md says.
struct GitDiffTests {
  private let folder: TemporaryFolder
  private let place: String

  init() throws {
    folder = try TemporaryFolder()
    place = folder.path("")
    let text = try PackageFiles.text(DiffCommandTests.vm)
    _ = try folder.write(text, to: "vm.yaml")
    _ = try folder.write(try PackageFiles.text(DiffCommandTests.host), to: "host.yaml")
    _ = try folder.write("vm.yaml diff=vfioplan\n", to: ".gitattributes")
    try git(["init", "-q"])
    try git(["add", "."])
    try git(["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first"])
    _ = try folder.write(
      "# a comment\n" + text.replacing("noSnoop: forbidden", with: "noSnoop: required"),
      to: "vm.yaml")
  }

  @discardableResult private func git(_ arguments: [String]) throws -> String {
    let outcome = try Tool.run(
      "/usr/bin/env",
      ["GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "git"] + arguments,
      folder: place)
    #expect(outcome.code == 0, "\(outcome.errors)")
    return outcome.output
  }

  /// The commands of docs/diff.md, for this build.
  private static func documented(_ key: String) throws -> String {
    let text = try PackageFiles.text("docs/diff.md")
    let line = text.split(separator: "\n").first { $0.contains("git config diff.vfioplan.\(key) ") }
    let command = String(
      try #require(line?.split(separator: "'", maxSplits: 1).last?.dropLast()))
    return command.replacing("vfioplan ", with: Tool.vfioplan + " ")
  }

  @Test func aRevisionIsComparedThroughStandardInput() throws {
    let earlier = try git(["show", "HEAD:vm.yaml"])
    let outcome = try Tool.run(
      Tool.vfioplan, ["diff", "-", "vm.yaml", "--host", "host.yaml", "--exit-code"],
      input: earlier, folder: place)
    #expect(outcome.code == 2, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("vm.yaml breaks no promise; nic becomes NON-COHERENT\n"))
    #expect(outcome.output.contains("vm.yaml:21  noSnoop: forbidden -> required"))
  }

  @Test func gitDiffShowsConsequencesByADriver() throws {
    try git(["config", "diff.vfioplan.command", try Self.documented("command")])
    let shown = try git(["diff"])
    #expect(shown.contains("vm.yaml breaks no promise; nic becomes NON-COHERENT"), "\(shown)")
  }

  @Test func gitDiffShowsTheReportsSideBySideByTextconv() throws {
    try git(["config", "diff.vfioplan.textconv", try Self.documented("textconv")])
    let shown = try git(["diff"])
    #expect(shown.contains("\n+") && shown.contains("nic"), "\(shown)")
    let text = try PackageFiles.text(DiffCommandTests.vm)
    _ = try folder.write("# only a comment\n" + text, to: "vm.yaml")
    #expect(try !git(["diff"]).contains("@@"))
  }
}
