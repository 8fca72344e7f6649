import Glibc

/// A file operation that failed, in words.
struct SystemError: Error {
  /// What the system says, for example `no such file or directory`.
  let message: String

  /// Takes the words of an errno.
  init(errno number: Int32) {
    let text = String(cString: strerror(number))
    message = text.prefix(1).lowercased() + text.dropFirst()
  }

  /// Says it in other words.
  init(_ message: String) { self.message = message }

  /// The last failure of this thread.
  static var last: SystemError { SystemError(errno: errno) }
}

/// Repeats a system call that a signal interrupted; throws what else made it fail.
func retrying(_ call: () -> Int) throws(SystemError) -> Int {
  while true {
    let result = call()
    if result >= 0 { return result }
    if errno != EINTR { throw .last }
  }
}
