import Executor
import Foundation
import TestSupport
import Testing

@testable import vfioplan

/// The client's end: one file from another process, and nothing that stays open of anything else.
struct FileReceiverTests {
  /// Two connected sockets.
  private static func pair() throws -> (UnixSocket, UnixSocket) {
    var files: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    try #require(socketpair(AF_UNIX, type, 0, &files) == 0)
    return (UnixSocket(file: files[0]), UnixSocket(file: files[1]))
  }

  /// Both ends of a pipe.
  private static func pipe() throws -> (reader: Int32, writer: Int32) {
    var files: [Int32] = [-1, -1]
    try #require(Glibc.pipe(&files) == 0)
    for file in files { _ = fcntl(file, F_SETFD, FD_CLOEXEC) }
    return (files[0], files[1])
  }

  /// Whether nobody can read from a pipe any more.
  private static func isUnread(_ writer: Int32) -> Bool {
    var state = pollfd(fd: writer, events: 0, revents: 0)
    return poll(&state, 1, 5000) == 1 && Int32(state.revents) & POLLERR != 0
  }

  @Test func aFileArrivesCloseOnExecAndIsAnsweredFor() throws {
    let (client, server) = try Self.pair()
    let (reader, writer) = try Self.pipe()
    defer { close(writer) }
    try server.send([0], files: [reader], FileSenderTests.patience)
    close(reader)
    let file = try FileReceiver.file(over: client, FileSenderTests.patience) { _ in true }
    #expect(fcntl(file, F_GETFD) & FD_CLOEXEC != 0)
    #expect(try server.receive(bytes: 8, FileSenderTests.patience).bytes == [0])
    close(file)
    #expect(Self.isUnread(writer))
  }

  /// What a server does, and what is said of it.
  struct Hostility: CustomStringConvertible, Sendable {
    var bytes: [UInt8] = [0]
    var count = 1
    var room = UnixSocket.maximumFiles
    var isWanted = true
    var message: String
    var description: String { message }
  }

  @Test(arguments: [
    Hostility(count: 0, message: "it sent 0 files, not one"),
    Hostility(count: 2, message: "it sent 2 files, not one"),
    Hostility(count: 253, message: "it sent 253 files, not one"),
    Hostility(count: 2, room: 1, message: "it sent more files than can be taken"),
    Hostility(bytes: [], count: 0, message: "it closed the connection"),
    Hostility(isWanted: false, message: "the file it sent is another one"),
  ])
  func anythingElseIsRefusedAndClosed(hostility: Hostility) throws {
    let (client, server) = try Self.pair()
    let (reader, writer) = try Self.pipe()
    defer { close(writer) }
    let files = [Int32](repeating: reader, count: hostility.count)
    try server.send(hostility.bytes, files: files, FileSenderTests.patience)
    close(reader)
    if hostility.bytes.isEmpty { shutdown(server.file, Int32(SHUT_WR)) }
    let failure = FileSenderTests.failure {
      _ = try FileReceiver.file(
        over: client, FileSenderTests.patience, maximumFiles: hostility.room
      ) { _ in hostility.isWanted }
    }
    #expect(failure == hostility.message)
    #expect(Self.isUnread(writer))
  }

  @Test func aServerThatSendsNothingIsWaitedForOnlySoLong() throws {
    let (client, server) = try Self.pair()
    let failure = FileSenderTests.failure {
      _ = try FileReceiver.file(over: client, Patience(signals: [], seconds: 0)) { _ in true }
    }
    #expect(failure == "it took too long")
    withExtendedLifetime(server) {}
  }

  @Test func onlyTheIOMMUNodeIsAnIOMMUFD() throws {
    for path in ["/dev/null", "/proc/self/stat", "/dev"] {
      let file = open(path, O_RDONLY | O_CLOEXEC)
      #expect(file >= 0 && !LinuxKernel.isIOMMUFD(file))
      close(file)
    }
    #expect(!LinuxKernel.isIOMMUFD(-1))
  }

  @Test func anAdoptedFileIsOpenedOnceOrClosedWithTheKernel() throws {
    let (reader, writer) = try Self.pipe()
    defer { close(writer) }
    var kernel: LinuxKernel? = LinuxKernel()
    kernel?.adopt(iommufd: reader)
    #expect(try kernel?.open(.iommu) == reader)
    kernel = nil
    #expect(fcntl(reader, F_GETFD) != -1)
    kernel = LinuxKernel()
    kernel?.adopt(iommufd: reader)
    kernel = nil
    #expect(Self.isUnread(writer))
  }
}

/// `apply --iommufd-from` as it is listed.
///
/// Runs of it are laws on a fake /sys: a real kernel's must be of the host that is stated.
struct IOMMUFDFromTests {
  private static let folder = "Tests/Fixtures/catalogue/base/"

  /// A plan for a device that is nowhere and on vfio-pci already, so that nothing else is missing.
  private static func input(_ folder: TemporaryFolder) throws -> [String] {
    let (old, new) = ("0000:03:00.0", "fff0:03:00.0")
    let vm = try PackageFiles.text(Self.folder + "vm.yaml")
      .replacing(old, with: new).replacing("2GiB", with: "4KiB")
    let host = try PackageFiles.text(Self.folder + "host.yaml")
      .replacing(old, with: new).replacing("driver: igc", with: "driver: vfio-pci")
    return [
      "apply", try folder.write(vm, to: "vm.yaml"),
      "--host", try folder.write(host, to: "host.yaml"), "--target", "iommufd",
      "--iommufd-from", "unix:" + folder.path("socket"),
    ]
  }

  @Test func aDryRunSaysWhereTheIOMMUFDComesFrom() throws {
    let folder = try TemporaryFolder()
    let input = try Self.input(folder)
    let outcome = try Tool.run(input + ["--dry-run"])
    #expect(outcome.code == 0)
    let line = "  1  (no call) received from unix:\(folder.path("socket")) before the first step"
    let text = outcome.output.replacing(/\n +/, with: " ")
    #expect(text.contains(line.replacing(/^ +/, with: "")), "\(outcome.output)")
    #expect(!outcome.output.contains("/dev/iommu\"") && !outcome.output.contains("IOMMU_OPTION"))
    #expect(outcome.output.contains("IOMMU_IOAS_ALLOC"))
  }
}
