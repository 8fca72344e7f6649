import Glibc
import Planner

/// What the journal needs of the file system: by open directories, and never through a link.
extension SystemCalls {
  /// What is known of an open file or a name.
  struct FileStatus {
    fileprivate let status: stat

    /// Why it can't be trusted as one of our own that nobody else changes; `nil` if it can.
    func objection(wanted: mode_t) -> String? {
      if isLink { return "it is a symbolic link" }
      if kind != wanted {
        return wanted == S_IFDIR ? "it is not a directory" : "it is not a regular file"
      }
      if status.st_uid != geteuid() { return "it belongs to another user" }
      if status.st_mode & 0o022 != 0 { return "others than its owner can write to it" }
      if wanted == S_IFREG, status.st_nlink > 1 { return "it has another name as well" }
      return nil
    }

    /// Whether it is a symbolic link.
    var isLink: Bool { kind == S_IFLNK }
    /// Whether no name leads to it any more.
    var isRemoved: Bool { status.st_nlink == 0 }
    /// Its length in bytes.
    var size: Int { Int(status.st_size) }
    /// When it was last written to, in seconds since 1970.
    var changed: Int { status.st_mtim.tv_sec }
    /// `S_IFREG` and the like.
    private var kind: mode_t { status.st_mode & S_IFMT }
  }

  /// Whether the process has the rights of root over this machine's files.
  static var isRoot: Bool { geteuid() == 0 }

  /// Opens a name in an open directory, not through a link, close-on-exec.
  ///
  /// What is made is for its owner alone. Waits for nobody at the other end of a pipe.
  static func open(
    _ name: String, in directory: Int32, _ flags: Int32
  ) throws(Errno) -> Int32 {
    let flags = flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    return try repeating { openat(directory, name, flags, 0o600) }
  }

  /// What a name in an open directory stands for; of a link the link itself.
  static func status(of name: String, in directory: Int32) throws(Errno) -> FileStatus {
    var status = stat()
    _ = try repeating { fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) }
    return FileStatus(status: status)
  }

  /// What an open file is.
  static func status(of file: Int32) throws(Errno) -> FileStatus {
    var status = stat()
    _ = try repeating { fstat(file, &status) }
    return FileStatus(status: status)
  }

  /// Makes a directory for its owner alone, unless there is something of that name.
  static func makeDirectory(_ name: String, in directory: Int32) throws(Errno) {
    do throws(Errno) {
      _ = try repeating { mkdirat(directory, name, 0o700) }
    } catch {
      if error != .eexist { throw error }
    }
  }

  /// Removes a name in an open directory.
  static func remove(_ name: String, in directory: Int32) throws(Errno) {
    _ = try repeating { unlinkat(directory, name, 0) }
  }

  /// The names in an open directory, in order of bytes.
  static func names(in directory: Int32) throws(Errno) -> [String] {
    guard let stream = fdopendir(try open(".", in: directory, O_RDONLY | O_DIRECTORY)) else {
      throw Errno(rawValue: errno)
    }
    defer { closedir(stream) }
    return try names(of: stream).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Takes a file's lock without waiting, alone or with others; says whether it could be had.
  ///
  /// It goes with the last descriptor of this opening of the file.
  static func lock(_ file: Int32, isShared: Bool = false) throws(Errno) -> Bool {
    do throws(Errno) {
      _ = try repeating { flock(file, (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB) }
      return true
    } catch {
      if error == .eagain { return false }
      throw error
    }
  }

  /// Lets a little time pass; signals do not end it.
  static func pause() { usleep(50_000) }

  /// Writes bytes as a whole.
  static func writeAll(_ bytes: [UInt8], to file: Int32) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let count = try repeating {
        bytes[done...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      }
      if count == 0 { throw .enospc }
      done += count
    }
  }

  /// Waits until a file is on disk.
  static func synchronise(_ file: Int32) throws(Errno) { _ = try repeating { fsync(file) } }
}
