import Planner

extension Program {
  /// Whether it is for the proposal of 2021, which no kernel has.
  public var usesProposal: Bool {
    steps.contains { step in
      if case .open(.ioasid, _) = step.action { true } else { false }
    }
  }
}
