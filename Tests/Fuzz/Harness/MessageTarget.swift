import Glibc

/// What other processes send over sockets, with files in any number.
enum MessageTarget {
  private static let patience = Patience(signals: [], seconds: 0)
  /// What is sent, and what is not.
  private static let null = open("/dev/null", O_RDWR | O_CLOEXEC)
  private static let zero = open("/dev/zero", O_RDONLY | O_CLOEXEC)

  /// The first byte says who waits and for how many files, the second how many sends follow; each
  /// is the number of its files, which are wanted ones if it is odd, of its bytes, and the bytes.
  static func run(_ bytes: [UInt8]) {
    law(null >= 0 && zero >= 0, "no files to send")
    let before = firstFree()
    exchange(bytes[...])
    law(firstFree() == before, "a file was left open")
  }

  private static func exchange(_ bytes: ArraySlice<UInt8>) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard let first = bytes.first, socketpair(AF_UNIX, type, 0, &ends) == 0 else { return }
    let client = UnixSocket(file: ends[0])
    var server: UnixSocket? = UnixSocket(file: ends[1])
    if let server { send(bytes.dropFirst(), over: server) }
    if first & 1 != 0 { server = nil }
    if first & 2 != 0 {
      // What comes to somebody who waits for the end is dropped, files too.
      try? FileSender.waitForEnd(of: client, patience)
    } else {
      receive(from: client, atMost: [1, 2, 3, 253][Int(first >> 2 & 3)])
    }
    withExtendedLifetime(server) {}
  }

  private static func receive(from client: UnixSocket, atMost limit: Int) {
    let file = try? FileReceiver.file(over: client, patience, maximumFiles: limit) { file in
      device(of: file) == device(of: null)
    }
    guard let file else { return }
    law(device(of: file) == device(of: null), "another file than the one that is wanted")
    law(fcntl(file, F_GETFD) & FD_CLOEXEC != 0, "a file that commands would get")
    close(file)
  }

  private static func send(_ script: ArraySlice<UInt8>, over server: UnixSocket) {
    var rest = script
    for _ in 0..<min(rest.popFirst() ?? 0, 8) {
      guard let files = rest.popFirst(), let count = rest.popFirst() else { return }
      let bytes = Array(rest.prefix(Int(count)))
      rest = rest.dropFirst(Int(count))
      let sent = [Int32](repeating: files & 1 == 0 ? zero : null, count: Int(min(files, 253)))
      try? server.send(bytes, files: sent, patience)
    }
  }

  private static func device(of file: Int32) -> dev_t {
    var status = stat()
    return fstat(file, &status) == 0 ? status.st_rdev : 0
  }

  /// The lowest number that is not in use: files that stay open take it.
  private static func firstFree() -> Int32 {
    let file = dup(null)
    close(file)
    return file
  }
}
