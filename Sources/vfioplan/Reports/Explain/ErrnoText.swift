import Glibc
import Planner

/// The words of errnos, as programs print them.
enum ErrnoText {
  /// The errno that a line ends with or names: `EPERM`, `Operation not permitted`, `error -1`.
  static func errno(in line: String) -> Errno? {
    named(in: line) ?? spelled(in: line.lowercased()) ?? numbered(in: line.lowercased())
  }

  /// The errno of a number up to the last that has a name.
  static func errno(numbered number: UInt64) -> Errno? {
    guard (1...133).contains(number) else { return nil }
    let errno = Errno(rawValue: Int32(number))
    return Errno(name: errno.description)
  }

  /// What the C library says of an errno.
  static func words(_ errno: Errno) -> String { String(cString: strerror(errno.rawValue)) }

  private static func named(in line: String) -> Errno? {
    line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.lazy
      .compactMap { Errno(name: String($0)) }.first
  }

  /// The longest words win: "no such device or address" is not "no such device".
  private static func spelled(in line: String) -> Errno? {
    spellings.filter { line.contains($0.words) }
      .max { $0.words.utf8.count < $1.words.utf8.count }?.errno
  }

  /// A number after a sign that says it is an errno; what system calls return, -1, is none.
  private static func numbered(in line: String) -> Errno? {
    for mark in ["error -", "errno ", "= -", "(-"] {
      for place in line.ranges(of: mark) {
        let digits = line[place.upperBound...].prefix(while: \.isNumber)
        if mark == "= -", digits == "1" { continue }
        if let found = UInt64(digits).flatMap(errno(numbered:)) { return found }
      }
    }
    return nil
  }

  private static let spellings: [(words: String, errno: Errno)] =
    (1...133 as ClosedRange<UInt64>).compactMap(errno(numbered:))
    .map { (words($0).lowercased(), $0) }
}
