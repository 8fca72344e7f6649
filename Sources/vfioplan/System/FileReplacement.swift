import CLinux
import Glibc
import Parser

/// A file that gets its contents before its name, so that nobody ever sees a part of it.
struct FileReplacement {
  private let entry: DirectoryEntry
  /// The file whose place it takes, and whose group and mode; `nil` for a new name.
  private let former: stat?

  /// `nil` if what is there is not simply ours: a link, another user's file, one that has several
  /// names or an access control list or may not be written, anything but a regular file.
  init?(of entry: DirectoryEntry) throws(SystemError) {
    self.entry = entry
    guard let status = try entry.status() else {
      former = nil
      return
    }
    guard let former = Self.ownFile(entry, status) else { return nil }
    self.former = former
  }

  private static func ownFile(_ entry: DirectoryEntry, _ status: stat) -> stat? {
    // Only regular files are opened: opening others may have effects.
    guard status.st_mode & S_IFMT == S_IFREG,
      let file = try? entry.open(O_WRONLY | O_NOFOLLOW | O_NONBLOCK)
    else { return nil }
    defer { close(file) }
    var opened = stat()
    guard fstat(file, &opened) == 0, opened.st_mode & S_IFMT == S_IFREG,
      opened.st_uid == geteuid(), opened.st_nlink == 1,
      // The group's bits of its mode are not the group's rights then (acl(5)).
      fgetxattr(file, "system.posix_acl_access", nil, 0) < 0
    else { return nil }
    return opened
  }

  /// Writes the file and gives it its name; throws with nothing changed and nothing left.
  ///
  /// A signal may end the process at any time, save while the file has a name that is not its own.
  func write(_ body: FileOutput.Body) throws(SystemError) {
    if let file = try unnamedFile() {
      defer { close(file) }
      try fill(file, body)
      if try named(file) { return }
    }
    try Signals.heldBack { () throws(SystemError) in try writeBeside(body) }
  }

  /// A file without a name; `nil` where the file system has none.
  private func unnamedFile() throws(SystemError) -> Int32? {
    do throws(SystemError) {
      let flags = OPEN_UNNAMED | O_WRONLY | O_CLOEXEC
      return Int32(
        try retrying { Int(openat(entry.directory, ".", flags, FileOutput.rights)) })
    } catch {
      if error.isOne(of: [EOPNOTSUPP, EISDIR, EINVAL]) { return nil }
      throw error
    }
  }

  /// Writes the contents, with the rights they are to have, to disk.
  private func fill(_ file: Int32, _ body: FileOutput.Body) throws(SystemError) {
    try takeRights(file)
    try body(FileOutput(file: file))
    _ = try retrying { Int(fsync(file)) }
  }

  /// The contents of a setuid file are somebody else's now: only the rights to it are taken over.
  private func takeRights(_ file: Int32) throws(SystemError) {
    guard let former else { return }
    var made = stat()
    _ = try retrying { Int(fstat(file, &made)) }
    if made.st_gid != former.st_gid {
      _ = try retrying { Int(fchown(file, .max, former.st_gid)) }
    }
    if (made.st_mode ^ former.st_mode) & 0o777 != 0 {
      _ = try retrying { Int(fchmod(file, former.st_mode & 0o777)) }
    }
  }

  /// Gives a file without a name its own; says whether the file system and the process can do that.
  private func named(_ file: Int32) throws(SystemError) -> Bool {
    if former == nil { return try link(file, as: entry.name) }
    var isLinked = false
    // No call replaces a file by one without a name, so for a moment it has another.
    try Signals.heldBack { () throws(SystemError) in
      let name = Self.temporaryName()
      isLinked = try link(file, as: name)
      if isLinked { try move(name) }
    }
    return isLinked
  }

  private func link(_ file: Int32, as name: [CChar]) throws(SystemError) -> Bool {
    if linkat(file, "", entry.directory, name, LINK_OPEN_FILE) == 0 { return true }
    // Without CAP_DAC_READ_SEARCH it takes /proc, before Linux 6.10.
    let link = "/proc/self/fd/\(file)"
    if linkat(AT_FDCWD, link, entry.directory, name, AT_SYMLINK_FOLLOW) == 0 { return true }
    if errno == EEXIST { throw .last }
    return false
  }

  /// Writes the file under a name of its own first.
  private func writeBeside(_ body: FileOutput.Body) throws(SystemError) {
    let name = Self.temporaryName()
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let file = Int32(
      try retrying { Int(openat(entry.directory, name, flags, FileOutput.rights)) })
    defer { close(file) }
    do throws(SystemError) {
      try fill(file, body)
    } catch {
      unlinkat(entry.directory, name, 0)
      throw error
    }
    try move(name)
  }

  private func move(_ name: [CChar]) throws(SystemError) {
    guard renameat(entry.directory, name, entry.directory, entry.name) != 0 else { return }
    let error = SystemError.last
    unlinkat(entry.directory, name, 0)
    throw error
  }

  private static func temporaryName() -> [CChar] {
    Array((".vfioplan." + hexDigits(.random(in: 0...(.max)))).utf8CString)
  }
}
