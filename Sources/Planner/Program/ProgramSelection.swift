extension Program {
  /// The steps a condition holds for, as far as what they use is made by such steps, too.
  ///
  /// What depends on a step that is left out is left out with it; what is left is numbered anew, so
  /// that a lawful program gives a lawful one unless a law wants a step that is gone.
  public func keeping(_ isKept: (Step) -> Bool) -> Program {
    var selection = ProgramSelection(results)
    for step in steps where isKept(step) { selection.keep(step) }
    return selection.program
  }
}

/// The part of a program that was kept so far.
private struct ProgramSelection {
  private(set) var program = Program()
  private let results: [ResultDefinition]
  /// The new number of each result; `nil` if nothing that was kept makes it.
  private var numbers: [ResultID?]

  init(_ results: [ResultDefinition]) {
    self.results = results
    numbers = [ResultID?](repeating: nil, count: results.count)
  }

  /// Keeps a step if all that it uses is there.
  mutating func keep(_ step: Step) {
    guard let action = renumbered(step.action) else { return }
    program.steps.append(Step(action, origin: step.origin))
  }

  private mutating func renumbered(_ action: Action) -> Action? {
    action.mapResults(used: { number(of: $0) }, made: { define($0) })
  }

  private func number(of id: ResultID) -> ResultID? { numbers[Int(id.index)] }

  private mutating func define(_ id: ResultID) -> ResultID {
    let new = ResultID(Int32(program.results.count))
    program.results.append(results[Int(id.index)])
    numbers[Int(id.index)] = new
    return new
  }
}
