import CLinux
import Glibc

/// A child: above all a command, which runs with some of our open files.
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

  /// Its number.
  let process: pid_t
  /// How it ended, as `waitpid` says it; `nil` while it runs.
  var end: Int32?

  /// Starts a command; the files stay open here as well.
  ///
  /// The command finds them as services of systemd do (`sd_listen_fds(3)`). `mask` is what it holds
  /// back of signals.
  static func start(
    _ image: CommandImage, _ files: Files, mask: sigset_t
  ) throws(CommandFile.Failure) -> ChildProcess {
    var report: [Int32] = [-1, -1]
    guard pipe2(&report, O_CLOEXEC) == 0 else { throw .system(.last) }
    defer { close(report[0]) }
    let process = try fork(image, files, report: report[1], mask)
    var error: Int32 = 0
    // The report ends without a word when the command has taken the child's place.
    let length = read(report[0], &error, MemoryLayout<Int32>.size)
    if length <= 0 { return ChildProcess(process: process) }
    waitpid(process, nil, 0)
    throw CommandFile.failure(error, of: image.path)
  }

  /// Makes the child, and closes the end of the pipe on which it reports what `execve` says.
  private static func fork(
    _ image: CommandImage, _ files: Files, report: Int32, _ mask: sigset_t
  ) throws(CommandFile.Failure) -> pid_t {
    let all = files.named.map(\.file) + files.silent
    // Copies above every number that will be given, so that none is overwritten before it is used.
    var copies = [report]
    defer { for copy in copies { close(copy) } }
    for file in all + [report] {
      copies.append(try duplicate(file, from: Files.number(all.count)))
    }
    let child = single_threaded_fork()
    if child == 0 {
      for position in all.indices { dup2(copies[position + 1], Int32(Files.number(position))) }
      Signals.restore(mask)
      var error = image.execute()
      write(copies[copies.count - 1], &error, MemoryLayout<Int32>.size)
      _exit(126)
    }
    guard child > 0 else { throw .system(.last) }
    return child
  }

  private static func duplicate(
    _ file: Int32, from number: Int
  ) throws(CommandFile.Failure) -> Int32 {
    let copy = fcntl(file, F_DUPFD_CLOEXEC, Int32(number))
    if copy >= 0 { return copy }
    // Numbers over the limit are invalid, it says, and are too many, we say.
    throw .system(SystemError(errno: errno == EINVAL ? EMFILE : errno))
  }
}
