/// A page table of a type1 container.
final class SimulatedDomain {
  /// The class of the units it serves.
  let compatibilityClass: Int
  /// Whether it ignores no-snoop.
  let enforcesSnoop: Bool
  /// The groups on it, in the order they joined.
  var groups: [Int] = []

  /// Makes a table for the groups behind a kind of unit.
  init(compatibilityClass: Int, enforcesSnoop: Bool) {
    self.compatibilityClass = compatibilityClass
    self.enforcesSnoop = enforcesSnoop
  }
}
