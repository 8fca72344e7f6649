import CLinux
import Glibc

/// The server's end of handing open files to another process.
enum FileSender {
  /// Hands named files to the first process of our user, or of root, that connects.
  ///
  /// Lines of names, separated by colons, with the files that they are of; at most `maximumFiles` a
  /// line, and an empty line at the end. The process answers with one byte and keeps the
  /// connection, which is returned, for as long as it needs the files. The socket is gone by then.
  static func send(
    _ files: [(name: String, file: Int32)], over listener: SocketListener, _ patience: Patience
  ) throws(UnixSocket.Failure) -> UnixSocket {
    let peer = try trustedPeer(of: listener, patience)
    listener.close()
    for message in messages(files) { try peer.send(message.bytes, files: message.files, patience) }
    try peer.receiveByte(patience)
    return peer
  }

  /// Waits until a process that has the files closes its end.
  static func waitForEnd(of peer: UnixSocket, _ patience: Patience) throws(UnixSocket.Failure) {
    do throws(UnixSocket.Failure) {
      while true { try peer.receiveByte(patience) }
    } catch {
      guard case .closed = error else { throw error }
    }
  }

  /// Hands one file to the first process that connects, with a byte of zero, as KubeVirt's plugins
  /// for iommufd do; says whether it answered with a byte.
  static func sendOne(
    _ file: Int32, over listener: SocketListener, _ patience: Patience
  ) throws(UnixSocket.Failure) -> Bool {
    let peer = try listener.accept(patience)
    listener.close()
    try peer.send([0], files: [file], patience)
    do throws(UnixSocket.Failure) {
      try peer.receiveByte(patience)
      return true
    } catch {
      if case .signal = error { throw error }
      return false
    }
  }

  private static func trustedPeer(
    of listener: SocketListener, _ patience: Patience
  ) throws(UnixSocket.Failure) -> UnixSocket {
    while true {
      let peer = try listener.accept(patience)
      if [0, geteuid()].contains(user_of_peer(peer.file)) { return peer }
    }
  }

  /// What is sent, each with its files.
  static func messages(
    _ files: [(name: String, file: Int32)]
  ) -> [(bytes: [UInt8], files: [Int32])] {
    var messages: [(bytes: [UInt8], files: [Int32])] = []
    for start in stride(from: 0, to: files.count, by: UnixSocket.maximumFiles) {
      let some = files[start..<min(start + UnixSocket.maximumFiles, files.count)]
      let line = some.map(\.name).joined(separator: ":") + "\n"
      messages.append((Array(line.utf8), some.map(\.file)))
    }
    if messages.isEmpty { messages.append(([], [])) }
    messages[messages.count - 1].bytes.append(UInt8(ascii: "\n"))
    return messages
  }
}
