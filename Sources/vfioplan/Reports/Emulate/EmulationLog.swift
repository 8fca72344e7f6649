import Glibc
import Parser

/// Where calls are written as they are answered.
final class EmulationLog {
  private let file: Int32
  private var buffer: [UInt8] = []

  /// Opens a file, or takes standard error for `-`.
  init(_ path: String) throws(CommandFailure) {
    file = path == "-" ? 2 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if file < 0 { throw .unwritable(path, .last) }
  }

  /// Writes a line with the seconds since the start.
  func write(_ seconds: Double, _ line: String) {
    let micros = UInt64(seconds * 1e6)
    let rest = String(micros % 1_000_000)
    let digits = String(repeating: "0", count: 6 - rest.utf8.count) + rest
    buffer += Array("\(micros / 1_000_000).\(digits) \(line)\n".utf8)
    if file == 2 || buffer.count > 1 << 16 { flush() }
  }

  /// Writes what is left.
  func flush() {
    var done = 0
    while done < buffer.count {
      let count = buffer[done...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count <= 0 { break }
      done += count
    }
    buffer = []
  }
}
