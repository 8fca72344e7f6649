import CLinux
import Glibc
import Parser

/// The words that the process was started with.
///
/// `CommandLine.arguments` reads them from `/proc/self/cmdline`, which takes a `/proc` and a free
/// descriptor, and replaces every byte that is not UTF-8.
enum Arguments {
  fileprivate typealias Words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  fileprivate nonisolated(unsafe) static var all: Words?
  fileprivate nonisolated(unsafe) static var isVariableSet = false

  /// All but the tool's own name; bytes as `String(systemBytes:)` has them.
  static var given: [String] {
    guard var next = all, next.pointee != nil else { return [] }
    var words: [String] = []
    while true {
      next += 1
      guard let word = next.pointee else { return words }
      words.append(String(system: word))
    }
  }

  /// Has the environment as it was at the start; the runtime has read it by now.
  static func restoreEnvironment() {
    if isVariableSet { unsetenv(BACKTRACE_VARIABLE) }
    isVariableSet = false
  }
}

/// Comes before the runtime's own functions of this section, which have no number.
///
/// glibc hands each what it hands `main` (csu/libc-start.c, elf/dl-init.c).
@section(".init_array.00101") @used
private let start: @convention(c) (Int32, Arguments.Words?, Arguments.Words?) -> Void = {
  _, words, _ in
  take_pages_of_zeros()
  Arguments.all = words
  Arguments.isVariableSet = set_backtrace_variable() != 0
}

extension String {
  /// Takes the bytes up to a zero.
  init(system text: UnsafePointer<CChar>) {
    self.init(systemBytes: [UInt8](UnsafeRawBufferPointer(start: text, count: strlen(text)))[...])
  }
}
