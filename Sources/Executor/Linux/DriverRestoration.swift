import Glibc
import Parser
import Planner

/// Gives back what interrupted runs left behind, from their journals.
public struct DriverRestoration: Hashable, Sendable {
  /// Why a device is left as it is.
  enum Obstacle: Hashable, Sendable {
    /// A call failed.
    case failed(Errno)
    /// A driver has it that the run did not give it to.
    case driver(String)
    /// Its override is neither the run's nor what it was.
    case override([UInt8])
    /// A process has it, or another one of its group, open.
    case held(DeviceHolders.Holder)
    /// Its group is in use, by a process that can't be seen.
    case groupInUse
  }

  /// What became of one device.
  public struct Outcome: Hashable, Sendable {
    /// What the journal says of it.
    public let record: DriverRecord
    /// The path of the journal.
    let journal: String
    /// Why it could not be given back; `nil` if it has its driver again.
    let obstacle: Obstacle?

    /// Whether it has its driver again.
    public var isGivenBack: Bool { obstacle == nil }
  }

  /// A run, or an owner, whose journal is in use.
  public struct Running: Hashable, Sendable {
    /// The process of the run.
    public let process: Int32
    /// Whose the devices are, if not that process's.
    var owner: JournalOwner?
    /// What the run has left behind, being gone itself; `nil` if the run is alive, or nothing can
    /// be seen.
    ///
    /// That is its command, or a write to a driver that still waits; of an owner what has one of
    /// its devices open.
    let rest: DeviceHolders.Holder?

    /// What is said of it.
    public var text: String {
      if let owner, let rest {
        return "\(owner.text) has its devices open, in \(rest.text): they stay"
      }
      guard let rest else { return "process \(process) is still running, its devices stay" }
      return "process \(process) has ended, but \(rest.text) of its run is still there, as a "
        + "command or waiting for a driver: its devices stay"
    }
  }

  /// The devices of journals whose run is gone, in the reverse order of their programs.
  public private(set) var outcomes: [Outcome] = []
  /// The runs that are still going on, or have left something behind; their devices are left alone.
  public private(set) var running: [Running] = []
  /// How many journals were of an earlier boot, which left nothing to give back.
  public private(set) var outdatedCount = 0
  /// Why nothing is known of some journals, or why they could not be removed.
  private(set) var failures: [DriverJournal.Failure] = []

  /// Whether every device has its driver again, as far as journals tell.
  public var isComplete: Bool { failures.isEmpty && outcomes.allSatisfy(\.isGivenBack) }

  /// Whether this process may restore at all: that needs root.
  public static var isPermitted: Bool { SystemCalls.isRoot }

  private init() {}

  /// Gives back the devices of one journal, last one first.
  ///
  /// A write may take so many seconds.
  init(of records: [DriverRecord], in journal: String, patience: Int = DriverLinks.patience) {
    outcomes = records.reversed().map { record in
      Outcome(record: record, journal: journal, obstacle: Self.giveBack(record, patience))
    }
  }

  /// Looks at every journal and gives back what it can, going on past errors.
  ///
  /// A journal goes when all its devices are given back; doing it again is harmless. A write to a
  /// driver may take so many seconds. If owners are meant, only their journals are looked at, and
  /// their VMs count as gone.
  public static func run(
    in directory: String = DriverJournal.directory, patience: Int = 10,
    owner isMeant: ((JournalOwner) -> Bool)? = nil, _ waiting: DriverJournal.Waiting
  ) throws(DriverJournal.Failure) -> DriverRestoration {
    var restoration = DriverRestoration()
    guard let folder = try JournalFolder(existing: directory, waiting) else { return restoration }
    defer { folder.close() }
    let entries = try folder.entries()
    defer { folder.close(entries) }
    for entry in entries {
      do throws(DriverJournal.Failure) {
        guard try restoration.settle(entry, in: folder, patience, isMeant) else { continue }
        try DriverJournal.using(folder.path(of: entry.name)) { () throws(Errno) in
          try SystemCalls.remove(entry.name, in: folder.file)
        }
      } catch {
        restoration.failures.append(error)
      }
    }
    return restoration
  }

