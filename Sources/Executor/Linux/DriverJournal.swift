import Glibc
import Parser
import Planner

/// The journal of a run: what `vfioplan restore` needs if the run is killed.
///
/// A file of its own, locked for as long as the run, or the command it has started, lives.
public struct DriverJournal: Sendable {
  /// Why no journal can be kept, or none be looked at.
  public enum Failure: Error, Hashable, Sendable {
    /// A running process has this device's drivers in its journal.
    case inUse(BDF, process: Int32)
    /// A VM that is not a process of ours has this device's driver in its journal.
    case owned(BDF, JournalOwner)
    /// An interrupted run left this device's driver changed.
    case leftBehind(BDF)
    /// A file in the place of a journal can't be read, so nobody knows whose devices it has.
    case unreadable(String, reason: String)
    /// The directory of journals is not ours alone.
    case untrusted(String, reason: String)
    /// A journal or its directory can't be used.
    case unusable(String, Errno)
    /// What the journal is to say can't be found out.
    case unknown(String, Errno)
    /// A signal came while another process had the lock of this directory.
    case interrupted(String)
  }

  /// What is done while another process has the lock of the journals.
  public struct Waiting {
    /// Whether to give up.
    let isInterrupted: () -> Bool
    /// Says once which directory is waited for.
    let announce: (String) -> Void

    /// Waits until `isInterrupted`, which is asked again and again.
    public init(isInterrupted: @escaping () -> Bool, announce: @escaping (String) -> Void) {
      self.isInterrupted = isInterrupted
      self.announce = announce
    }
  }

  /// Where journals are kept.
  public static let directory = "/var/lib/vfioplan"

  /// The journal, for reading, locked: the command keeps the lock after us, and can give it up for
  /// itself only.
  public let file: Int32
  private let ownFile: Int32
  private let folder: Int32
  private let name: String
  private let path: String
  private let records: [DriverRecord]

  /// Refuses devices that another run has, or has left changed, and writes down the drivers of
  /// those that are written to; on disk when it returns.
  ///
  /// `nil` if there is nothing to write down: then journals are asked if they are there, by root.
  /// Without an owner the devices are this process's.
  public static func begin(
    for writes: [SysfsWrite], of devices: [BDF], owner: JournalOwner? = nil,
    in directory: String = directory, _ waiting: Waiting
  ) throws(Failure) -> DriverJournal? {
    if writes.isEmpty {
      guard SystemCalls.isRoot,
        let folder = try JournalFolder(existing: directory, waiting)
      else { return nil }
      defer { folder.close() }
      try folder.refuse(devices)
      return nil
    }
    let folder = try JournalFolder(directory, waiting)
    defer { folder.close() }
    try folder.refuse(devices + writes.map(\.address))
    var records: [DriverRecord] = []
    for case .probe(let address, let driver) in writes {
      records.append(try record(of: address, givenTo: driver))
    }
    let text = JournalText(
      boot: try bootID(), process: getpid(), owner: owner, records: records)
    // What `restore` could not read must not be begun.
    guard (try? JournalText(text.bytes)) == text else { throw .unknown(directory, .einval) }
    return try folder.write(text)
  }

  private static func record(
    of address: BDF, givenTo driver: String
  ) throws(Failure) -> DriverRecord {
    do throws(Errno) {
      return DriverRecord(
        address: address, driver: try DriverLinks.driver(of: address),
        override: try DriverLinks.override(of: address), given: driver)
    } catch {
      throw .unknown(DriverLinks.device(address), error)
    }
  }

  /// Takes over a journal that is written, and opens it for us and for a command.
  init(
    _ name: String, of records: [DriverRecord], in folder: JournalFolder
  ) throws(Errno) {
    self.name = name
    self.records = records
    path = folder.path(of: name)
    self.folder = try SystemCalls.open(".", in: folder.file, O_RDONLY | O_DIRECTORY)
    ownFile = try Self.locked(name, in: folder.file)
    file = try Self.locked(name, in: folder.file)
  }

  private static func locked(_ name: String, in folder: Int32) throws(Errno) -> Int32 {
    let file = try SystemCalls.open(name, in: folder, O_RDONLY)
    guard try SystemCalls.lock(file, isShared: true) else { throw .eagain }
    return file
  }

  /// Gives back what is not as it was before the run, though its steps were undone: a step may
  /// fail after it had its effect.
  ///
  /// A write may take so many seconds.
  public func giveBackRest(patience: Int = 10) -> DriverRestoration {
    DriverRestoration(of: records, in: path, patience: patience)
  }

  /// Forgets the run: every driver was given back.
  public func end() throws(Failure) {
    defer { keep() }
    try Self.using(path) { () throws(Errno) in try SystemCalls.remove(name, in: folder) }
  }

  /// Keeps the journal for `restore`: something is left.
  public func keep() {
    for file in [file, ownFile, folder] { try? SystemCalls.close(file) }
  }

  static func bootID() throws(Failure) -> String {
    let path = "/proc/sys/kernel/random/boot_id"
    do throws(Errno) { return try SystemCalls.read(path) } catch { throw .unknown(path, error) }
  }

  /// Names the file that a failing call was about.
  static func using<Value>(
    _ path: String, _ call: () throws(Errno) -> Value
  ) throws(Failure) -> Value {
    do throws(Errno) { return try call() } catch { throw .unusable(path, error) }
  }
}
