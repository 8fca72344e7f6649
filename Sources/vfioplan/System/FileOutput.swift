import Glibc

/// An open file that bytes are written to.
struct FileOutput {
  private let file: Int32

  /// Standard output.
  static let standard = FileOutput(file: STDOUT_FILENO)
  /// Standard error.
  static let error = FileOutput(file: STDERR_FILENO)

  /// Whether it is a terminal.
  var isTerminal: Bool { isatty(file) == 1 }

  /// Writes all of the bytes.
  ///
  /// A reader that went away has read enough: nothing more is written and nothing is said.
  func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      let count = Glibc.write(file, base, rest.count)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
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
  /// Writes a file so that it has either its old contents or all of the new ones.
  ///
  /// The new file takes the old one's place when `body` is done; a failure leaves the old one as it
  /// was. What is no regular file (a terminal, a pipe, `/dev/null`) is written to directly.
  static func replace(
    _ path: String, with body: (FileOutput) throws(SystemError) -> Void
  ) throws(SystemError) {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      let file = Int32(try retrying { Int(open(path, O_WRONLY | O_CLOEXEC)) })
      defer { close(file) }
      return try body(FileOutput(file: file))
    }
    let target = resolved(path)
    let (file, name) = try temporaryFile(for: target)
    do throws(SystemError) {
      try body(FileOutput(file: file))
      _ = try retrying { Int(close(file)) }
      _ = try retrying { Int(rename(name, target)) }
    } catch {
      unlink(name)
      throw error
    }
  }

  /// Whether two paths are the same existing file.
  static func isSameFile(_ path: String, _ other: String) -> Bool {
    var (one, two) = (stat(), stat())
    guard stat(path, &one) == 0, stat(other, &two) == 0 else { return false }
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino
  }

  /// The file a symbolic link leads to, so that the link stays one.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// Makes a file beside the target, with the rights a new file gets.
  private static func temporaryFile(
    for target: String
  ) throws(SystemError) -> (file: Int32, name: String) {
    let slash = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
    // What `mkstemp` replaces by something unique.
    let pattern = String(repeating: "X", count: 6)
    var name = Array("\(target[..<slash]).\(target[slash...]).\(pattern)".utf8CString)
    let file = Int32(try retrying { Int(mkstemp(&name)) })
    let mask = umask(0)
    umask(mask)
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    fchmod(file, 0o644 & ~mask)
    return (file, String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}
