import Foundation
import TestSupport

/// A script of Tests/Fixtures/peers that runs beside a test.
final class PeerProcess {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let errors = Pipe()

  /// Starts a script; its standard input stays open until `finish`.
  init(_ script: String, _ arguments: [String]) throws {
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = [PackageFiles.path("Tests/Fixtures/peers/\(script).py")] + arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors
    try process.run()
  }

  /// Waits for a line of its output, which may come in pieces.
  func line() throws -> String {
    var line = Data()
    while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
      if byte.first == UInt8(ascii: "\n") { break }
      line += byte
    }
    return String(decoding: line, as: UTF8.self)
  }

  /// Ends its standard input, waits for its end, and returns what else it wrote and how it ended.
  func finish() throws -> Tool.Outcome {
    try input.fileHandleForWriting.close()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let words = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Tool.Outcome(
      code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      errors: String(decoding: words, as: UTF8.self))
  }
}
