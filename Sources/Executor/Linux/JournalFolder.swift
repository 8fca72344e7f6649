import Glibc
import Parser
import Planner

/// The folder of journals, locked, so that two runs do not both find a device free.
///
/// It is ours, nobody else may write to it, and no link leads to it; so are the journals in it.
struct JournalFolder {
  /// Where it is.
  let path: String
  /// The open directory.
  let file: Int32

  /// A file in the place of a journal.
  struct Entry {
    /// What it says.
    enum Content {
      /// A journal.
      case journal(JournalText)
      /// A journal that was not finished: nothing had been changed yet.
      case incomplete
      /// Anything else, and what is wrong with it.
      case unreadable(reason: String)
    }

    /// Its name in the folder.
    var name: String
    /// The open file, locked unless a run is alive; `nil` if it was not opened.
    var file: Int32?
    /// Whether the run, or a command it started, is alive.
    var isRunning = false
    /// When it was written, in seconds since 1970; `nil` if it was not opened.
    var since: Int?
    /// What it says.
    var content: Content
  }

  /// Longer than any journal, in bytes.
  private static let maximumBytes = 16 << 20

  /// Opens and locks the folder, and makes it first if only its last part is missing.
  init(_ path: String, _ waiting: DriverJournal.Waiting) throws(DriverJournal.Failure) {
    guard let file = try Self.open(path, isMade: true) else { throw .unusable(path, .enoent) }
    self.init(path, file)
    try lock(waiting)
  }

  /// Opens and locks the folder; `nil` if there is none.
  init?(existing path: String, _ waiting: DriverJournal.Waiting) throws(DriverJournal.Failure) {
    guard let file = try Self.open(path, isMade: false) else { return nil }
    self.init(path, file)
    try lock(waiting)
  }

  private init(_ path: String, _ file: Int32) {
    self.path = path
    self.file = file
  }

  func close() { try? SystemCalls.close(file) }

  /// The path of a journal.
  func path(of name: String) -> String { "\(path)/\(name)" }

  /// Goes to a directory part by part, so that no link is followed; `nil` if it is not there.
  private static func open(
    _ path: String, isMade: Bool
  ) throws(DriverJournal.Failure) -> Int32? {
    var place = ""
    var file = try DriverJournal.using("/") { () throws(Errno) in
      try SystemCalls.open("/", SystemCalls.nameOnly | O_DIRECTORY)
    }
    let names = path.split(separator: "/").map(String.init)
    for (index, name) in names.enumerated() {
      let parent = file
      defer { try? SystemCalls.close(parent) }
      place += "/" + name
      let isLast = index == names.count - 1
      if isLast, isMade {
        try DriverJournal.using(place) { () throws(Errno) in
          try SystemCalls.makeDirectory(name, in: parent)
        }
      }
      guard
        let next = try directory(name, in: parent, isLast ? O_RDONLY : SystemCalls.nameOnly, place)
      else {
        return nil
      }
      file = next
    }
    let status = try DriverJournal.using(place) { () throws(Errno) in
      try SystemCalls.status(of: file)
    }
    guard let reason = status.objection(wanted: S_IFDIR) else { return file }
    try? SystemCalls.close(file)
    throw .untrusted(place, reason: reason)
  }

  /// Opens one part of a path; `nil` if there is nothing of that name.
  private static func directory(
    _ name: String, in parent: Int32, _ flags: Int32, _ place: String
  ) throws(DriverJournal.Failure) -> Int32? {
    do throws(Errno) {
      return try SystemCalls.open(name, in: parent, flags | O_DIRECTORY)
    } catch {
      if error == .enoent { return nil }
      let status = try? SystemCalls.status(of: name, in: parent)
      if status?.isLink == true { throw .untrusted(place, reason: "it is a symbolic link") }
      throw .unusable(place, error)
    }
  }

  private func lock(_ waiting: DriverJournal.Waiting) throws(DriverJournal.Failure) {
    var isAnnounced = false
    while true {
      let isLocked = try DriverJournal.using(path) { () throws(Errno) in
        try SystemCalls.lock(file)
      }
      if isLocked { return }
      if waiting.isInterrupted() { throw .interrupted(path) }
      if !isAnnounced { waiting.announce(path) }
      isAnnounced = true
      SystemCalls.pause()
    }
  }
}

