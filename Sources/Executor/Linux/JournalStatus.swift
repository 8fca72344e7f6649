import Parser
import Planner

/// What a journal says of now: which devices are away from their drivers, and for whom.
public struct JournalStatus: Hashable, Sendable {
  /// How it stands with the run.
  public enum State: String, CaseIterable, Sendable {
    /// A process of the run is there, and holds the plan.
    case running
    /// The VM that it is of has a device open.
    case owned
    /// The VM that it is of has nothing open: it is about to start, or has ended without its hook.
    case idle
    /// The run was killed: `restore` gives its devices back.
    case interrupted
    /// It was written before the machine was restarted, which gave all drivers back.
    case outdated
    /// It was cut before anything was changed.
    case incomplete
    /// It can't be read, so nobody knows which devices it has.
    case unreadable
  }

  /// A device of the run.
  public struct Device: Hashable, Sendable {
    /// What the journal says of it.
    public let record: DriverRecord
    /// The driver that has it now; `nil` if none.
    public let now: String?
  }

  /// Where the journal is.
  public let path: String
  /// How it stands.
  public private(set) var state: State
  /// The process that wrote it; `nil` if the journal does not say.
  public private(set) var process: Int32?
  /// What has it in force: the run's process or what it left behind, or the VM's, with its name.
  public private(set) var holder: DeviceHolders.Holder?
  /// The VM that it is of, if it is not a process's.
  public private(set) var owner: JournalOwner?
  /// When it was written, in seconds since 1970; `nil` if unknown.
  public let since: Int?
  /// Its devices, in the order of the program.
  public private(set) var devices: [Device] = []
  /// Why it can't be read.
  public private(set) var reason: String?

  /// Every journal of a folder, oldest number first; nothing is changed.
  public static func all(
    in directory: String = DriverJournal.directory, _ waiting: DriverJournal.Waiting
  ) throws(DriverJournal.Failure) -> [JournalStatus] {
    guard let folder = try JournalFolder(existing: directory, waiting) else { return [] }
    defer { folder.close() }
    let entries = try folder.entries()
    defer { folder.close(entries) }
    let openFiles = OpenFiles()
    var found: [JournalStatus] = []
    for entry in entries { found.append(try JournalStatus(entry, in: folder, openFiles)) }
    return found
  }

  private init(
    _ entry: JournalFolder.Entry, in folder: JournalFolder, _ openFiles: OpenFiles
  ) throws(DriverJournal.Failure) {
    path = folder.path(of: entry.name)
    since = entry.since
    switch entry.content {
    case .unreadable(let reason):
      state = .unreadable
      self.reason = reason
    case .incomplete: state = entry.isRunning ? .running : .incomplete
    case .journal(let text):
      state = .interrupted
      (process, owner) = (text.process, text.owner)
      devices = text.records.map { Device(record: $0, now: Self.driver(of: $0.address)) }
      try settle(text, isRunning: entry.isRunning, openFiles)
    }
  }

  /// Finds out who is behind it.
  private mutating func settle(
    _ text: JournalText, isRunning: Bool, _ openFiles: OpenFiles
  ) throws(DriverJournal.Failure) {
    let path = path
    if isRunning {
      state = .running
      let holders = openFiles.holders { $0.path == path }
      holder = holders.first { $0.process == "\(text.process)" } ?? holders.first
    } else if try !text.isOfThisBoot() {
      state = .outdated
    } else if owner != nil {
      let holders = DeviceHolders(openFiles: openFiles)
      holder = text.records.lazy.compactMap { holders.holder(of: $0.address) }.first
      state = holder == nil ? .idle : .owned
    }
  }

  /// What can't be read counts as no driver.
  private static func driver(of address: BDF) -> String? {
    (try? DriverLinks.driver(of: address)) ?? nil
  }

  /// A word for a shell.
  private static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#)
      + "'"
  }

  /// The command that mends what was left; `nil` if nothing has to be mended.
  public var mending: String? {
    switch state {
    case .interrupted, .outdated, .incomplete: "vfioplan restore"
    case .idle: owner.map { "vfioplan restore --owner " + Self.quoted($0.description) }
    case .running, .owned, .unreadable: nil
    }
  }
}
