import CLinux
import Glibc
import Parser

/// A command with its arguments and its environment, as `execve` takes them.
///
/// The environment is ours, byte by byte, with the variables of `sd_listen_fds(3)` for the command.
final class CommandImage {
  private static let listenPID = "LISTEN_PID="
  /// What is not passed on of our own environment: it was about our files and our process.
  private static let ours = [listenPID, "LISTEN_PIDFDID=", "LISTEN_FDS=", "LISTEN_FDNAMES="]

  /// Where the command is.
  let path: String
  private let executable: [CChar]
  /// Ended by a null.
  private let words: [UnsafeMutablePointer<CChar>?]
  /// Ended by a null; the first is for `LISTEN_PID`.
  private let environment: [UnsafeMutablePointer<CChar>?]
  private let owned: [UnsafeMutablePointer<CChar>?]

  /// Makes copies of all; `names` are those of the files that the command is handed.
  init(_ path: String, _ arguments: [String], names: [String]) {
    self.path = path
    executable = path.systemName
    let variables: [String] = [
      // Filled in by the child: only there the number is known before the command runs.
      Self.listenPID + "0000000000",
      "LISTEN_FDS=\(names.count)",
      "LISTEN_FDNAMES=\(names.joined(separator: ":"))",
    ]
    let copies = (variables.map(\.systemName) + arguments.map(\.systemName)).map { strdup($0) }
    words = copies[variables.count...] + [nil]
    environment = copies[..<variables.count] + Self.inherited + [nil]
    owned = copies
  }

  deinit { for text in owned { free(text) } }

  /// Finds out whether the kernel would run it, without letting it.
  func check() throws(CommandFile.Failure) {
    let error = try_to_execute(executable, words, environment)
    // The kernel may forbid only to trace it; that is not known.
    if error > 0, error != EPERM { throw CommandFile.failure(error, of: path) }
  }

  /// Becomes the command; the errno if that fails.
  ///
  /// Nothing is allocated, as befits a forked process.
  func execute() -> Int32 {
    if let variable = environment[0] {
      Self.writeDecimal(getpid(), to: variable + Self.listenPID.utf8.count)
    }
    execve(executable, words, environment)
    return errno
  }

  private static var inherited: [UnsafeMutablePointer<CChar>?] {
    var entries: [UnsafeMutablePointer<CChar>?] = []
    var next = environ
    while let entry = next.pointee {
      if !ours.contains(where: { strncmp(entry, $0, $0.utf8.count) == 0 }) { entries.append(entry) }
      next += 1
    }
    return entries
  }

  /// Writes a number and the end of a text.
  private static func writeDecimal(_ number: Int32, to text: UnsafeMutablePointer<CChar>) {
    var divisor: Int32 = 1
    while number / divisor >= 10 { divisor *= 10 }
    var position = 0
    while divisor > 0 {
      text[position] = CChar(48 + number / divisor % 10)
      position += 1
      divisor /= 10
    }
    text[position] = 0
  }
}
