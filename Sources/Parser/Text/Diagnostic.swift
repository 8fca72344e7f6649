/// How bad a finding is.
public enum Severity: String, Hashable, Sendable {
  /// Nothing is produced.
  case error
  /// The result stands, but the user should look.
  case warning
}

/// The stable identity of a kind of finding, for example `VP1003`.
///
/// Codes never change their meaning; texts may. VP1xxx is YAML and schema, VP2xxx semantics, VP3xxx
/// intent and targets, VP4xxx host and preflight, VP5xxx execution.
public struct DiagnosticCode: Hashable, Sendable {
  /// The code as shown, `VP` and four digits.
  public let name: String
  /// The severity that findings of this code have.
  public let severity: Severity
  /// Whether a user may go on in spite of an error of this code: nothing of the host is at risk.
  public let canBeForced: Bool
  /// What the code means, in a few words, without any detail of one case.
  public let title: String
  /// What `vfioplan explain` says, as plain text paragraphs: the rule, its reason, what to do.
  public let explanation: String

  /// Declares a code; done once per code, in the messages file of a module.
  public init(
    _ name: String, _ severity: Severity, canBeForced: Bool = false, _ title: String,
    _ explanation: String
  ) {
    self.name = name
    self.canBeForced = canBeForced
    self.severity = severity
    self.title = title
    self.explanation = explanation
  }
}

/// One finding about the user's input or machine.
public struct Diagnostic: Hashable, Sendable {
  /// A second place, or a fact, that belongs to a finding.
  public struct Note: Hashable, Sendable {
    /// What the note says: lower case, no full stop.
    public var message: String
    /// The place it is about, if it has one.
    public var span: SourceSpan?

    /// Makes a note.
    public init(_ message: String, _ span: SourceSpan? = nil) {
      self.message = message
      self.span = span
    }
  }

  /// What kind of finding this is.
  public var code: DiagnosticCode
  /// How bad it is: that of the code, unless somebody said otherwise.
  public private(set) var severity: Severity
  /// What is wrong and what was expected: lower case, no full stop, user text in single quotes.
  public var message: String
  /// Where; `nil` only if the finding is about no file (the machine, the command line).
  public var span: SourceSpan?
  /// Further places and facts, in reading order.
  public var notes: [Note]
  /// What to do about it.
  public var help: String?

  /// Makes a finding; called by the factories of the messages files only.
  public init(
    _ code: DiagnosticCode, _ message: String, at span: SourceSpan?, notes: [Note] = [],
    help: String? = nil
  ) {
    self.code = code
    severity = code.severity
    self.message = message
    self.span = span
    self.notes = notes
    self.help = help
  }

  /// The same finding where it stops nothing.
  public var asWarning: Diagnostic {
    var other = self
    other.severity = .warning
    return other
  }
}

/// The findings that stopped a phase; at least one is an error.
public struct DiagnosticsError: Error, Hashable, Sendable {
  /// All findings of the phase, warnings included, in the order of the file.
  public var diagnostics: [Diagnostic]

  /// Wraps findings.
  public init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }
}

/// Collects the findings of a phase.
///
/// A phase reports everything it finds and stops at its end, not at the first error.
public struct DiagnosticSink: Sendable {
  /// What was reported so far, in order of report.
  public private(set) var diagnostics: [Diagnostic] = []
  /// Whether one of them is an error.
  public private(set) var hasErrors = false

  /// Makes an empty sink.
  public init() {}

  /// Adds a finding.
  public mutating func report(_ diagnostic: Diagnostic) {
    diagnostics.append(diagnostic)
    if diagnostic.severity == .error { hasErrors = true }
  }

  /// Adds the finding that ends a phase at once; the result is to be thrown.
  public mutating func stop(_ diagnostic: Diagnostic) -> DiagnosticsError {
    report(diagnostic)
    return DiagnosticsError(diagnostics)
  }

  /// Puts findings into the order of their places; repeated ones are dropped.
  ///
  /// Those of one place stay in order of report. Repeats come from aliases: what they stand for is
  /// read each time.
  public mutating func sortByPlace() {
    func place(_ diagnostic: Diagnostic) -> UInt64 {
      diagnostic.span.map { UInt64($0.source.rawValue) << 32 | UInt64($0.start) } ?? 0
    }
    let order = diagnostics.indices.sorted {
      (place(diagnostics[$0]), $0) < (place(diagnostics[$1]), $1)
    }
    var sorted: [Diagnostic] = []
    for index in order where sorted.last != diagnostics[index] { sorted.append(diagnostics[index]) }
    diagnostics = sorted
  }

  /// Ends the phase: throws everything found if any of it is an error.
  public func throwIfErrors() throws(DiagnosticsError) {
    if hasErrors { throw DiagnosticsError(diagnostics) }
  }
}
