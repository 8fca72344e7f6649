import Glibc

extension ChildProcess {
  /// Waits until the command has ended and nothing that came from it runs; the command's status.
  ///
  /// What asks us to end is for the command, or for what it has left behind. Where a terminal stops
  /// the command we stop with it, and it goes on when we do.
  mutating func attend() -> Int32 {
    while true {
      if let status = finalStatus() { return status }
      let signal = Signals.next(of: Signals.ending + Signals.stopping + [SIGCHLD, SIGCONT])
      switch signal.number {
      case SIGCHLD: break
      case SIGCONT: if status == nil { kill(process, SIGCONT) }
      case let number:
        pass(number, isFromProcess: signal.isFromProcess)
        // One that shares our process group stops by itself, and we with it; any other does not
        // keep the terminal's user from its shell.
        let isShared = status == nil && (signal.isFromProcess || getpgid(process) == getpgrp())
        if Signals.stopping.contains(number), !isShared { Signals.stop(by: number, with: process) }
      }
    }
  }

  /// Looks after what has ended or stopped; the command's status when nothing is left.
  private mutating func finalStatus() -> Int32? {
    while true {
      var word: Int32 = 0
      let child = waitpid(-1, &word, WNOHANG | WUNTRACED)
      if child == process {
        take(word)
      } else if child < 0 {
        return status
      } else if child == 0 {
        let isAlone = !others.isEmpty && ProcessTree.ownChildren.isSubset(of: others)
        return isAlone ? status : nil
      }
    }
  }

  private mutating func take(_ word: Int32) {
    let signal = word & 0x7f
    switch signal {
    case 0: status = word >> 8 & 0xff
    case 0x7f: Signals.stop(by: word >> 8 & 0xff, with: process)
    default: status = 128 + signal
    }
  }

  /// Passes a signal on, unless a terminal has sent it to the whole process group.
  private func pass(_ signal: Int32, isFromProcess: Bool) {
    let processes = status == nil ? [process] : ProcessTree.ownDescendants(without: others)
    for process in processes where isFromProcess || getpgid(process) != getpgrp() {
      kill(process, signal)
    }
  }
}
