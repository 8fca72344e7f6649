import CLinux
import Glibc

/// A command that runs with some of our open files.
struct ChildProcess {
  /// What a command gets.
  struct Files {
    /// Descriptors and their names, in order; in the command the first has number 3.
    var named: [(name: String, file: Int32)]
    /// Descriptors that are open in the command, too, without a name; after the others.
    var silent: [Int32]

    /// The number a descriptor has in the command, by position among the named ones.
    static func number(_ position: Int) -> Int { 3 + position }
  }

  private let process: pid_t

  /// Starts a command; the files stay open here as well.
  ///
  /// The command finds them as services of systemd do (`sd_listen_fds(3)`). `mask` is what it holds
  /// back of signals.
  static func start(
    _ path: String, _ arguments: [String], _ files: Files, mask: sigset_t
  ) throws(SystemError) -> ChildProcess {
    let all = files.named.map(\.file) + files.silent
    let first = Int32(Files.number(all.count))
    // Copies above every number that will be given, so that none is overwritten before it is used.
    let copies = try all.map { file throws(SystemError) in
      Int32(try retrying { Int(fcntl(file, F_DUPFD_CLOEXEC, first)) })
    }
    defer { for copy in copies { close(copy) } }
    var words = arguments.map { strdup($0) } + [nil]
    var environment = Self.environment(files.named.map(\.name)) + [nil]
    // Filled in by the child: only there the number is known before the command runs.
    let processID = environment[0]
    defer { for word in words + environment { free(word) } }
    // Ignored, ended children would vanish without a trace.
    signal(SIGCHLD, SIG_DFL)
    let child = single_threaded_fork()
    if child == 0 {
      for (position, copy) in copies.enumerated() { dup2(copy, Int32(Files.number(position))) }
      writeDecimal(getpid(), to: processID, at: "LISTEN_PID=".utf8.count)
      signal(SIGPIPE, SIG_DFL)
      signal(SIGXFSZ, SIG_DFL)
      var mask = mask
      sigprocmask(SIG_SETMASK, &mask, nil)
      execve(path, &words, &environment)
      _exit(126)
    }
    guard child > 0 else { throw .last }
    return ChildProcess(process: child)
  }

  /// Sends a signal.
  func send(_ signal: Int32) { kill(process, signal) }

  /// What it ended with, as shells have it: 128 and the signal that ended it; `nil` while it runs.
  func endStatus() -> Int32? {
    var status: Int32 = 0
    guard waitpid(process, &status, WNOHANG) == process else { return nil }
    let signal = status & 0x7f
    return signal == 0 ? status >> 8 & 0xff : 128 + signal
  }

  /// Where a command is, as shells look for it; `nil` if nowhere.
  static func path(of command: String) -> String? {
    if command.contains("/") { return access(command, X_OK) == 0 ? command : nil }
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(command)" }.first { access($0, X_OK) == 0 }
  }

  private static func environment(_ names: [String]) -> [UnsafeMutablePointer<CChar>?] {
    let ours = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]
    var entries = ["LISTEN_PID=0000000000"]
    entries.append("LISTEN_FDS=\(names.count)")
    entries.append("LISTEN_FDNAMES=" + names.joined(separator: ":"))
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if !ours.contains(where: { text.hasPrefix($0 + "=") }) { entries.append(text) }
      next += 1
    }
    return entries.map { strdup($0) }
  }

  /// Writes a number and the end of a text; nothing is allocated, as befits a forked process.
  private static func writeDecimal(
    _ number: Int32, to text: UnsafeMutablePointer<CChar>?, at offset: Int
  ) {
    guard let text else { return }
    var divisor: Int32 = 1
    while number / divisor >= 10 { divisor *= 10 }
    var position = offset
    while divisor > 0 {
      text[position] = CChar(48 + number / divisor % 10)
      position += 1
      divisor /= 10
    }
    text[position] = 0
  }
}
