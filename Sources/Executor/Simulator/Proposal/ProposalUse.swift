import Planner

extension Program {
  /// Whether it is for the proposal of 2021, which no kernel has.
  public var usesProposal: Bool {
    steps.contains { step in
      if case .open(let path, _) = step.action { path.isProposalOnly } else { false }
    }
  }
}
