import Glibc
import Planner

/// A file operation that failed, in words.
struct SystemError: Error {
  /// What the system says and the errno's name, for example `no such file or directory (ENOENT)`.
  let message: String
  /// The errno; `nil` if the words are our own.
  let number: Int32?

  /// Takes the words of an errno; its name if the system has none, as for what the kernel should
  /// keep for itself.
  init(errno number: Int32) {
    let text = String(cString: strerror(number))
    let name = Errno(rawValue: number).description
    let words = text.prefix(1).lowercased() + text.dropFirst()
    message = text.hasPrefix("Unknown error") ? name : "\(words) (\(name))"
    self.number = number
  }

  /// Says it in other words.
  init(_ message: String) {
    self.message = message
    number = nil
  }

  /// The last failure of this thread.
  static var last: SystemError { SystemError(errno: errno) }

  /// Whether it is one of some errnos.
  func isOne(of numbers: [Int32]) -> Bool { number.map(numbers.contains) ?? false }
}

/// Repeats a system call that a signal interrupted; throws what else made it fail.
func retrying(_ call: () -> Int) throws(SystemError) -> Int {
  while true {
    let result = call()
    if result >= 0 { return result }
    if errno != EINTR { throw .last }
  }
}
