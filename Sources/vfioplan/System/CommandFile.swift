import CLinux
import Glibc
import Parser

/// Where a command is, as shells look for it, and why it is not to be had.
enum CommandFile {
  /// Why a command can't be started; shells have a status for the first two.
  enum Failure: Error {
    /// There is none of that name.
    case notFound
    /// There is one, and the kernel does not run it.
    case notExecutable(SystemError)
    /// The system lacks what a process takes.
    case system(SystemError)
  }

  /// The path of a command: the first of its name in `PATH` that may be executed, or what was named
  /// with a slash.
  static func path(of command: String) throws(Failure) -> String {
    guard !command.isEmpty else { throw .notFound }
    if command.utf8.contains(UInt8(ascii: "/")) {
      try check(command)
      return command
    }
    var best = Failure.notFound
    for folder in searchPath {
      let path = folder.isEmpty ? command : "\(folder)/\(command)"
      do throws(Failure) {
        try check(path)
        return path
      } catch {
        if case .notFound = best { best = error }
      }
    }
    throw best
  }

  /// What `execve` says of a file that `path` has found, in words.
  static func failure(_ error: Int32, of path: String) -> Failure {
    guard error == ENOENT else { return .notExecutable(SystemError(errno: error)) }
    do throws(Failure) { try check(path) } catch { return error }
    return .notExecutable(SystemError("the interpreter that it names is not there"))
  }

  /// The folders of `PATH`; an empty one is the current folder.
  private static var searchPath: [String] {
    (getenv("PATH").map { String(system: $0) } ?? "/usr/bin:/bin")
      .utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
  }

  private static func check(_ path: String) throws(Failure) {
    var status = stat()
    guard stat(path.systemName, &status) == 0 else {
      if [ENOENT, ENOTDIR].contains(errno) { throw .notFound }
      throw .notExecutable(.last)
    }
    if status.st_mode & S_IFMT == S_IFDIR { throw .notExecutable(SystemError(errno: EISDIR)) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .notExecutable(SystemError(errno: EACCES))
    }
    guard faccessat(AT_FDCWD, path.systemName, X_OK, AT_EACCESS) == 0 else {
      throw .notExecutable(.last)
    }
  }
}
