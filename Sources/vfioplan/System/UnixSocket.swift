import CLinux
import Glibc
import Parser

/// An open unix stream socket, closed with its last reference.
///
/// What has to be waited for ends as `Patience` says; nothing else blocks.
final class UnixSocket {
  /// Why something could not be done with a socket.
  enum Failure: Error {
    /// A signal asks the run to end; it is still pending.
    case signal
    /// The other process took too long.
    case late
    /// The other process closed its end.
    case closed
    /// The other process sent something else than it should have.
    case unexpected(String)
    /// A system call failed.
    case system(SystemError)
  }

  /// What came at once.
  struct Message {
    /// The bytes; empty at the end of the stream.
    var bytes: [UInt8]
    /// The files; the receiver has to close them.
    var files: [Int32]
    /// Whether there were more files than could be taken.
    var isTruncated: Bool
  }

  /// The most files that go with one message.
  static let maximumFiles = Int(MAXIMUM_FILES)
  /// The longest path of a socket in bytes: `sun_path` without the zero at its end (unix(7)).
  static let maximumPathBytes = 107

  /// Its descriptor.
  let file: Int32

  /// Takes a descriptor over.
  init(file: Int32) { self.file = file }

  deinit { close(file) }

  /// Makes a socket that nothing is connected to, and does something with it and a path.
  ///
  /// `body` answers as system calls do.
  static func make(
    for path: String, _ body: (UnixSocket, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(SystemError) -> UnixSocket {
    if path.systemBytes.count > maximumPathBytes { throw SystemError(errno: ENAMETOOLONG) }
    let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let made = UnixSocket(
      file: Int32(try retrying { Int(socket(AF_UNIX, Int32(type), 0)) }))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.systemBytes) }
    let answer = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body(made, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard answer == 0 else { throw .last }
    return made
  }

  /// Connects to the socket at a path.
  static func connected(to path: String) throws(Failure) -> UnixSocket {
    do throws(SystemError) {
      return try make(for: path) { connect($0.file, $1, $2) }
    } catch {
      throw .system(error)
    }
  }

  /// Sends all of some bytes, and at most `maximumFiles` files with the first of them.
  func send(
    _ bytes: [UInt8], files: [Int32] = [], _ patience: Patience
  ) throws(Failure) {
    var done = 0
    while done < bytes.count {
      try patience.wait(for: self, POLLOUT)
      let count = bytes[done...].withUnsafeBytes {
        send_with_files(file, $0.baseAddress, $0.count, files, done == 0 ? files.count : 0)
      }
      if count >= 0 { done += count } else { try Self.goOn(after: errno) }
    }
  }

  /// Receives what comes next, up to some bytes and files.
  func receive(
    bytes capacity: Int, files: Int = maximumFiles, _ patience: Patience
  ) throws(Failure) -> Message {
    var bytes = [UInt8](repeating: 0, count: capacity)
    var made = [Int32](repeating: -1, count: files)
    while true {
      try patience.wait(for: self, POLLIN)
      var count = files
      var isTruncated: Int32 = 0
      let length = receive_with_files(file, &bytes, capacity, &made, &count, &isTruncated)
      if length >= 0 {
        return Message(
          bytes: Array(bytes[..<length]), files: Array(made[..<count]),
          isTruncated: isTruncated != 0)
      }
      try Self.goOn(after: errno)
    }
  }

  /// Receives one byte; whatever comes with it, files above all, is dropped.
  func receiveByte(_ patience: Patience) throws(Failure) {
    var byte: UInt8 = 0
    while true {
      try patience.wait(for: self, POLLIN)
      let length = recv(file, &byte, 1, Int32(MSG_DONTWAIT))
      if length > 0 { return }
      if length == 0 { throw .closed }
      try Self.goOn(after: errno)
    }
  }

  /// Does nothing after an error that another try may not meet.
  private static func goOn(after error: Int32) throws(Failure) {
    switch error {
    case EAGAIN, EINTR: return
    case EPIPE, ECONNRESET: throw .closed
    default: throw .system(SystemError(errno: error))
    }
  }
}

extension UnixSocket.Failure {
  /// What happened, as the end of a sentence about the other process.
  var message: String {
    switch self {
    case .signal: "a signal came first"
    case .late: "it took too long"
    case .closed: "it closed the connection"
    case .unexpected(let what): what
    case .system(let error): error.message
    }
  }
}