  /// Gives a journal's devices back; says whether the journal is of no more use.
  private mutating func settle(
    _ entry: JournalFolder.Entry, in folder: JournalFolder, _ patience: Int,
    _ isMeant: ((JournalOwner) -> Bool)?
  ) throws(DriverJournal.Failure) -> Bool {
    let path = folder.path(of: entry.name)
    switch entry.content {
    case .unreadable where isMeant != nil: return false
    case .unreadable(let reason): throw .unreadable(path, reason: reason)
    case .incomplete: return !entry.isRunning
    case .journal(let text):
      if let isMeant, text.owner.map(isMeant) != true { return false }
      if entry.isRunning {
        running.append(Self.running(text.process, path))
        return false
      }
      guard try text.isOfThisBoot() else {
        outdatedCount += 1
        return true
      }
      if isMeant == nil, let present = Self.presence(of: text) {
        running.append(present)
        return false
      }
      let own = DriverRestoration(of: text.records, in: path, patience: patience)
      outcomes += own.outcomes
      return own.isComplete
    }
  }

  /// Who uses a journal: a run, or what is left of it and has the journal open.
  private static func running(_ process: Int32, _ journal: String) -> Running {
    let holders = OpenFiles().holders { $0.path == journal }
    let isAlive = holders.contains { $0.process == "\(process)" }
    return Running(process: process, rest: isAlive ? nil : holders.first)
  }

  /// An owner that is there: a process has one of its devices open, itself or one of its group.
  private static func presence(of text: JournalText) -> Running? {
    guard let owner = text.owner else { return nil }
    let holders = DeviceHolders()
    let holder = text.records.lazy.compactMap { holders.holder(of: $0.address) }.first
    return holder.map { Running(process: text.process, owner: owner, rest: $0) }
  }

  /// Brings a device back to what its record says, if the run, and nobody since, has changed it.
  private static func giveBack(_ record: DriverRecord, _ patience: Int) -> Obstacle? {
    let address = record.address
    do throws(Errno) {
      let driver = try DriverLinks.driver(of: address)
      let override = try DriverLinks.override(of: address)
      if driver == record.driver, override == record.override { return nil }
      if let obstacle = record.change(to: driver, override) { return obstacle }
      if let user = try user(of: address, of: driver) { return user }
      if let driver, driver != record.driver {
        try DriverLinks.unbind(address, from: driver, within: patience)
      }
      if override != record.override {
        try DriverLinks.setOverride(of: address, to: record.override, within: patience)
      }
      if let driver = record.driver {
        try DriverLinks.bind(address, to: driver, within: patience)
      }
      return nil
    } catch {
      return .failed(error)
    }
  }

  /// What uses a device, so that its driver would wait or the user lose it.
  private static func user(of address: BDF, of driver: String?) throws(Errno) -> Obstacle? {
    if let holder = DeviceHolders().holder(of: address) { return .held(holder) }
    guard let driver, VFIODriver.isVFIO(driver),
      let group = try SystemCalls.linkTarget(DriverLinks.device(address) + "/iommu_group")
    else { return nil }
    do throws(Errno) {
      // One user opens a group; a file of a device keeps it open (vfio_group_fops_open).
      try SystemCalls.close(try SystemCalls.open("/dev/vfio/" + group, O_RDWR | O_NONBLOCK))
      return nil
    } catch {
      return error == .ebusy ? .groupInUse : nil
    }
  }
}

extension DriverRecord {
  /// What somebody else has made of the device since the run: what it has is neither what the run
  /// gave it, nor what it had, nor what is between them.
  fileprivate func change(
    to present: String?, _ override: [UInt8]
  ) -> DriverRestoration.Obstacle? {
    if let present, present != driver, !isGiven(to: present) { return .driver(present) }
    let name = String(decoding: override, as: UTF8.self)
    let isOurs =
      override.isEmpty || override == self.override || name == driver || isGiven(to: name)
    return isOurs ? nil : .override(override)
  }
}
