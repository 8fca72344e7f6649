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

  /// A fact that a finding rests on and that nobody knows; the raw value is its word in JSON.
  public enum OpenFact: String, CaseIterable, Hashable, Sendable {
    /// Whether a device can no-snoop.
    case canNoSnoop
    /// Whether an IOMMU can enforce snoop.
    case canEnforceSnoop
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
  /// The facts that it rests on and that are not known: were they, it might not hold.
  public private(set) var unknown: [OpenFact] = []
  /// How many more of its kind were found and left out; see `DiagnosticSink.report`.
  public fileprivate(set) var omitted = 0

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

  /// The same finding, which would not hold if facts turned out otherwise than counted.
  public func resting(on unknown: [OpenFact]) -> Diagnostic {
    var other = self
    other.unknown = unknown
    return other
  }

  /// The same finding, which stands for a number of others of its kind, too.
  public func omitting(_ more: Int) -> Diagnostic {
    var other = self
    other.omitted += more
    return other
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
  /// How many findings of a kind are kept; nobody reads more of them at once.
  package static let maximumOfAKind = 20

  /// Findings that say the same of different places in a file.
  private struct Kind: Hashable {
    var code: String
    var severity: Severity
    var source: SourceID?
  }

  /// What was reported so far, in order of report.
  public private(set) var diagnostics: [Diagnostic] = []
  /// Where those of each kind are.
  private var kept: [Kind: [Int]] = [:]
  /// Whether one of them is an error.
  public private(set) var hasErrors = false

  /// Makes an empty sink.
  public init() {}

  /// Takes findings by file and place: those about no file come last, those of one place stay in
  /// their order.
  init(sorting diagnostics: [Diagnostic]) {
    func place(_ diagnostic: Diagnostic) -> UInt64 {
      diagnostic.span.map { UInt64($0.source.rawValue) << 32 | UInt64($0.start) } ?? .max
    }
    report(diagnostics.sorted { place($0) < place($1) })
  }

  /// Adds a finding.
  ///
  /// Of too many of a kind the first ones are kept, and the last of these says how many more there
  /// are: what is found does not outgrow what it is found in. A finding that is kept already is
  /// dropped: what an alias stands for is read each time.
  public mutating func report(_ diagnostic: Diagnostic) {
    if diagnostic.severity == .error { hasErrors = true }
    let kind = Kind(
      code: diagnostic.code.name, severity: diagnostic.severity, source: diagnostic.span?.source)
    var added = diagnostic
    if let known = kept[kind], let last = known.last {
      let isRepeated = known.contains { isRepetition(diagnostic, of: diagnostics[$0]) }
      guard !isRepeated, known.count < Self.maximumOfAKind else {
        diagnostics[last].omitted += diagnostic.omitted + (isRepeated ? 0 : 1)
        return
      }
      added.omitted += diagnostics[last].omitted
      diagnostics[last].omitted = 0
    }
    kept[kind, default: []].append(diagnostics.count)
    diagnostics.append(added)
  }

  private func isRepetition(_ one: Diagnostic, of other: Diagnostic) -> Bool {
    one.span != nil && one.span == other.span && one.message == other.message
      && one.notes == other.notes
  }

  /// Adds findings.
  public mutating func report(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics { report(diagnostic) }
  }

  /// Adds the finding that ends a phase at once; the result is to be thrown.
  public mutating func stop(_ diagnostic: Diagnostic) -> DiagnosticsError {
    report(diagnostic)
    return DiagnosticsError(diagnostics)
  }

  /// Puts findings into their order, the only one there is.
  public mutating func sort() { self = DiagnosticSink(sorting: diagnostics) }

  /// Ends the phase: throws everything found if any of it is an error.
  public func throwIfErrors() throws(DiagnosticsError) {
    if hasErrors { throw DiagnosticsError(diagnostics) }
  }
}
