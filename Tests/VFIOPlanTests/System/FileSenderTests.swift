import Foundation
import TestSupport
import Testing

@testable import vfioplan

/// The server's end of handing files over, against processes written for it in another language.
///
/// One test at a time: while a socket is made the umask of the whole process is another one.
@Suite(.serialized) struct FileSenderTests {
  static let patience = Patience(signals: [], seconds: 20)

  /// Named files, each another one, and what a peer should print of them.
  private static func files(
    _ count: Int, in folder: TemporaryFolder
  ) throws -> (named: [(name: String, file: Int32)], text: String) {
    var text = ""
    let named = try (0..<count).map { index in
      let name = "file\(index)"
      let file = open(try folder.write(name, to: name), O_RDWR | O_CLOEXEC)
      var status = stat()
      #expect(fstat(file, &status) == 0)
      text += "\(name) \(status.st_dev) \(status.st_ino)\n"
      return (name, file)
    }
    return (named, text)
  }

  private static func listener(
    in folder: TemporaryFolder, mode: mode_t = 0o600
  ) throws -> SocketListener {
    let listener = SocketListener(at: folder.path("socket"))
    try listener.listen(mode: mode)
    return listener
  }

  @Test(arguments: [0, 1, 3, 253, 254, 400])
  func aProcessGetsEveryFileUnderItsName(count: Int) throws {
    let folder = try TemporaryFolder()
    let (files, text) = try Self.files(count, in: folder)
    defer { for (_, file) in files { close(file) } }
    let listener = try Self.listener(in: folder)
    let peer = try PeerProcess("take", [listener.path])
    let connection = try FileSender.send(files, over: listener, Self.patience)
    #expect(!folder.names.contains("socket"))
    #expect(throws: UnixSocket.Failure.self) {
      try FileSender.waitForEnd(of: connection, Patience(signals: [], seconds: 0))
    }
    let outcome = try peer.finish()
    #expect(outcome.errors == "" && outcome.code == 0)
    #expect(outcome.output == text + "messages \((count + 252) / 253)\n")
    try FileSender.waitForEnd(of: connection, Self.patience)
  }

  @Test(arguments: ["silent", "partial"])
  func aProcessThatGoesAwayBeforeItsAnswerIsNoSuccess(behaviour: String) throws {
    let folder = try TemporaryFolder()
    let (files, _) = try Self.files(400, in: folder)
    defer { for (_, file) in files { close(file) } }
    let listener = try Self.listener(in: folder)
    let peer = try PeerProcess("take", [listener.path, behaviour])
    #expect(
      Self.failure { _ = try FileSender.send(files, over: listener, Self.patience) }
        == "it closed the connection")
    #expect(try peer.finish().code == 0)
    listener.close()
    #expect(!folder.names.contains("socket"))
  }

  @Test func nobodyIsWaitedForLongerThanAllowed() throws {
    let folder = try TemporaryFolder()
    let listener = try Self.listener(in: folder)
    let start = ContinuousClock.now
    let failure = Self.failure {
      _ = try FileSender.sendOne(0, over: listener, Patience(signals: [], seconds: 1))
    }
    #expect(failure == "it took too long")
    #expect((Duration.seconds(0.9)..<Duration.seconds(20)).contains(start.duration(to: .now)))
  }

  @Test(arguments: [([], true), (["mute"], false)])
  func oneFileGoesAsOneByteAndOneFile(more: [String], isAnswered: Bool) throws {
    let folder = try TemporaryFolder()
    let (files, text) = try Self.files(1, in: folder)
    defer { close(files[0].file) }
    let listener = try Self.listener(in: folder, mode: 0o666)
    let peer = try PeerProcess("fetch", [listener.path] + more)
    #expect(
      try FileSender.sendOne(files[0].file, over: listener, Self.patience) == isAnswered)
    let outcome = try peer.finish()
    #expect(outcome.errors == "" && outcome.code == 0)
    #expect(outcome.output == "bytes 00\nfiles 1\n" + text.replacing("file0", with: "file"))
    #expect(!folder.names.contains("socket"))
  }

  @Test(arguments: [0o600, 0o666])
  func theSocketHasItsModeAndIsRemoved(mode: mode_t) throws {
    let folder = try TemporaryFolder()
    let listener = try Self.listener(in: folder, mode: mode)
    var status = stat()
    #expect(stat(listener.path, &status) == 0 && status.st_mode == S_IFSOCK | mode)
    listener.close()
    #expect(folder.names == [])
    // Another one's socket at the same path is not ours to remove.
    let other = try Self.listener(in: folder)
    listener.close()
    #expect(folder.names == ["socket"])
    other.close()
  }

  @Test func whatIsAtThePathStays() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("precious", to: "socket")
    let listener = SocketListener(at: path)
    do throws(SystemError) {
      try listener.listen(mode: 0o600)
      Issue.record("a file was replaced")
    } catch {
      #expect(error.message == "there is something of that name already")
    }
    listener.close()
    #expect(try folder.text("socket") == "precious")
  }

  @Test func whatCameToThePathLaterStays() throws {
    let folder = try TemporaryFolder()
    let listener = try Self.listener(in: folder)
    #expect(unlink(listener.path) == 0)
    _ = try folder.write("precious", to: "socket")
    listener.close()
    #expect(try folder.text("socket") == "precious")
  }

  @Test func theSocketIsRemovedWhereItWasMade() throws {
    let folder = try TemporaryFolder()
    #expect(mkdir(folder.path("place"), 0o700) == 0)
    let listener = SocketListener(at: folder.path("place/socket"))
    try listener.listen(mode: 0o600)
    #expect(rename(folder.path("place"), folder.path("moved")) == 0)
    #expect(mkdir(folder.path("place"), 0o700) == 0)
    _ = try folder.write("precious", to: "place/socket")
    listener.close()
    #expect(try folder.text("place/socket") == "precious")
    #expect(access(folder.path("moved/socket"), F_OK) != 0)
  }

  @Test func aPathHasItsLongestLength() throws {
    let folder = try TemporaryFolder()
    let room = UnixSocket.maximumPathBytes - folder.path("").utf8.count
    let path = folder.path(String(repeating: "s", count: room))
    #expect(path.utf8.count == UnixSocket.maximumPathBytes)
    let listener = SocketListener(at: path)
    try listener.listen(mode: 0o600)
    listener.close()
    #expect(folder.names == [])
    let failure = Self.failure { try SocketListener(at: path + "s").listen(mode: 0o600) }
    #expect(failure?.contains("ENAMETOOLONG") == true)
  }

  /// What a body fails with; `nil` if it doesn't.
  static func failure(_ body: () throws -> Void) -> String? {
    do { try body() } catch {
      return (error as? UnixSocket.Failure)?.message ?? "\(error)"
    }
    return nil
  }
}
