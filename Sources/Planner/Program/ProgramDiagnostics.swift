import Parser

/// Every message about programs that are read instead of made.
public enum ProgramDiagnostics {
  /// Every code, by number.
  public static let all: [DiagnosticCode] = [
    programSyntax, unknownRequest, resultNotMade, resultMadeTwice, wrongMember, wrongValue,
    brokenLaw,
  ]

  static let programSyntax = DiagnosticCode(
    "VP1951", .error, "a line of a program is not a step",
    """
    A program has one step a line: 'open', 'memory', 'sysfs', 'expect', 'close' or 'ioctl', with \
    names of results before '=' where it makes some. The grammar is in docs/program-format.md; the \
    text that vfioplan prints itself always follows it.
    """)
  static let unknownRequest = DiagnosticCode(
    "VP1952", .error, "a program names a request nobody knows",
    """
    Requests are called by the kernel's own names, for the 2021 proposal by those of the mail and \
    the RFC. Only requests that vfioplan can also undo are known.
    """)
  static let resultNotMade = DiagnosticCode(
    "VP1953", .error, "a program uses a result that no earlier step makes",
    """
    Files, ids and memory are referred to by the name that the step that makes them gives. That \
    step must come first. Move the step up, or correct the name.
    """)
  static let resultMadeTwice = DiagnosticCode(
    "VP1954", .error, "a program makes two results of one name",
    """
    Every name stands for one value during the whole program, so that undoing it finds what was \
    made. Give the second result another name.
    """)
  static let wrongMember = DiagnosticCode(
    "VP1955", .error, "a request has other members than those given",
    """
    Each request takes the members of its kernel struct that a step decides, all of them, in the \
    kernel's order, and gives those that the kernel answers in. Sizes, reserved members and those \
    that never differ are filled in and not written down.
    """)
  static let wrongValue = DiagnosticCode(
    "VP1956", .error, "a value in a program is not what is expected there",
    """
    Numbers are decimal or hexadecimal with '0x' and fit 64 bits; named values are joined by '|'; \
    devices are PCI addresses; device nodes are those of a closed list.
    """)
  static let brokenLaw = DiagnosticCode(
    "VP1957", .error, "a program breaks a law that every program keeps",
    """
    Programs are checked before they run, wherever they come from: every value is made before it \
    is used, goes where its kind belongs, and can be undone; devices are bound before they \
    are attached and attached before memory is mapped; drivers change only of devices the program \
    opens. A program that was edited has to keep them, too, even where only the simulator runs it. \
    The laws are listed in docs/program-format.md.
    """)
}

extension ProgramDiagnostics {
  /// A step that breaks a law.
  public static func violation(_ violation: Violation, in program: Program) -> Diagnostic {
    let step = violation.step.flatMap {
      program.steps.indices.contains($0) ? program.steps[$0] : nil
    }
    let place = violation.step.map { "step \($0 + 1): " } ?? ""
    return Diagnostic(
      brokenLaw, place + violation.message, at: step?.origin,
      notes: [Diagnostic.Note("the law is '\(violation.law.rawValue)'")])
  }

  static func character(at span: SourceSpan) -> Diagnostic {
    Diagnostic(programSyntax, "unexpected character", at: span)
  }

  static func expected(_ what: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(programSyntax, "expected \(what)", at: span)
  }

  static func keyword(_ token: ProgramToken) -> Diagnostic {
    Diagnostic(
      programSyntax, "\(QuotedText.quote(token.text)) is not a step", at: token.span,
      help: meant(token.text, ProgramReading.keywords))
  }

  static func makesNothing(_ step: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(programSyntax, "'\(step)' makes no result", at: span)
  }

  static func makesOne(_ step: String, at span: SourceSpan) -> Diagnostic {
    Diagnostic(programSyntax, "'\(step)' makes exactly one result", at: span)
  }

  static func request(_ token: ProgramToken) -> Diagnostic {
    Diagnostic(
      unknownRequest, "there is no request \(QuotedText.quote(token.text))", at: token.span,
      help: meant(token.text, RequestRegistry.all.filter(\.isStep).map(\.name)))
  }

  static func notMade(_ token: ProgramToken, known: [String]) -> Diagnostic {
    Diagnostic(
      resultNotMade, "no earlier step makes \(QuotedText.quote("%" + token.text))", at: token.span,
      help: meant(token.text, known))
  }

  static func madeTwice(_ token: ProgramToken) -> Diagnostic {
    Diagnostic(
      resultMadeTwice, "an earlier step makes \(QuotedText.quote("%" + token.text)) already",
      at: token.span)
  }

  static func member(
    _ name: String, of request: RequestDescriptor, at span: SourceSpan
  ) -> Diagnostic {
    let all = request.operandFields.map { "\($0.name)=" }.joined(separator: " ")
    return Diagnostic(
      wrongMember, "expected '\(name)='", at: span, help: "\(request.name) takes \(all)")
  }

  static func output(_ token: ProgramToken, of request: RequestDescriptor) -> Diagnostic {
    let all = request.resultFields.map(\.name).joined(separator: ", ")
    return Diagnostic(
      wrongMember, "\(request.name) does not give \(QuotedText.quote(token.text)) here",
      at: token.span, help: "\(request.name) gives \(all.isEmpty ? "nothing" : all), in this order")
  }

  static func value(_ token: ProgramToken, expected: String = "a number") -> Diagnostic {
    Diagnostic(
      wrongValue, "expected \(expected), found \(QuotedText.quote(token.text))", at: token.span)
  }

  private static func meant(_ word: String, _ known: [String]) -> String? {
    Spelling.nearest(to: word, among: known).map { "did you mean '\($0)'?" }
  }
}
