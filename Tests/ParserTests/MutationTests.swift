import TestSupport
import Testing

@testable import Parser

/// Valid files, damaged at random: nothing may crash, and every span lies inside its file.
struct MutationTests {
  /// A small generator whose seed is all of its state (SplitMix64).
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return mixed ^ mixed >> 31
    }
  }

  private static let snippets = [
    "&a ", "*a", "<<: *a", "!!map ", "- ", ": ", "? ", "[", "]", "{", "}", "\"", "'", "|\n", ">\n",
    "\t", "\r\n", "---\n", "...\n", "#", "%YAML 1.1\n", "\\x", "\u{FEFF}", "ä", "\u{85}", "\0",
    "0x", "99999999999999999999", "-1", "KiB", "~", "\u{2028}", "@", ",",
  ].map { Array($0.utf8) }

  private static func mutate(_ bytes: [UInt8], _ random: inout Generator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let start = Int.random(in: 0..<bytes.count, using: &random)
      let end = min(bytes.count, start + Int.random(in: 0...12, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.removeSubrange(start..<end)
      case 1: bytes.insert(contentsOf: bytes[start..<end], at: end)
      case 2: bytes[start] = UInt8.random(in: 0...255, using: &random)
      case 3: bytes.removeSubrange(end...)
      default:
        bytes.insert(contentsOf: snippets.randomElement(using: &random) ?? [], at: start)
      }
    }
    return bytes
  }

  private static func spanProblem(_ file: SourceFile) -> String? {
    for finding in Reading.findings(file) {
      for span in [finding.span] + finding.notes.map(\.span) {
        guard let span else { return "no span: \(finding.message)" }
        if span.start > span.end || Int(span.end) > file.bytes.count {
          return "\(span.start)..<\(span.end) of \(file.bytes.count): \(finding.message)"
        }
      }
    }
    return nil
  }

  @Test(arguments: [
    "Tests/Fixtures/errors/VP1016-merge.yaml", "examples/two-address-spaces.yaml",
    "examples/hosts/snoop-control.yaml", "examples/policy.yaml",
    "Tests/Fixtures/errors/VP1011-undefined-alias.yaml",
  ])
  func damagedFilesNeverCrash(path: String) throws {
    let original = Array(try PackageFiles.text(path).utf8)
    let id: SourceID =
      path.contains("host") ? .host : path.contains("policy") ? .policy : .vm
    for seed in 0..<UInt64(700) {
      var random = Generator(state: seed)
      let bytes = Self.mutate(original, &random)
      let problem = Self.spanProblem(SourceFile(id: id, name: path, bytes: bytes))
      #expect(problem == nil, "seed \(seed) of \(path): \(problem ?? "")")
    }
  }
}
