import Foundation
import TestSupport
import Testing

/// Every block of the README that can be run is run, and every console block of the documents.
struct ReadmeTests {
  /// A fenced block: its language and its lines.
  struct Block: Sendable {
    var language: String
    var lines: [String]

    /// The commands of a `console` block, without the prompt.
    var commands: [[String]] {
      lines.filter { $0.hasPrefix("$ ") }
        .map { $0.dropFirst(2).split(separator: " ").map(String.init) }
    }
  }

  /// The README cut into text and blocks, alternating, text first.
  static func blocks(of text: String) -> [(text: [String], block: Block)] {
    var found: [(text: [String], block: Block)] = []
    var before: [String] = []
    var open: Block?
    for line in text.components(separatedBy: "\n") {
      if let block = open {
        if line == "```" {
          found.append((before, block))
          (before, open) = ([], nil)
        } else {
          open = Block(language: block.language, lines: block.lines + [line])
        }
      } else if line.hasPrefix("```") {
        open = Block(language: String(line.dropFirst(3)), lines: [])
      } else {
        before.append(line)
      }
    }
    found.append((before, Block(language: "", lines: [])))
    return found
  }

  /// A `console` block as it would be today.
  static func rerun(_ block: Block) throws -> [String] {
    var lines: [String] = []
    for command in block.commands {
      #expect(command.first == "vfioplan", "a console block runs vfioplan only")
      let outcome = try Tool.run(Array(command.dropFirst()))
      lines.append("$ " + command.joined(separator: " "))
      let shown = outcome.output + outcome.errorScreen
      lines += shown.isEmpty ? [] : shown.components(separatedBy: "\n").dropLast()
    }
    return lines
  }

  @Test(arguments: ["README.md", "docs/program-format.md", "docs/diff.md"])
  func everyConsoleBlockShowsWhatTheToolSays(document: String) throws {
    var text: [String] = []
    var changed = 0
    for (before, block) in Self.blocks(of: try PackageFiles.text(document)) {
      text += before
      // What stands behind the last block has none.
      if block.language.isEmpty, block.lines.isEmpty { continue }
      let lines = block.language == "console" ? try Self.rerun(block) : block.lines
      if lines != block.lines { changed += 1 }
      text += ["```" + block.language] + lines + ["```"]
    }
    if Golden.isRecording {
      try Data(text.joined(separator: "\n").utf8).write(
        to: URL(filePath: PackageFiles.path(document)))
    }
    #expect(changed == 0, "\(document) is out of date; run `make golden` and review")
  }

  private static let host = ["--host", UsageTests.host]

  @Test func everyYAMLBlockCompiles() throws {
    let blocks = Self.blocks(of: try PackageFiles.text("README.md")).map(\.block)
    let yaml = blocks.filter { $0.language == "yaml" }
    #expect(!yaml.isEmpty)
    for block in yaml {
      let isPolicy = block.lines.contains("kind: Policy")
      let place = isPolicy ? PolicyCommandTests.graphics + ["--policy", "-"] : ["-"] + Self.host
      let outcome = try Tool.run(
        ["compile"] + place, input: block.lines.joined(separator: "\n") + "\n")
      #expect(outcome.code == 0, "\(outcome.errors)")
    }
  }

  @Test func theFirstScreenSaysWhatThisIsWhatToTypeAndWhatComesOfIt() throws {
    let lines = try PackageFiles.text("README.md").components(separatedBy: "\n").prefix(59)
    let wanted = [
      "```yaml", "$ vfioplan compile", "NON-COHERENT", "ways out", "host loses", "```sh",
    ]
    for text in wanted {
      #expect(lines.contains { $0.contains(text) }, "'\(text)' is not on the first screen")
    }
  }

  /// Files that are not there are no wrong usage.
  @Test func everyLineForAShellIsUnderstood() throws {
    let blocks = Self.blocks(of: try PackageFiles.text("README.md")).map(\.block)
    let lines = blocks.filter { $0.language == "sh" }.flatMap(\.lines).map { line in
      line.prefix { $0 != "#" }.split(separator: " ").map(String.init).drop { $0 == "sudo" }
    }
    #expect(lines.contains { $0.first == "./vfioplan" })
    for line in lines where line.first == "./vfioplan" {
      let outcome = try Tool.run(Array(line.dropFirst()))
      #expect(outcome.code == (line.contains("vm.yaml") ? 66 : 0), "\(line): \(outcome.errors)")
    }
  }

  @Test func everyMakeTargetThatIsNamedExists() throws {
    let makefile = try PackageFiles.text("Makefile")
    for name in ["README.md", "CONTRIBUTING.md"] {
      for match in try PackageFiles.text(name).matches(of: /(?:^|`)make ([a-z]+)/) {
        #expect(makefile.contains("\n\(match.1):"), "\(name) names `make \(match.1)`")
      }
    }
  }
}
