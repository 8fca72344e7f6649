import Parser

/// A wrong file that says itself what is wrong with it, on the lines where it is wrong.
///
/// ```yaml
/// # host: examples/hosts/z790.yaml
/// # target: type1
/// devices:
///   - name: nic
///     adress: "0000:65:00.0"   ### error[VP1021]: unknown key 'adress' in a device
/// ```
///
/// A line may have several `### ` expectations: `error[CODE]: message`, `warning[CODE]: message` or
/// `note: message`, each exactly as the tool words it. Findings that are not expected fail, and so
/// do expectations that are not found. Comment lines at the top that look like `# word: value` are
/// headers; `# elsewhere: error[CODE]: message` expects a finding in another file, or in none.
public struct ErrorFixture: Sendable, CustomStringConvertible {
  /// Something that should be said about a line.
  public struct Expectation: Hashable, Sendable, CustomStringConvertible {
    /// The 1-based line; 0 stands for another file, or none.
    public var line: Int
    /// Severity, code and message; or `note: ` and message.
    public var text: String

    /// How a mismatch shows it.
    public var description: String { "line \(line): \(text)" }
  }

  /// The file's name, without folder and `.yaml`.
  public let name: String
  /// The file itself.
  public let file: SourceFile
  /// What should be said about it, in the order of the file.
  public let expectations: [Expectation]
  /// The header lines, in order.
  public let headers: [(key: String, value: String)]

  /// How a test case shows it.
  public var description: String { name }

  /// The fixtures whose names begin so, by name: `VP2` for all that the planner finds.
  public static func all(_ prefix: String) -> [ErrorFixture] {
    let folder = "Tests/Fixtures/errors"
    return PackageFiles.entries(folder)
      .filter { $0.hasPrefix(prefix) && $0.hasSuffix(".yaml") }
      .map { entry in
        let text = (try? PackageFiles.text(folder + "/" + entry)) ?? ""
        return ErrorFixture(String(entry.dropLast(".yaml".count)), text)
      }
  }

  /// Reads the expectations of a text, which is what its `kind` says, a VM description without.
  public init(_ name: String, _ text: String) {
    self.name = name
    let kind = text.split(separator: "\n").first { $0.hasPrefix("kind: ") } ?? ""
    let ids: [Substring: SourceID] = ["Host": .host, "Policy": .policy]
    let id = ids[kind.dropFirst("kind: ".count).prefix(while: \.isLetter)] ?? .vm
    file = SourceFile(id: id, name: name + ".yaml", text: text)
    headers = Self.headers(text)
    expectations =
      headers.filter { $0.key == "elsewhere" }.map { Expectation(line: 0, text: $0.value) }
      + Self.expectations(text)
  }

  /// The value of a header, `nil` if there is none.
  public func header(_ key: String) -> String? { headers.first { $0.key == key }?.value }

  /// The codes that are expected, in the order of the file.
  public var codes: [String] {
    expectations.compactMap { expectation in
      expectation.text.firstMatch(of: /^\w+\[(VP\d{4})\]/).map { String($0.1) }
    }
  }

  /// How findings differ from what is expected; empty if they agree.
  public func mismatches(_ diagnostics: [Diagnostic]) -> [String] {
    var left = expectations
    var problems: [String] = []
    for found in said(diagnostics) {
      if let index = left.firstIndex(of: found) {
        left.remove(at: index)
      } else {
        problems.append("unexpected at \(found)")
      }
    }
    return problems + left.map { "missing at \($0)" }
  }

  /// What findings say, in the form of expectations; notes only where they point into the file.
  private func said(_ diagnostics: [Diagnostic]) -> [Expectation] {
    let lines = LineTable(file)
    func line(_ span: SourceSpan?) -> Int {
      guard let span, span.source == file.id else { return 0 }
      return lines.position(of: span.start).line
    }
    return diagnostics.flatMap { finding in
      let text = "\(finding.severity.rawValue)[\(finding.code.name)]: \(finding.message)"
      let notes = finding.notes.filter { line($0.span) > 0 }
      return [Expectation(line: line(finding.span), text: text)]
        + notes.map { Expectation(line: line($0.span), text: "note: " + $0.message) }
    }
  }

  private static func headers(_ text: String) -> [(key: String, value: String)] {
    text.split(separator: "\n").prefix { $0.hasPrefix("#") }.compactMap { line in
      line.firstMatch(of: /^# ([a-z]+): (.*)$/).map { (String($0.1), String($0.2)) }
    }
  }

  private static func expectations(_ text: String) -> [Expectation] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.enumerated().flatMap { index, line in
      line.split(separator: "###").dropFirst().map { part in
        Expectation(line: index + 1, text: trimmed(part))
      }
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
