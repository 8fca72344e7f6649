import CLinux
import Glibc

/// The signals that end a run, and those that stop it for a while.
///
/// While a run changes a machine all signals are held back: they are looked at between steps, and
/// waited for while the plan is in force, so that none comes at a moment when undoing is not
/// possible. One that was not answered takes its effect when the process is about to end.
enum Signals {
  /// What asks a run to end: SIGINT and SIGTERM always, since shells start whatever a script leaves
  /// in the background with SIGINT ignored; others unless they were ignored, as by `nohup`.
  static var ending: [Int32] { [SIGINT, SIGTERM] + [SIGHUP, SIGQUIT].filter { !isIgnored($0) } }

  /// What a terminal stops a job with.
  static let stopping: [Int32] = [SIGTSTP, SIGTTIN, SIGTTOU]

  /// What SIGPIPE, SIGXFSZ and SIGCHLD did when we were started; no list, since to make a type of
  /// numbers with functions takes as long as to write a small plan.
  private nonisolated(unsafe) static var formerPipe: __sighandler_t?
  private nonisolated(unsafe) static var formerLimit: __sighandler_t?
  private nonisolated(unsafe) static var formerChild: __sighandler_t?

  /// Has a reader that goes away seen as EPIPE where something is written, and a limit of file
  /// sizes as EFBIG, not as signals; and children, which would vanish without a trace if SIGCHLD
  /// were ignored.
  static func prepare() {
    formerPipe = signal(SIGPIPE, SIG_IGN)
    formerLimit = signal(SIGXFSZ, SIG_IGN)
    formerChild = signal(SIGCHLD, SIG_DFL)
  }

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

  /// Has a command find signals as we have found them; `mask` was held back.
  static func restore(_ mask: sigset_t) {
    var mask = mask
    signal(SIGPIPE, formerPipe)
    signal(SIGXFSZ, formerLimit)
    signal(SIGCHLD, formerChild)
    sigprocmask(SIG_SETMASK, &mask, nil)
  }

  /// Lets signals through again: one that came meanwhile has its effect now.
  static func release() {
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
  }

  /// Whether one that asks the run to end has come, and would have an effect.
  static var isEndPending: Bool { ending.contains { isPending($0) && !isIgnored($0) } }

  /// Waits for one of some signals, which is answered by that; a terminal may stop us meanwhile.
  static func wait(for signals: [Int32]) { stoppable { _ = next(of: signals) } }

  /// The next one of some signals, which is answered by that.
  static func next(of signals: [Int32]) -> (number: Int32, isFromProcess: Bool) {
    var set = set(of: signals)
    while true {
      var information = siginfo_t()
      let number = sigwaitinfo(&set, &information)
      // SI_USER and what lies below come from a process, the rest from the kernel: a terminal sends
      // its signals to everybody by itself (sigaction(2)).
      if number > 0 { return (number, information.si_code <= 0) }
    }
  }

  /// Does what only waits, with the signals let through by which a terminal stops a job.
  static func stoppable<Value>(_ body: () -> Value) -> Value {
    var set = set(of: stopping)
    var former = sigset_t()
    sigprocmask(SIG_UNBLOCK, &set, &former)
    defer { sigprocmask(SIG_SETMASK, &former, nil) }
    return body()
  }

  /// Stops this process by a signal that has stopped its command, until it is continued.
  ///
  /// The kernel does not stop a job that nobody can continue (an orphaned process group), except by
  /// SIGSTOP. That stops us only where one of the two has the terminal, so that a shell gets it,
  /// and as SIGTSTP does.
  static func stop(by signal: Int32, with command: pid_t) {
    if isPending(SIGCONT) || signal == SIGSTOP && !isInForeground(command) { return }
    kill(getpid(), signal == SIGSTOP ? SIGTSTP : signal)
    stoppable {}
  }

  /// A set of signals.
  static func set(of signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }

  /// Whether we or a command have the terminal.
  private static func isInForeground(_ command: pid_t) -> Bool {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
    if terminal < 0 { return false }
    defer { close(terminal) }
    return [getpgrp(), getpgid(command)].contains(tcgetpgrp(terminal))
  }

  private static func isPending(_ signal: Int32) -> Bool {
    var pending = sigset_t()
    sigpending(&pending)
    return sigismember(&pending, signal) == 1
  }

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return signal_is_ignored(&action) != 0
  }
}
