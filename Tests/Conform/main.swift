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
  var text = ConformProgram.answers(to: programs, on: host).joined(separator: "\n") + "\n"
  text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count {
      let count = write(1, bytes.baseAddress! + done, bytes.count - done)
      if count <= 0 { exit(1) }
      done += count
    }
  }
} catch {
  exit(1)
}
