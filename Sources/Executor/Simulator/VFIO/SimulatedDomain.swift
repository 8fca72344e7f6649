/// A page table of a type1 container.
final class SimulatedDomain {
  /// The unit it was made for.
  let unit: SimulatedUnit
  /// Whether it ignores no-snoop.
  let enforcesSnoop: Bool
  /// What type1 says of that: before 5.19 what the bus answers (§7.10).
  let isCoherent: Bool
  /// The groups on it, in the order they joined.
  var groups: [Int] = []

  /// Makes a table for the groups behind a unit.
  init(for unit: SimulatedUnit, enforcesSnoop: Bool, isCoherent: Bool) {
    self.unit = unit
    self.enforcesSnoop = enforcesSnoop
    self.isCoherent = isCoherent
  }

  /// Whether it takes the devices of a group behind some units: made by the same driver, and as
  /// coherent as the table that would be made for them (§3.6).
  func takes(_ units: [SimulatedUnit], like new: SimulatedDomain, by facts: SimulatedRelease)
    -> Bool
  {
    isCoherent == new.isCoherent && enforcesSnoop == new.enforcesSnoop
      && units.allSatisfy { unit in
        // The container has looked whether its mappings fit by now.
        unit.takes(
          tableOf: self.unit, mappedUpTo: nil, isFirstStage: self.unit.prefersFirstStage,
          by: facts)
      }
  }
}

extension SimulatedHost {
  /// A new page table of type1 for devices behind some units, of which the first one decides.
  ///
  /// From 5.19 on it enforces if it can for all of them; before, the bus is asked: Intel's answers
  /// for all its units together, AMD's yes, and Arm's, too, where it is not true (§7.10).
  func newDomain(for members: [SimulatedUnit], first: SimulatedUnit) -> SimulatedDomain {
    let isEnforceable = members.allSatisfy(\.canEnforceSnoop)
    if facts.has(.type1EnforcesByTable) {
      return SimulatedDomain(for: first, enforcesSnoop: isEnforceable, isCoherent: isEnforceable)
    }
    let answer =
      switch first.family {
      case .intel: units.filter(\.isIntel).allSatisfy(\.canEnforceSnoop)
      case .arm: true
      default: isEnforceable
      }
    return SimulatedDomain(
      for: first, enforcesSnoop: answer && isEnforceable, isCoherent: answer)
  }
}
