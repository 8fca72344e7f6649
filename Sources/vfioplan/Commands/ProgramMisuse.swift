import Parser

/// What a program on its own can't be used for.
struct ProgramMisuse {
  fileprivate let message: String
  fileprivate var notes: [Diagnostic.Note] = []
  fileprivate let help: String

  /// There is nothing to compile.
  static let compiledAlready = ProgramMisuse(
    message: "a program is compiled already",
    help: "compile its description again; 'apply --simulate' runs the program")
  /// No kernel is to see it, nor what would run beside it there.
  static let kernel = ProgramMisuse(
    message: "a program on its own goes to no kernel, command or VMM",
    notes: [.init("the laws of programs are checked, but no description says what it is for")],
    help: "use --simulate, or --dry-run by itself; for the rest take a description or a saved plan")
  /// JSON is the form of plans.
  static let listedAsJSON = ProgramMisuse(
    message: "a program on its own is not listed as JSON",
    help: "leave out --format; 'compile --format json' writes a plan")
}

extension CommandFailure {
  /// A program was given where only a description or a plan will do; shown at its first step.
  static func programAlone(_ misuse: ProgramMisuse, _ inputs: Inputs) -> CommandFailure {
    var first: SourceSpan?
    if case .program(let program) = inputs.document { first = program.steps.first?.origin }
    let finding = Diagnostic(
      CommandDiagnostics.programAlone, misuse.message, at: first, notes: misuse.notes,
      help: misuse.help)
    return CommandFailure([finding], .wrongUsage, files: inputs.files)
  }
}
