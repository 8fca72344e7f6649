import Glibc

/// Descriptors 0, 1 and 2.
enum StandardStreams {
  /// Opens `/dev/null` for streams that are closed, so that no other file gets their number, and
  /// takes what is written to them.
  ///
  /// It is opened for what is not done with the stream, as glibc does for set-user-ID programs:
  /// reading and writing fail with EBADF, here and in a command, as if it were still closed.
  static func occupy() throws(SystemError) {
    let streams = [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
    ]
    // The lowest free number is given: the stream's own, since those below are open by then.
    for (stream, mode) in streams where fcntl(stream, F_GETFD) < 0 {
      _ = try retrying { Int(open("/dev/null", mode)) }
    }
  }
}
