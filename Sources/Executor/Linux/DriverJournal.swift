import Glibc
import Parser
import Planner

/// Which driver a device had before anything was changed.
public struct DriverRecord: Hashable, Sendable {
  /// The device.
  public let address: BDF
  /// Its driver; `nil` if it had none.
  public let driver: String?
  /// What `driver_override` said; empty if it was not set.
  public let override: String
}

/// What a journal file says.
///
/// It is complete on disk before the first driver changes, so one without its last line belongs to
/// a run that had changed nothing yet.
struct JournalText: Hashable {
  static let header = "vfioplan journal 1"
  static let trailer = "end"

  /// `/proc/sys/kernel/random/boot_id`: drivers do not outlive the boot they were changed in.
  var boot: String
  /// The process that keeps it.
  var process: Int32
  /// The devices, in the order of the program.
  var records: [DriverRecord]

  var text: String {
    var lines = [Self.header, "boot \(boot)", "process \(process)"]
    for record in records {
      lines.append(
        "device \(record.address) driver=\(record.driver ?? "") override=\(record.override)")
    }
    return (lines + [Self.trailer, ""]).joined(separator: "\n")
  }

  init(boot: String, process: Int32, records: [DriverRecord]) {
    self.boot = boot
    self.process = process
    self.records = records
  }

  /// Reads what was written; `nil` if it is not complete or not ours.
  init?(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard lines.count >= 5, lines[0] == Self.header, lines.suffix(2) == [Self.trailer, ""],
      lines[1].hasPrefix("boot "), lines[2].hasPrefix("process "),
      let process = Int32(lines[2].dropFirst("process ".count))
    else { return nil }
    boot = String(lines[1].dropFirst("boot ".count))
    self.process = process
    records = []
    for line in lines[3..<(lines.count - 2)] {
      guard let record = Self.record(line) else { return nil }
      records.append(record)
    }
  }

  private static func record(_ line: String) -> DriverRecord? {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 4, words[0] == "device", let address = BDF(String(words[1])),
      words[2].hasPrefix("driver="), words[3].hasPrefix("override=")
    else { return nil }
    let driver = String(words[2].dropFirst("driver=".count))
    let override = String(words[3].dropFirst("override=".count))
    guard [driver, override].allSatisfy({ $0.isEmpty || SysfsWrite.isSafe(driver: $0) }) else {
      return nil
    }
    return DriverRecord(
      address: address, driver: driver.isEmpty ? nil : driver, override: override)
  }
}

/// The journal of a run: what `vfioplan restore` needs if the run is killed.
///
/// A file of its own, locked for as long as the run, or the command it has started, lives.
public struct DriverJournal: Sendable {
  /// Why no journal can be kept.
  public enum Failure: Error, Hashable, Sendable {
    /// A running process has this device's drivers in its journal.
    case inUse(BDF, process: Int32)
    /// An interrupted run left this device's driver changed.
    case leftBehind(BDF)
    /// The journal cannot be written, or a device not looked at.
    case system(String, Errno)
  }

  /// Where journals are kept.
  public static let directory = "/var/lib/vfioplan"

  /// The locked file.
  public let file: Int32
  private let path: String

  /// Writes down which drivers some devices have; on disk when it returns.
  public static func begin(
    for devices: [BDF], in directory: String = directory
  ) throws(Failure) -> DriverJournal {
    let folder = try JournalFolder(directory)
    defer { folder.close() }
    try folder.refuse(devices)
    var records: [DriverRecord] = []
    for address in devices {
      let override = try failing(at: DriverLinks.device(address)) { () throws(Errno) in
        try DriverLinks.override(of: address)
      }
      records.append(
        DriverRecord(
          address: address, driver: DriverLinks.driver(of: address), override: override))
    }
    let text = JournalText(boot: bootID(), process: getpid(), records: records)
    let (file, path) = try folder.write(text.text)
    return DriverJournal(file: file, path: path)
  }

  /// Forgets the run: every driver was given back.
  public func end() throws(Errno) {
    try SystemCalls.remove(path)
    try SystemCalls.close(file)
  }

  /// Keeps the journal for `restore`: something is left.
  public func keep() throws(Errno) { try SystemCalls.close(file) }

  static func bootID() -> String {
    (try? SystemCalls.read("/proc/sys/kernel/random/boot_id")) ?? ""
  }

  /// Names what a failing call was about.
  static func failing<Value>(
    at path: String, _ call: () throws(Errno) -> Value
  ) throws(Failure) -> Value {
    do throws(Errno) { return try call() } catch { throw .system(path, error) }
  }
}

/// The folder of journals, locked, so that two runs do not both find a device free.
struct JournalFolder {
  private let path: String
  private let file: Int32

  /// A journal in the folder.
  struct Entry {
    /// Its path.
    var path: String
    /// The open file, locked unless a run is alive.
    var file: Int32
    /// Whether the run, or a command it started, is alive.
    var isRunning: Bool
    /// What it says; `nil` if it is not complete.
    var text: JournalText?
  }

  init(_ directory: String) throws(DriverJournal.Failure) {
    path = directory
    file = try DriverJournal.failing(at: directory) { () throws(Errno) in
      try SystemCalls.makeDirectories(directory)
      let file = try SystemCalls.open(directory, O_RDONLY | O_DIRECTORY)
      _ = SystemCalls.lock(file, isWaiting: true)
      return file
    }
  }

  func close() { try? SystemCalls.close(file) }

  /// Every journal, oldest number first.
  func entries() -> [Entry] {
    SystemCalls.names(in: path).filter { $0.hasSuffix(".journal") }
      .sorted { ($0.count, $0) < ($1.count, $1) }
      .compactMap { name in
        let path = "\(self.path)/\(name)"
        guard let file = try? SystemCalls.open(path, O_RDWR | O_NOFOLLOW) else { return nil }
        let text = (try? SystemCalls.readAll(file)).flatMap { JournalText($0) }
        return Entry(
          path: path, file: file, isRunning: !SystemCalls.lock(file, isWaiting: false), text: text)
      }
  }

  /// Refuses devices that another journal has.
  func refuse(_ devices: [BDF]) throws(DriverJournal.Failure) {
    let wanted = Set(devices)
    let entries = self.entries()
    defer { for entry in entries { try? SystemCalls.close(entry.file) } }
    for entry in entries {
      guard let text = entry.text, text.boot == DriverJournal.bootID() else { continue }
      guard let taken = text.records.first(where: { wanted.contains($0.address) }) else { continue }
      if entry.isRunning { throw .inUse(taken.address, process: text.process) }
      throw .leftBehind(taken.address)
    }
  }

  /// Writes a new journal and locks it.
  func write(_ text: String) throws(DriverJournal.Failure) -> (file: Int32, path: String) {
    var number = 1
    while SystemCalls.exists("\(path)/\(number).journal") { number += 1 }
    let name = "\(path)/\(number).journal"
    let journal = try DriverJournal.failing(at: name) { () throws(Errno) in
      let journal = try SystemCalls.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
      _ = SystemCalls.lock(journal, isWaiting: true)
      do throws(Errno) {
        try SystemCalls.writeAll(text, to: journal)
        try SystemCalls.synchronise(journal)
        try SystemCalls.synchronise(file)
      } catch {
        try? SystemCalls.remove(name)
        try? SystemCalls.close(journal)
        throw error
      }
      return journal
    }
    return (journal, name)
  }
}
