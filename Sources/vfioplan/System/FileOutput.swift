import Glibc
import Parser

/// An open file that bytes are written to.
struct FileOutput {
  /// Its descriptor.
  let file: Int32

  /// Standard output.
  static let standard = FileOutput(file: STDOUT_FILENO)
  /// Standard error.
  static let error = FileOutput(file: STDERR_FILENO)

  /// Whether it is a terminal.
  var isTerminal: Bool { isatty(file) == 1 }

  /// How wide it is, in columns: what the terminal says, else `COLUMNS`, else the usual width.
  var width: Int {
    var size = winsize()
    if ioctl(file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    return Self.statedWidth
  }

  /// How wide text is where no terminal says so, in columns: `COLUMNS`, else the usual width.
  static var statedWidth: Int {
    let stated = getenv("COLUMNS").flatMap { Int(String(cString: $0)) } ?? 0
    return stated > 0 ? stated : Screen.usualWidth
  }

  /// Writes all of the bytes.
  ///
  /// A reader that went away has read enough: nothing more is written and nothing is said.
  func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      let count = Glibc.write(file, base, rest.count)
      if count > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if count == 0 {
        throw SystemError(errno: EIO)
      } else if errno == EAGAIN {
        waitUntilWritable()
      } else if errno == EPIPE {
        return
      } else if errno != EINTR {
        throw .last
      }
    }
  }

  /// Writes bytes.
  func write(_ bytes: [UInt8]) throws(SystemError) {
    let failure = bytes.withUnsafeBytes { bytes -> SystemError? in
      do throws(SystemError) { try write(bytes) } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }

  /// Writes text.
  func write(_ text: String) throws(SystemError) { try write(Array(text.utf8)) }

  /// A standard stream may be non-blocking because somebody else who has it made it so.
  private func waitUntilWritable() {
    var descriptor = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
    poll(&descriptor, 1, -1)
  }
}

extension FileOutput {
  /// What writes the contents of a file; it may be asked to do so again, from the start.
  typealias Body = (FileOutput) throws(SystemError) -> Void

  /// The rights of a new file, less the umask.
  static let rights: mode_t = 0o644

  /// Writes a file, if possible so that it has either its old contents or all of the new ones.
  ///
  /// That goes for a new name, and for a regular file that is ours, which keeps its group and mode.
  /// All else (a link, another user's file, a pipe, a device), and what the directory does not let
  /// us replace, is opened for writing as a shell's `>` does it, and the kernel decides.
  static func write(to path: String, with body: Body) throws(SystemError) {
    let entry = try DirectoryEntry(path)
    if let replacement = try FileReplacement(of: entry) {
      do throws(SystemError) {
        return try replacement.write(body)
      } catch {
        // EBUSY: it is a mount point. EEXIST: it is there by now.
        guard error.isOne(of: [EACCES, EPERM, EROFS, EBUSY, EEXIST]) else { throw error }
      }
    }
    try overwrite(entry, with: body)
  }

  /// Writes a file that is not there yet; what is at its path, be it a link, stays as it is.
  static func writeNew(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
    let entry = try DirectoryEntry(path)
    let file = try entry.open(O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
    do throws(SystemError) { try FileOutput(file: file).write(bytes) } catch {
      close(file)
      entry.remove()
      throw error
    }
    guard close(file) == 0 || errno == EINTR else { throw .last }
  }

  private static func overwrite(
    _ entry: DirectoryEntry, with body: Body
  ) throws(SystemError) {
    let following = try entry.followingFlags()
    let file = try entry.open(O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | following)
    do throws(SystemError) {
      try body(FileOutput(file: file))
    } catch {
      close(file)
      throw error
    }
    // An interrupted close has closed it.
    guard close(file) == 0 || errno == EINTR else { throw .last }
  }

  /// Whether two paths are the same existing file.
  static func isSameFile(_ path: String, _ other: String) -> Bool {
    var (one, two) = (stat(), stat())
    guard stat(path.systemName, &one) == 0, stat(other.systemName, &two) == 0 else { return false }
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino
  }
}
