import Parser
import Planner

/// Configurations of other programs: read, written as a description, read back.
enum ImportTarget {
  /// A file of whatever kind it seems to be; one that seems to be none gets a kind by its length.
  static func run(_ bytes: [UInt8]) {
    let file = SourceFile(id: .vm, name: "vm", bytes: bytes)
    let kinds = VMMClause.Kind.allCases
    let kind = ImportReader.kind(of: file) ?? kinds[bytes.count % kinds.count]
    var sink = DiagnosticSink()
    defer { FindingLaws.check(sink.diagnostics, in: [file]) }
    do throws(DiagnosticsError) {
      // No process: every other file is somebody's device.
      let imported = try ImportReader.vm(
        file, from: kind, fileAddress: { $0.utf8.count % 2 == 0 ? BDF.zero : nil }, into: &sink)
      law(!sink.hasErrors, "imported in spite of errors")
      check(imported, file)
    } catch {
      law(sink.hasErrors, "refused without an error")
    }
  }

  private static func check(_ imported: ImportedVM, _ file: SourceFile) {
    let text = DescriptionYAML(imported, from: file, on: nil).text()
    let written = SourceFile(id: .vm, name: "vm.yaml", text: text)
    guard let again = DescriptionTargets.read(written, DescriptionReader.vm) else {
      return law(false, "what is imported can't be read back:\n\(text)")
    }
    let vm = imported.vm
    law(again.devices.map(\.name) == vm.devices.map(\.name), "other names")
    law(again.devices.map(\.place) == vm.devices.map(\.place), "other addresses")
    law(again.memory.map(\.gpa) == vm.memory.map(\.gpa), "other places of memory")
    law(again.memory.map(\.size) == vm.memory.map(\.size), "other sizes of memory")
    law(again.name == vm.name && again.vmm == vm.vmm, "another VM")
  }
}
