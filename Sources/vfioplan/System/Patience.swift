import CLinux
import Glibc

/// What ends a wait for another process before that process does anything.
struct Patience {
  /// The signals that end it; they are held back, and not answered by that.
  var signals: [Int32]
  /// How long one wait may last; `nil` for as long as it takes.
  var seconds: Int32?

  /// Waits until something can be done with a socket.
  ///
  /// A signal that comes between two waits ends the next one: it stays pending.
  func wait(for socket: UnixSocket, _ event: Int32) throws(UnixSocket.Failure) {
    var set = Signals.set(of: signals)
    let arrival = signalfd(-1, &set, Int32(SFD_CLOEXEC))
    guard arrival >= 0 else { throw .system(.last) }
    defer { close(arrival) }
    var files = [
      pollfd(fd: arrival, events: Int16(POLLIN), revents: 0),
      pollfd(fd: socket.file, events: Int16(event), revents: 0),
    ]
    let milliseconds = seconds.map { $0 * 1000 } ?? -1
    while Signals.stoppable({ poll(&files, nfds_t(files.count), milliseconds) }) < 0 {
      guard errno == EINTR else { throw .system(.last) }
    }
    if files[0].revents != 0 { throw .signal }
    if files[1].revents == 0 { throw .late }
  }
}
