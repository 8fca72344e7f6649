import Glibc
import Planner

/// What is looked at in the file system.
extension SystemCalls {
  /// Why a node may not be read and written; `nil` if it may.
  static func refusal(of path: String) -> Errno? {
    access(path, R_OK | W_OK) == 0 ? nil : Errno(rawValue: errno)
  }

  /// How many bytes the process may lock; `nil` without a limit.
  static var lockLimit: UInt64? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0 else { return nil }
    return limit.rlim_cur == UInt.max ? nil : UInt64(limit.rlim_cur)
  }

  /// Reads a file of the kernel's, whose size is not known before, and not much more of it than a
  /// limit in bytes.
  static func contents(of file: Int32, atMost limit: Int) throws(Errno) -> [UInt8] {
    var found: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16384)
    while found.count < limit {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Errno(rawValue: errno) }
      if count == 0 { break }
      found += buffer[..<count]
    }
    return found
  }
}
