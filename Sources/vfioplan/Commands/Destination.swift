import Executor
import Parser
import Planner

/// Where a command's result goes: standard output or the file of `-o`.
struct Destination {
  /// The file; `nil` for standard output.
  let path: String?

  /// Standard output.
  static let standard = Destination(path: nil)

  /// The file of `-o`, or standard output without it or for `-`.
  init(path: String?) { self.path = path == FileInput.standardInput ? nil : path }

  /// Writes pieces; a file is replaced as a whole when all of them are there.
  func write(_ body: FileOutput.Body) throws(CommandFailure) {
    do throws(SystemError) {
      guard let path else { return try body(.standard) }
      try FileOutput.write(to: path, with: body)
    } catch {
      throw .unwritable(path, error)
    }
  }

  /// Writes a plan in one of its forms.
  func write(
    _ plan: CompiledPlan, as emitter: any Emitter, _ context: EmitterContext
  ) throws(CommandFailure) {
    try write(pieces: { emitter.emit(plan, context, to: $0) })
  }

  /// Writes the pieces that are handed over, until one of them can't be written.
  func write(
    pieces emit: ((UnsafeRawBufferPointer) -> Void) -> Void
  ) throws(CommandFailure) {
    try write { (file: FileOutput) throws(SystemError) in
      var failure: SystemError?
      emit { bytes in
        guard failure == nil else { return }
        do throws(SystemError) { try file.write(bytes) } catch { failure = error }
      }
      if let failure { throw failure }
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

extension OutputStyle {
  /// What text that goes to a destination is laid out for; a file is not a terminal.
  func screen(for destination: Destination) -> Screen {
    let terminal = screen(for: FileOutput.standard)
    if destination.path == nil { return terminal }
    return Screen(color == .always ? terminal.marks : .none, width: FileOutput.statedWidth)
  }
}
