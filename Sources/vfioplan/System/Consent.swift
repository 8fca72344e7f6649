import Executor
import Glibc
import Parser

/// Asks on a terminal before a machine loses a way into it.
struct Consent {
  /// Where the answer comes from.
  var input: Int32 = STDIN_FILENO
  /// Where the question goes.
  var output = FileOutput.error
  /// What the question is laid out for.
  let screen: Screen

  /// Asks about findings; anything but a yes ends the run, the end of the input, too.
  ///
  /// Asks nobody if there are no findings, or no terminal: a script has nobody to answer.
  func ask(_ findings: [Diagnostic]) throws(CommandFailure) {
    guard !findings.isEmpty, isatty(input) == 1, output.isTerminal else { return }
    var page = TextPage(screen)
    page.line("\("This machine loses a way into it:", .strong)")
    for finding in findings { page.line("\(finding.message)", indent: 2, hanging: 2) }
    // If the question can't be written nobody says yes to it.
    try? output.write(page.bytes)
    try? output.write("Go on? [y/N] ")
    guard ["y", "yes"].contains(answer()) else { throw .notConfirmed(findings) }
  }

  /// A line of the input, in small letters; empty at its end.
  private func answer() -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < 80 {
      let count = read(input, &byte, 1)
      if count < 0, errno == EINTR { continue }
      if count != 1 || byte == UInt8(ascii: "\n") { break }
      bytes.append(byte)
    }
    let words = String(decoding: bytes, as: UTF8.self).lowercased().split(separator: " ")
    return words.count == 1 ? String(words[0]) : ""
  }
}

extension CommandFailure {
  /// Somebody did not want a way into the machine to go.
  fileprivate static func notConfirmed(_ findings: [Diagnostic]) -> CommandFailure {
    CommandFailure(
      findings + [
        Diagnostic(
          CommandDiagnostics.notConfirmed, "nobody said yes, so nothing was touched", at: nil,
          help: "answer 'y', or give --yes")
      ], .notPermitted)
  }
}
