import Executor
import Parser

/// Where a command's result goes: standard output or the file of `-o`.
struct Destination {
  /// The file; `nil` for standard output.
  let path: String?

  /// Standard output.
  static let standard = Destination(path: nil)

  /// The file of `-o`, or standard output without it or for `-`.
  init(path: String?) { self.path = path == FileInput.standardInput ? nil : path }

  /// Writes pieces; a file is replaced as a whole when all of them are there.
  func write(
    _ body: (FileOutput) throws(SystemError) -> Void
  ) throws(CommandFailure) {
    do throws(SystemError) {
      guard let path else { return try body(.standard) }
      try FileOutput.replace(path, with: body)
    } catch {
      throw .unwritable(path, error)
    }
  }

  /// Writes a page.
  func write(_ page: TextPage) throws(CommandFailure) { try write(bytes: page.bytes) }

  /// Writes a JSON text.
  func write(_ writer: borrowing JSONWriter) throws(CommandFailure) {
    try write(bytes: writer.bytes)
  }

  /// Writes bytes.
  func write(bytes: [UInt8]) throws(CommandFailure) {
    try write { (file: FileOutput) throws(SystemError) in try file.write(bytes) }
  }
}
