import Parser
import Planner

/// Gives back what interrupted runs left behind, from their journals.
public struct DriverRestoration: Sendable {
  /// What became of one device.
  public struct Outcome: Hashable, Sendable {
    /// What the journal says of it.
    public var record: DriverRecord
    /// Why it could not be given back; `nil` if it has its driver again.
    public var errno: Errno?
  }

  /// The devices of journals whose run is gone, in the reverse order of their programs.
  public private(set) var outcomes: [Outcome] = []
  /// The processes whose runs are still going on; their devices are left alone.
  public private(set) var running: [Int32] = []
  /// How many journals were of an earlier boot, which left nothing to give back.
  public private(set) var outdatedCount = 0

  /// Whether every device has its driver again.
  public var isComplete: Bool { outcomes.allSatisfy { $0.errno == nil } }

  /// Looks at every journal and gives back what it can, going on past errors.
  ///
  /// A journal goes when all its devices are given back; doing it again is harmless.
  public static func run(
    in directory: String = DriverJournal.directory
  ) throws(DriverJournal.Failure) -> DriverRestoration {
    var restoration = DriverRestoration()
    guard SystemCalls.exists(directory) else { return restoration }
    let folder = try JournalFolder(directory)
    defer { folder.close() }
    let entries = folder.entries()
    defer { for entry in entries { try? SystemCalls.close(entry.file) } }
    for entry in entries {
      if entry.isRunning {
        restoration.running.append(entry.text?.process ?? 0)
      } else if restoration.settle(entry.text) {
        try DriverJournal.failing(at: entry.path) { () throws(Errno) in
          try SystemCalls.remove(entry.path)
        }
      }
    }
    return restoration
  }

  /// Gives a journal's devices back; says whether nothing of it is left.
  private mutating func settle(_ text: JournalText?) -> Bool {
    guard let text else { return true }
    guard text.boot == DriverJournal.bootID() else {
      outdatedCount += 1
      return true
    }
    let results = text.records.reversed().map { record in
      Outcome(record: record, errno: Self.giveBack(record))
    }
    outcomes += results
    return results.allSatisfy { $0.errno == nil }
  }

  /// Brings a device back to what its record says, whatever it is now.
  private static func giveBack(_ record: DriverRecord) -> Errno? {
    do throws(Errno) {
      let now = DriverLinks.driver(of: record.address)
      if let now, now != record.driver { try DriverLinks.unbind(record.address, from: now) }
      if try DriverLinks.override(of: record.address) != record.override {
        try DriverLinks.setOverride(of: record.address, to: record.override)
      }
      if let driver = record.driver { try DriverLinks.bind(record.address, to: driver) }
      return nil
    } catch {
      return error
    }
  }
}
