import Parser

/// An ordered list of steps; a pure value, complete before anything is touched.
///
/// Made by `ProgramBuilder`, or read from text or a saved plan and then checked by
/// `ProgramVerifier`. What undoes a step is not stored: it follows from the step's descriptor.
public struct Program: Hashable, Sendable {
  /// The steps, in the order they run.
  public var steps: [Step]
  /// Every value the steps make, in the order they are made.
  public var results: [ResultDefinition]

  /// Makes a program from its parts, unchecked.
  public init(steps: [Step] = [], results: [ResultDefinition] = []) {
    self.steps = steps
    self.results = results
  }

  /// The changes of drivers, in order.
  public var driverChanges: [SysfsWrite] { steps.compactMap(\.action.driverChange) }

  /// The devices whose drivers it changes.
  public var devicesWithChangedDriver: Set<BDF> {
    Set(driverChanges.lazy.map(\.address))
  }

  /// Whether two programs do the same under the same names, wherever they were written down.
  package func hasSameActions(as other: Program) -> Bool {
    results == other.results
      && steps.elementsEqual(other.steps) { $0.action == $1.action }
  }
}
