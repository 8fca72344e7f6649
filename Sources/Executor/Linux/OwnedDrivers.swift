import Parser
import Planner

/// Changes drivers for a VM that some other program starts, and leaves them so.
public enum OwnedDrivers {
  /// Why a VM's devices did not get their drivers.
  public enum Failure: Error, Hashable, Sendable {
    /// No journal can be kept, or a device is not free.
    case journal(DriverJournal.Failure)
    /// A write failed; what was changed before was given back, but for what is left, and for what
    /// the kernel does with a driver that does not let go.
    case write(SysfsWrite, Errno, left: DriverRestoration, isStuck: Bool)
  }

  /// Makes writes in their order, written down before in a journal that is the owner's; all of
  /// them or, as far as that is possible, none.
  ///
  /// Devices of other runs and VMs are refused. A write may take so many seconds.
  public static func take(
    _ writes: [SysfsWrite], of devices: [BDF], for owner: JournalOwner, patience: Int = 10,
    _ waiting: DriverJournal.Waiting
  ) throws(Failure) {
    guard let journal = try begin(writes, devices, owner, waiting) else { return }
    let kernel = LinuxKernel(patience: patience)
    kernel.journal = journal.file
    var made: [SysfsWrite] = []
    for write in writes {
      do throws(Errno) {
        try kernel.write(write)
        made.append(write)
      } catch {
        for write in made.reversed() { try? kernel.revert(write) }
        let left = settled(journal, kernel, patience)
        throw .write(write, error, left: left, isStuck: !kernel.stuck.isEmpty)
      }
    }
    journal.keep()
  }

  private static func begin(
    _ writes: [SysfsWrite], _ devices: [BDF], _ owner: JournalOwner,
    _ waiting: DriverJournal.Waiting
  ) throws(Failure) -> DriverJournal? {
    do throws(DriverJournal.Failure) {
      return try DriverJournal.begin(for: writes, of: devices, owner: owner, waiting)
    } catch {
      throw .journal(error)
    }
  }

  /// Gives back what the undone writes have left, and ends the journal if that is nothing.
  private static func settled(
    _ journal: DriverJournal, _ kernel: LinuxKernel, _ patience: Int
  ) -> DriverRestoration {
    let rest = journal.giveBackRest(patience: patience)
    guard rest.isComplete, kernel.stuck.isEmpty else {
      journal.keep()
      return rest
    }
    try? journal.end()
    return rest
  }
}
