import CLinux
import Glibc

/// The signals that end a run.
///
/// While a run changes a machine all signals are held back: they are looked at between steps, and
/// waited for while the plan is in force, so that none comes at a moment when undoing is not
/// possible. One that was not answered takes its effect when the process is about to end.
enum Signals {
  /// What asks a run to end.
  static let ending: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// Holds every signal back from now on; returns what was held back before.
  static func hold() -> sigset_t {
    var all = sigset_t()
    var former = sigset_t()
    sigfillset(&all)
    sigprocmask(SIG_BLOCK, &all, &former)
    return former
  }

  /// Does something while every signal is held back: one that came meanwhile has its effect then.
  static func heldBack<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
    var former = hold()
    defer { sigprocmask(SIG_SETMASK, &former, nil) }
    try body()
  }

  /// Lets signals through again: one that came meanwhile has its effect now.
  static func release() {
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
  }

  /// Whether one that asks the run to end has come, and would have an effect.
  static var isEndPending: Bool {
    var pending = sigset_t()
    sigpending(&pending)
    return ending.contains { sigismember(&pending, $0) == 1 && !isIgnored($0) }
  }

  /// Waits for one of some signals, which is answered by that.
  static func wait(for signals: [Int32]) -> (number: Int32, isFromProcess: Bool) {
    var set = set(of: signals)
    while true {
      var information = siginfo_t()
      let number = sigwaitinfo(&set, &information)
      // SI_USER and what lies below come from a process, the rest from the kernel: a terminal sends
      // its signals to everybody by itself (sigaction(2)).
      if number > 0 { return (number, information.si_code <= 0) }
    }
  }

  /// Those that would have an effect if they were let through.
  static func effective(_ signals: [Int32]) -> [Int32] { signals.filter { !isIgnored($0) } }

  /// A set of signals.
  static func set(of signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return signal_is_ignored(&action) != 0
  }
}
