import Glibc

extension ChildProcess {
  /// What it ended with, as shells have it: 128 and the signal that ended it; `nil` while it runs.
  var status: Int32? { end.map { $0 & 0x7f == 0 ? $0 >> 8 & 0xff : 128 + $0 & 0x7f } }

  /// The signal that ended it.
  var endSignal: Int32? { end.map { $0 & 0x7f }.flatMap { $0 == 0 ? nil : $0 } }

  /// Waits until it ends, or `isReleased` says that this is enough, asked after every SIGCHLD.
  ///
  /// What asks us to end is passed on. Where a terminal stops it we stop with it, and it goes on
  /// when we do.
  mutating func attend(until isReleased: () -> Bool = { false }) {
    while true {
      look()
      if end != nil || isReleased() { return }
      let signal = Signals.next(of: Signals.ending + Signals.stopping + [SIGCHLD, SIGCONT])
      if signal.number == SIGCONT { kill(process, SIGCONT) }
      if ![SIGCHLD, SIGCONT].contains(signal.number) { answer(signal) }
    }
  }

  /// Sees whether it has ended or stopped; waits for all children that have ended.
  private mutating func look() {
    var word: Int32 = 0
    while case let child = waitpid(-1, &word, WNOHANG | WUNTRACED), child > 0 {
      if child != process { continue }
      if word & 0xff == 0x7f {
        Signals.stop(by: word >> 8 & 0xff, with: process)
      } else {
        end = word
      }
    }
  }

  /// Passes a signal on, unless a terminal has sent it to the whole process group.
  private func answer(_ signal: (number: Int32, isFromProcess: Bool)) {
    if !signal.isFromProcess, getpgid(process) == getpgrp() { return }
    kill(process, signal.number)
    // It is not for a command in a group of its own to keep the terminal from the shell.
    if !signal.isFromProcess, Signals.stopping.contains(signal.number) {
      Signals.stop(by: signal.number, with: process)
    }
  }
}
