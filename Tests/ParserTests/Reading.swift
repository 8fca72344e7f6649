@testable import Parser

/// Reading texts in tests: values where a file is right, findings where it is wrong.
enum Reading {
  /// A VM description around some lines.
  static func vmText(_ lines: String) -> String {
    "apiVersion: vfioplan/v1\nkind: VM\nname: test\n" + lines
  }

  /// A host description around some lines.
  static func hostText(_ lines: String) -> String {
    "apiVersion: vfioplan/v1\nkind: Host\nname: test\n" + lines
  }

  /// A policy around some lines.
  static func policyText(_ lines: String) -> String {
    "apiVersion: vfioplan/v1\nkind: Policy\n" + lines
  }

  /// The policy a text is.
  static func policy(_ text: String, name: String = "p.yaml") throws -> Policy {
    var sink = DiagnosticSink()
    let file = SourceFile(id: .policy, name: name, text: text)
    return try DescriptionReader.policy(DescriptionReader.tree(of: file, into: &sink), into: &sink)
  }

  /// The VM a text describes; fails the test with the findings if it describes none.
  static func vm(_ text: String) throws -> VMDescription {
    var sink = DiagnosticSink()
    return try DescriptionReader.vm(SourceFile(id: .vm, name: "t", text: text), into: &sink)
  }

  /// The host a text describes.
  static func host(_ text: String) throws -> HostDescription {
    var sink = DiagnosticSink()
    return try DescriptionReader.host(SourceFile(id: .host, name: "t", text: text), into: &sink)
  }

  /// The tree of a text.
  static func tree(_ text: String) throws -> YAMLTree {
    var sink = DiagnosticSink()
    return try DescriptionReader.tree(of: SourceFile(id: .vm, name: "t", text: text), into: &sink)
  }

  /// All findings of a file, read as what it says it is.
  static func findings(_ file: SourceFile) -> [Diagnostic] {
    var sink = DiagnosticSink()
    do throws(DiagnosticsError) {
      let tree = try DescriptionReader.tree(of: file, into: &sink)
      switch file.id {
      case .host: _ = try DescriptionReader.host(tree, into: &sink)
      case .policy: _ = try DescriptionReader.policy(tree, into: &sink)
      default: _ = try DescriptionReader.vm(tree, into: &sink)
      }
    } catch {
      // What a phase throws is what it has put into the sink.
      assert(error.diagnostics == Array(sink.diagnostics.suffix(error.diagnostics.count)))
    }
    return sink.diagnostics
  }

  /// All findings of some bytes, read as a VM description.
  static func findings(_ bytes: [UInt8]) -> [Diagnostic] {
    findings(SourceFile(id: .vm, name: "t", bytes: bytes))
  }

  /// All findings of a text, read as a VM description.
  static func findings(_ text: String) -> [Diagnostic] { findings(Array(text.utf8)) }

  /// The bytes that a span covers, as text.
  static func covered(_ span: SourceSpan?, of text: String) -> String {
    guard let span else { return "no span" }
    return String(decoding: Array(text.utf8)[Int(span.start)..<Int(span.end)], as: UTF8.self)
  }
}
