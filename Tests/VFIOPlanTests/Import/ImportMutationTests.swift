import Parser
import TestSupport
import Testing

@testable import vfioplan

/// Configurations, damaged at random: nothing may crash, every place lies inside the file, and what
/// is still read is written as a description that reads back.
struct ImportMutationTests {
  private static let snippets = [
    "<", ">", "/>", "</", "\"", "'", "=", "&amp;", "<!--", "<!DOCTYPE a>", "\0", "\\", "$", "${",
    "}",
    "(", ")", "[@]", "#", ";", "\n", "\r\n", ",", ",,", ":", "{", "-device ", "vfio-pci,", "host=",
    "99999999999999999999", "0x", "-1", "ä", "\u{FEFF}", " ", "hostpci0: ", "memory: ", "T", "1.5",
  ].map { Array($0.utf8) }

  private static func damaged(_ bytes: [UInt8], _ random: inout SeededNumbers) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(4) where !bytes.isEmpty {
      let start = random.below(bytes.count)
      let end = min(bytes.count, start + random.below(12))
      switch random.below(5) {
      case 0: bytes.removeSubrange(start..<end)
      case 1: bytes.insert(contentsOf: bytes[start..<end], at: end)
      case 2: bytes[start] = UInt8(random.below(256))
      case 3: bytes.removeSubrange(end...)
      default: bytes.insert(contentsOf: snippets[random.below(snippets.count)], at: start)
      }
    }
    return bytes
  }

  private static func problem(_ bytes: [UInt8], as kind: VMMClause.Kind) -> String? {
    let file = SourceFile(id: .vm, name: "vm", bytes: bytes)
    var sink = DiagnosticSink()
    let kind = ImportReader.kind(of: file) ?? kind
    let imported = try? ImportReader.vm(file, from: kind, into: &sink)
    if (imported == nil) != sink.hasErrors { return "accepted and refused" }
    for span in sink.diagnostics.map(\.span) {
      guard let span, span.start <= span.end, Int(span.end) <= bytes.count else {
        return "a place outside of the file"
      }
    }
    guard let imported else { return nil }
    let text = DescriptionYAML(imported, from: file, on: nil).text()
    let again = try? DescriptionReader.vm(
      SourceFile(id: .vm, name: "t", text: text), into: &sink)
    return again?.devices.map(\.place) == imported.vm.devices.map(\.place)
      && again?.memory.map(\.size) == imported.vm.memory.map(\.size)
      ? nil : "not read back:\n\(text)"
  }

  @Test(arguments: ImportedFile.all)
  func damagedConfigurationsNeverCrash(file: ImportedFile) throws {
    let bytes = try file.file().bytes
    var random = SeededNumbers(seed: UInt64(bytes.count))
    for _ in 0..<100 {
      let damaged = Self.damaged(bytes, &random)
      let problem = Self.problem(damaged, as: file.kind)
      #expect(problem == nil, "\(String(decoding: damaged, as: UTF8.self)): \(problem ?? "")")
    }
  }
}