extension JournalFolder {
  /// Every file in the place of a journal, oldest number first.
  func entries() throws(DriverJournal.Failure) -> [Entry] {
    let names = try DriverJournal.using(path) { () throws(Errno) in
      try SystemCalls.names(in: file).filter { $0.hasSuffix(".journal") }
        .sorted { ($0.count, $0) < ($1.count, $1) }
    }
    var entries: [Entry] = []
    for name in names {
      do throws(Errno) {
        if let entry = try entry(name) { entries.append(entry) }
      } catch {
        // A run that ends takes its journal away without the folder's lock.
        if error == .enoent { continue }
        entries.append(Entry(name: name, content: .unreadable(reason: error.description)))
      }
    }
    return entries
  }

  /// Looks at a file; `nil` if it was taken away meanwhile.
  private func entry(_ name: String) throws(Errno) -> Entry? {
    // Before it is opened: not every file can be without a trace.
    if let reason = try SystemCalls.status(of: name, in: file).objection(wanted: S_IFREG) {
      return Entry(name: name, content: .unreadable(reason: reason))
    }
    let journal = try SystemCalls.open(name, in: file, O_RDONLY)
    do throws(Errno) {
      let status = try SystemCalls.status(of: journal)
      if status.isRemoved {
        try SystemCalls.close(journal)
        return nil
      }
      let isRunning = try !SystemCalls.lock(journal)
      return Entry(
        name: name, file: journal, isRunning: isRunning, since: status.changed,
        content: try content(of: journal, status))
    } catch {
      try? SystemCalls.close(journal)
      throw error
    }
  }

  private func content(
    of journal: Int32, _ status: SystemCalls.FileStatus
  ) throws(Errno) -> Entry.Content {
    if let reason = status.objection(wanted: S_IFREG) { return .unreadable(reason: reason) }
    guard status.size <= Self.maximumBytes else {
      return .unreadable(reason: "it is larger than 16 MiB")
    }
    let bytes = try SystemCalls.read(journal, at: 0, count: status.size)
    guard bytes.count == status.size else { throw .eio }
    do throws(JournalText.Flaw) {
      return .journal(try JournalText(bytes))
    } catch {
      return error == .incomplete
        ? .incomplete : .unreadable(reason: "it is not in the form of a journal")
    }
  }

  /// Refuses devices that another journal has, and any if there is one that can't be read: nobody
  /// knows which devices it has.
  func refuse(_ devices: [BDF]) throws(DriverJournal.Failure) {
    let wanted = Set(devices)
    let entries = try entries()
    defer { close(entries) }
    for entry in entries {
      guard case .journal(let text) = entry.content else { continue }
      guard let taken = text.records.first(where: { wanted.contains($0.address) }) else { continue }
      if entry.isRunning { throw .inUse(taken.address, process: text.process) }
      guard try text.isOfThisBoot() else { continue }
      throw text.owner.map { .owned(taken.address, $0) } ?? .leftBehind(taken.address)
    }
    for entry in entries {
      guard case .unreadable(let reason) = entry.content, !wanted.isEmpty else { continue }
      throw .unreadable(path(of: entry.name), reason: reason)
    }
  }

  func close(_ entries: [Entry]) {
    for case let file? in entries.map(\.file) { try? SystemCalls.close(file) }
  }

  /// Writes a new journal, locked; on disk when it returns.
  func write(_ text: JournalText) throws(DriverJournal.Failure) -> DriverJournal {
    var number = 1
    while true {
      let name = "\(number).journal"
      do throws(Errno) {
        return try write(text, as: name)
      } catch {
        if error != .eexist { throw .unusable(path(of: name), error) }
      }
      number += 1
    }
  }

  private func write(_ text: JournalText, as name: String) throws(Errno) -> DriverJournal {
    let made = try SystemCalls.open(name, in: file, O_WRONLY | O_CREAT | O_EXCL)
    defer { try? SystemCalls.close(made) }
    do throws(Errno) {
      try SystemCalls.writeAll(text.bytes, to: made)
      try SystemCalls.synchronise(made)
      try SystemCalls.synchronise(file)
      return try DriverJournal(name, of: text.records, in: self)
    } catch {
      try? SystemCalls.remove(name, in: file)
      throw error
    }
  }
}

extension JournalText {
  /// Whether what it says still matters; one that doesn't know its boot, from a machine without
  /// `/proc`, may.
  func isOfThisBoot() throws(DriverJournal.Failure) -> Bool {
    let current = try DriverJournal.bootID()
    return boot.isEmpty || boot == current
  }
}
