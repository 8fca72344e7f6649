import Foundation
import TestSupport
import Testing

/// What `make install` puts where, by the programs that read it.
struct InstallationTests {
  /// A folder with an installation of the program under test, which ends with the test.
  private static func installed() throws -> (copy: SysfsCopy, files: [String]) {
    let copy = try SysfsCopy()
    let outcome = try Tool.run(
      "/usr/bin/env",
      [
        "python3", "scripts/install.py", "--binary", Tool.vfioplan, "--destdir", copy.path,
        "--prefix", "/opt/tool", "--date", "2026-01-02",
      ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    return (copy, outcome.output.split(separator: "\n").map(String.init))
  }

  /// A program of this machine; `nil` if it is not there.
  private static func find(_ name: String) -> String? {
    ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + name }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  @Test func everyFileLiesBelowThePrefixAndNothingElseIsWritten() throws {
    let (copy, files) = try Self.installed()
    #expect(files.allSatisfy { $0.hasPrefix("/opt/tool/") })
    for file in files {
      #expect(FileManager.default.fileExists(atPath: copy.path + file), "\(file)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: copy.path) == ["opt"])
    #expect(Set(files).count == files.count)
    let outcome = try Tool.run(copy.path + "/opt/tool/bin/vfioplan", ["--version"])
    #expect(outcome.code == 0)
    for schema in PackageFiles.entries("schemas") {
      #expect(files.contains("/opt/tool/share/vfioplan/schemas/" + schema))
    }
  }

  @Test func everyCommandHasAPageThatManTakes() throws {
    let (copy, files) = try Self.installed()
    let commands = try Tool.run(["help"]).output.matches(of: #/\n {2}([a-z]+) {2,}/#).map { $0.1 }
    #expect(commands.count > 7)
    for command in commands {
      #expect(files.contains("/opt/tool/share/man/man1/vfioplan-\(command).1"))
    }
    guard let man = Self.find("man") else { return }
    for page in files where page.hasSuffix(".1") {
      let outcome = try Tool.run(
        man, ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", copy.path + page])
      #expect(outcome.code == 0 && outcome.errors == "", "\(page): \(outcome.errors)")
      let text = try String(contentsOfFile: copy.path + page, encoding: .utf8)
      #expect(text.contains("\n.SH EXAMPLES\n"), "\(page)")
    }
  }

  @Test(arguments: [("bash", "vfioplan"), ("zsh", "_vfioplan"), ("fish", "vfioplan.fish")])
  func completionsAreUnderstoodByTheirShell(shell: String, file: String) throws {
    let (copy, files) = try Self.installed()
    let wanted = shell == "bash" ? "bash-completion/completions/vfioplan" : "/" + file
    let script = try #require(files.first { $0.hasSuffix(wanted) })
    guard let program = Self.find(shell) else { return }
    let outcome = try Tool.run(program, ["-n", copy.path + script])
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
  }

  @Test func bashCompletesCommandsValuesFilesAndCodes() throws {
    let (copy, _) = try Self.installed()
    try copy.write("vm-of-mine.yaml", "")
    let script = copy.path + "/opt/tool/share/bash-completion/completions/vfioplan"
    let line = """
      cd "$1"; PATH="$2:$PATH"; shopt -s extglob; source "$3"; shift 3
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
      _vfioplan vfioplan "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    for (words, wanted) in [
      (["comp"], "compile"), (["compile", "--target", ""], "iommufd"),
      (["compile", "--format", "li"], "libvirt"), (["compile", "--as", "q"], "qemu"),
      (["compile", "vm-"], "vm-of-mine.yaml"), (["compile", "--host", "vm-"], "vm-of-mine.yaml"),
      (["explain", "VP400"], "VP4001"), (["compile", "--release", "7"], "7.3"),
      (["compile", "--objective", ""], "page-tables"), (["schema", ""], "nfd"),
      (["import", "--from", ""], "proxmox"), (["import", "vm-"], "vm-of-mine.yaml"),
      (["compile", "--require", "coh"], "coherent"), (["host", "--format", ""], "cdi"),
    ] {
      let outcome = try Tool.run(
        "/bin/bash",
        ["-c", line, "bash", copy.path, copy.path + "/opt/tool/bin", script, "vfioplan"] + words)
      let found = outcome.output.split { $0.isWhitespace }.map(String.init)
      #expect(found.contains(wanted), "\(words): \(outcome.output)\(outcome.errors)")
    }
  }

  @Test func theListOfPartsHasWhatTheFormatAsksFor() throws {
    guard Self.find("dpkg-query") != nil else { return }
    let outcome = try Tool.run(
      "/usr/bin/env",
      [
        "python3", "scripts/sbom.py", "--binary", Tool.vfioplan, "--date", "2026-01-02",
      ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let bytes = Data(outcome.output.utf8)
    let root = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    #expect(root["bomFormat"] as? String == "CycloneDX" && root["specVersion"] as? String == "1.5")
    let number = try #require(root["serialNumber"] as? String)
    let form = /urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
    #expect(number.wholeMatch(of: form) != nil)
    let parts = try #require(root["components"] as? [[String: Any]])
    let names = Set(parts.compactMap { $0["name"] as? String })
    #expect(names.isSuperset(of: ["libyaml", "expat", "glibc", "swift", "swift-argument-parser"]))
    for part in parts {
      #expect(part["type"] as? String == "library" && part["version"] is String)
      #expect((part["licenses"] as? [[String: Any]])?.first?["expression"] is String)
    }
    let references = parts.compactMap { $0["bom-ref"] as? String }
    #expect(Set(references).count == parts.count)
  }
}
