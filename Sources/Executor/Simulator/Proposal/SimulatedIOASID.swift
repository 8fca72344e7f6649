/// A page table of the 2021 proposal: one address space in one format.
final class SimulatedIOASID {
  /// Its number.
  let id: UInt32
  /// Whether it ignores no-snoop, as the flag of `IOASID_ALLOC` says.
  let enforcesSnoop: Bool
  /// What is mapped.
  var areas = SimulatedAreas()
  /// Ranges the attached devices reserve.
  var reserved = ReservedRanges()
  /// The unit of the first attached device; what is attached later must be compatible with it.
  var unit: SimulatedUnit?
  /// How many devices are attached.
  var attachedDevices = 0
  /// How many devices of the attached groups are bound to the same ioasid fd.
  var expectedDevices = 0

  /// Makes an empty table.
  init(id: UInt32, enforcesSnoop: Bool) {
    self.id = id
    self.enforcesSnoop = enforcesSnoop
  }

  /// Whether it takes commands: something is attached, and every group as a whole.
  var acceptsCommands: Bool { attachedDevices > 0 && attachedDevices == expectedDevices }

  /// Whether it takes the devices behind a unit: any may join a table that does not enforce.
  func admits(_ unit: SimulatedUnit) -> Bool {
    if let present = self.unit, present.compatibilityClass != unit.compatibilityClass {
      return false
    }
    return CoherencyModel.admits(unit, tableEnforces: enforcesSnoop)
  }
}
