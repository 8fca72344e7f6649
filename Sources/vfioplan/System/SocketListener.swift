import CLinux
import Glibc

/// A unix socket at a path, for one process to connect to.
final class SocketListener {
  /// Where it is while it listens.
  let path: String
  private var socket: UnixSocket?

  /// Names a path; nothing is there yet.
  init(at path: String) { self.path = path }

  deinit { close() }

  /// Makes the socket, with the mode given from the first moment on; what is at the path already,
  /// be it dead or alive, stays and is an error.
  func listen(mode: mode_t) throws(SystemError) {
    var status = stat()
    if lstat(path, &status) == 0 { throw SystemError("there is something of that name already") }
    // What `bind` makes has the mode of the descriptor, less the umask (net/unix/af_unix.c).
    let made = try UnixSocket.make(for: path) { made, address, length in
      fchmod(made.file, mode) == 0 ? bind(made.file, address, length) : -1
    }
    socket = made
    guard chmod(path, mode) == 0, Glibc.listen(made.file, 1) == 0 else {
      let error = SystemError.last
      close()
      throw error
    }
  }

  /// Waits for a process to connect.
  func accept(_ patience: Patience) throws(UnixSocket.Failure) -> UnixSocket {
    guard let socket else { throw .closed }
    while true {
      try patience.wait(for: socket, POLLIN)
      let peer = accept4(socket.file, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
      if peer >= 0 { return UnixSocket(file: peer) }
      // It may be gone again.
      guard [EAGAIN, EINTR, ECONNABORTED].contains(errno) else { throw .system(.last) }
    }
  }

  /// Listens no more and removes the socket; does nothing the second time.
  func close() {
    if socket == nil { return }
    unlink(path)
    socket = nil
  }
}
