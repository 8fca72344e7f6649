import Executor
import Glibc
import Parser

// Reads a host description and programs from standard input and says what the simulator answers.
// The lab compares that with what kernels answer to the same programs.

var description = ""
var programs: [String] = []
while let line = readLine() {
  if programs.isEmpty, !line.hasPrefix("program ") {
    description += line + "\n"
  } else {
    programs.append(line)
  }
}
var sink = DiagnosticSink()
do throws(DiagnosticsError) {
  let file = SourceFile(id: .host, name: "<stdin>", text: description)
  let host = try DescriptionReader.host(DescriptionReader.tree(of: file, into: &sink), into: &sink)
  let text = ConformProgram.answers(to: programs, on: host).joined(separator: "\n") + "\n"
  let bytes = Array(text.utf8)
  var done = 0
  while done < bytes.count {
    let count = bytes[done...].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    if count <= 0 { exit(1) }
    done += count
  }
} catch {
  for diagnostic in error.diagnostics {
    "Conform: \(diagnostic.message)\n".withCString { _ = write(2, $0, strlen($0)) }
  }
  exit(1)
}
