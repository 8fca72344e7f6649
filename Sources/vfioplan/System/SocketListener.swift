import CLinux
import Glibc

/// A unix socket at a path, for one process to connect to.
final class SocketListener {
  /// Where it is while it listens.
  let path: String
  private var socket: UnixSocket?
  private var node: SocketNode?

  /// Names a path; nothing is there yet.
  init(at path: String) { self.path = path }

  deinit { close() }

  /// Makes the socket, with the mode given from the first moment on; what is at the path already,
  /// be it dead or alive, stays and is an error.
  func listen(mode: mode_t) throws(SystemError) {
    let entry = try DirectoryEntry(path)
    if try entry.status() != nil { throw SystemError("there is something of that name already") }
    let made = try UnixSocket.make(for: path) { made, address, length in
      // What `bind` makes has the mode of the descriptor, less the umask (net/unix/af_unix.c).
      let mask = umask(0)
      defer { umask(mask) }
      return fchmod(made.file, mode) == 0 ? bind(made.file, address, length) : -1
    }
    node = try SocketNode(entry)
    socket = made
    guard Glibc.listen(made.file, 1) == 0 else {
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
    // The open socket keeps its node, so that no other one gets the number of it.
    node?.remove()
    node = nil
    socket = nil
  }
}

/// What a socket is in its directory, which others may write to.
private struct SocketNode {
  private let entry: DirectoryEntry
  private let made: stat

  /// Takes the socket that was just made.
  init(_ entry: DirectoryEntry) throws(SystemError) {
    guard let made = try entry.status(), made.st_mode & S_IFMT == S_IFSOCK,
      made.st_uid == geteuid()
    else { throw SystemError("something else took its place") }
    self.entry = entry
    self.made = made
  }

  /// Removes it, unless something else is there by now.
  ///
  /// Between the look and the removal somebody who may write to the directory can still put there
  /// what they could remove themselves.
  func remove() {
    guard let now = try? entry.status(), now.st_dev == made.st_dev, now.st_ino == made.st_ino
    else { return }
    entry.remove()
  }
}
