import Glibc

/// The client's end of getting one open file from another process.
enum FileReceiver {
  /// As much as KubeVirt's own client takes of the bytes that come with the file.
  private static let maximumBytes = 32

  /// Receives one file, checks it, and answers with a byte of zero; else closes all that came.
  ///
  /// `maximumFiles` is how many are taken from the kernel, to be closed if they are too many.
  static func file(
    over server: UnixSocket, _ patience: Patience,
    maximumFiles: Int = UnixSocket.maximumFiles, isWanted: (Int32) -> Bool
  ) throws(UnixSocket.Failure) -> Int32 {
    let message = try server.receive(bytes: maximumBytes, files: maximumFiles, patience)
    do throws(UnixSocket.Failure) {
      let file = try onlyFile(of: message)
      guard isWanted(file) else { throw .unexpected("the file it sent is another one") }
      try acknowledge(to: server, patience)
      return file
    } catch {
      for file in message.files { close(file) }
      throw error
    }
  }

  private static func onlyFile(
    of message: UnixSocket.Message
  ) throws(UnixSocket.Failure) -> Int32 {
    if message.bytes.isEmpty { throw .closed }
    if message.isTruncated { throw .unexpected("it sent more files than can be taken") }
    guard let file = message.files.first, message.files.count == 1 else {
      throw .unexpected("it sent \(message.files.count) files, not one")
    }
    return file
  }

  /// A server that does not wait for the answer has done its part.
  private static func acknowledge(
    to server: UnixSocket, _ patience: Patience
  ) throws(UnixSocket.Failure) {
    do throws(UnixSocket.Failure) {
      try server.send([0], patience)
    } catch {
      guard case .closed = error else { throw error }
    }
  }
}
