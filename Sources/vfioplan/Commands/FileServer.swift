import Executor
import Planner

/// Serves open files of a plan in force to a process that connects to a socket.
struct FileServer {
  /// Which files, and in which form.
  enum Content {
    /// All that a command would get, with their names.
    case all
    /// The iommufd, as KubeVirt's plugins hand it out.
    case iommufd
  }

  /// How long a process may take to fetch an iommufd, in seconds: KubeVirt's own limit.
  private static let fetchSeconds: Int32 = 60

  private let content: Content
  private let files: [(name: String, id: ResultID)]
  private let listener: SocketListener

  /// Looks for the files in a program; nothing listens yet.
  init(of content: Content, in program: Program, at socket: SocketPath) {
    self.content = content
    files = program.passableFiles.filter { _, id in
      content == .all || program.results[Int(id.index)].kind == .iommufd
    }
    listener = SocketListener(at: socket.path)
  }

  /// Makes the socket.
  func listen() throws(CommandFailure) {
    do throws(SystemError) {
      try listener.listen(mode: content == .all ? 0o600 : 0o666)
    } catch {
      throw .notListening(listener.path, error)
    }
  }

  /// Removes the socket if it is still there.
  func close() { listener.close() }

  /// Hands the files over and returns when the plan is to be undone; `value` gives descriptors.
  ///
  /// Signals end that at any time.
  func attend(
    _ findings: inout Findings, _ value: (ResultID) -> UInt64
  ) throws(CommandFailure) {
    let files = self.files.map { ($0.name, Int32(truncatingIfNeeded: value($0.id))) }
    do throws(UnixSocket.Failure) {
      let signal = Patience(signals: Signals.ending)
      switch content {
      case .all:
        let peer = try FileSender.send(files, over: listener, signal)
        try FileSender.waitForEnd(of: peer, signal)
      case .iommufd:
        let patience = Patience(signals: Signals.ending, seconds: Self.fetchSeconds)
        for (_, file) in files {
          let isAnswered = try FileSender.sendOne(file, over: listener, patience)
          if !isAnswered { findings.add([.notAcknowledged(listener.path)]) }
        }
        Signals.wait(for: Signals.ending)
      }
    } catch {
      guard case .signal = error else { throw .notSent(listener.path, error) }
      Signals.wait(for: Signals.ending)
    }
  }
}
