import CLinux
import Glibc

/// The process that keeps a plan in force for a command and for what the command leaves in the
/// background.
///
/// Who starts vfioplan waits for its first process, the front, which ends with the command. The
/// keeper is the front's child: it makes the run, starts the command, adopts what is left behind
/// (`PR_SET_CHILD_SUBREAPER`), and undoes the plan when nothing of it runs.
struct Keeper {
  /// Which of the two processes this is.
  enum Side {
    /// The one that goes on.
    case keeper(Keeper)
    /// The one that is over; whether the keeper stays, and has shown nothing of what was found.
    case front(status: Int32, isSurvived: Bool)
  }

  private let front: pid_t
  private let report: Int32

  /// Makes the keeper; returns in the front when that has to end.
  ///
  /// Signals must be held back.
  static func divide() throws(SystemError) -> Side {
    var report: [Int32] = [-1, -1]
    guard pipe2(&report, O_CLOEXEC | O_NONBLOCK) == 0 else { throw .last }
    let front = getpid()
    let process = single_threaded_fork()
    if process == 0 {
      close(report[0])
      // Who kills the front means both.
      get_signal_of_parents_end(SIGKILL)
      if getppid() != front { _exit(0) }
      adopt_orphans()
      return .keeper(Keeper(front: front, report: report[1]))
    }
    let error = SystemError.last
    close(report[1])
    defer { close(report[0]) }
    if process < 0 { throw error }
    return attend(ChildProcess(process: process), report[0])
  }

  private static func attend(_ keeper: ChildProcess, _ report: Int32) -> Side {
    var keeper = keeper
    var status: UInt8 = 0
    keeper.attend(until: { read(report, &status, 1) == 1 })
    guard let end = keeper.status else { return .front(status: Int32(status), isSurvived: true) }
    // Still held back: it has its effect when we end.
    if let signal = keeper.endSignal { kill(getpid(), signal) }
    return .front(status: end, isSurvived: false)
  }

  /// Keeps the plan until nothing that came from the command runs; the command has ended.
  ///
  /// If there is something, the front ends with the command's status, and the keeper goes on out of
  /// reach of the terminal; what asks it to end is passed on.
  func attendOrphans(_ status: Int32) {
    if !ProcessTree.hasChildren { return }
    leave(status)
    while ProcessTree.hasChildren {
      let signal = Signals.next(of: Signals.ending + [SIGCHLD]).number
      if signal != SIGCHLD { for process in ProcessTree.descendants { kill(process, signal) } }
    }
  }

  private func leave(_ status: Int32) {
    get_signal_of_parents_end(0)
    setsid()
    // Else who reads what the command writes would wait for us.
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] { dup2(null, stream) }
    close(null)
    var byte = UInt8(truncatingIfNeeded: status)
    write(report, &byte, 1)
    kill(front, SIGCHLD)
  }
}
